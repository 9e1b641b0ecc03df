"""Writes vectors.txt and types.binpb: messages as Google's Python protobuf encodes them, and what they hold.

    python3 -m venv venv && venv/bin/pip install protobuf grpcio-tools && venv/bin/python vectors.py

A line of vectors.txt is `message type <tab> payload in hex <tab> its JSON`. The JSON is written here from what Python's
own parser reads, by the rules of src/codec/protobuf/json.rs: names as in the schema, absent fields left out, fields
without presence and lists and maps always there, numbers as numbers.
"""

import base64
import json
import math
import pathlib
import random
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc
import grpc_tools

HERE = pathlib.Path(__file__).parent
COUNT = 50


def load():
    include = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    arguments = ["protoc", f"-I{HERE}", f"-I{include}", "--include_imports", f"--descriptor_set_out={HERE}/types.binpb"]
    assert protoc.main(arguments + ["everything.proto", "legacy.proto"]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString((HERE / "types.binpb").read_bytes()).file:
        pool.Add(file)
    return pool


def scalar(field, value):
    if field.type == field.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT):
        if math.isinf(value) or math.isnan(value):
            return None
        if field.type == field.TYPE_FLOAT:
            return float(json_format.type_checkers.ToShortestFloat(value))
    return value


def document(value):
    kind = value.WhichOneof("kind")
    if kind in (None, "null_value"):
        return None
    if kind == "number_value":
        number = value.number_value
        return int(number) if number == int(number) else number
    if kind == "struct_value":
        return {key: document(item) for key, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [document(item) for item in value.list_value.values]
    return getattr(value, kind)


def stamp(value):
    text = value.ToJsonString().removesuffix("Z")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "Z"


def one(field, value):
    return whole(value) if field.message_type else scalar(field, value)


def whole(message):
    name = message.DESCRIPTOR.full_name
    match name.removeprefix("google.protobuf."):
        case "Timestamp":
            return stamp(message)
        case "Duration":
            return message.ToJsonString()
        case "Struct":
            return {key: document(value) for key, value in message.fields.items()}
        case "Value":
            return document(message)
        case "ListValue":
            return [document(value) for value in message.values]
        case "Any":
            if not message.type_url:
                return {}
            inner = message_factory.GetMessageClass(POOL.FindMessageTypeByName(message.TypeName()))()
            message.Unpack(inner)
            content = whole(inner)
            known = message.TypeName().startswith("google.protobuf.") and "Empty" not in message.TypeName()
            return {"@type": message.type_url, **({"value": content} if known else content)}
    if name.startswith("google.protobuf.") and name.endswith("Value"):
        return scalar(message.DESCRIPTOR.fields_by_name["value"], message.value)
    out = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.message_type and field.message_type.GetOptions().map_entry:
            item = field.message_type.fields_by_name["value"]
            text = lambda key: json.dumps(key) if isinstance(key, bool) else str(key)
            out[field.name] = {text(key): one(item, value[key]) for key in value}
        elif field.is_repeated:
            out[field.name] = [one(field, item) for item in value]
        elif not field.has_presence or message.HasField(field.name):
            out[field.name] = one(field, value)
        elif field.has_default_value and field.full_name.startswith("legacy."):
            out[field.name] = scalar(field, value)
    return out


INTEGERS = {"int32": 31, "sint32": 31, "sfixed32": 31, "int64": 63, "sint64": 63, "sfixed64": 63}


def number(rng, bits, signed):
    low, high = (-(2**bits), 2**bits - 1) if signed else (0, 2**bits - 1)
    return rng.choice([low, high, 0, 1, rng.randint(low, high), rng.randint(-100, 100) if signed else 5])


def random_scalar(rng, field):
    t = field.type
    if t == field.TYPE_BOOL:
        return rng.random() < 0.5
    if t == field.TYPE_STRING:
        return rng.choice(["", "a", "größe", 'say "hi"\n', "\0", "😀" * 3, "x" * 130])
    if t == field.TYPE_BYTES:
        return rng.randbytes(rng.choice([0, 1, 2, 40]))
    if t == field.TYPE_ENUM:
        values = [value.number for value in field.enum_type.values]
        return rng.choice(values if field.enum_type.is_closed else values + [99, -(2**31)])
    if t == field.TYPE_DOUBLE:
        return rng.choice([0.0, 1.5, -1e300, 5e-324, math.inf, math.nan, 3.0, rng.uniform(-1e6, 1e6)])
    if t == field.TYPE_FLOAT:
        return struct.unpack("f", struct.pack("f", rng.choice([0.0, 0.1, 1e20, -math.inf, rng.uniform(-100, 100)])))[0]
    names = {v: k.removeprefix("TYPE_").lower() for k, v in vars(type(field)).items() if k.startswith("TYPE_")}
    name = names[t]
    return number(rng, INTEGERS.get(name, 32 if name.endswith("32") else 64), name in INTEGERS)


def random_document(rng, value, depth):
    kind = rng.randrange(4 if depth > 2 else 6)
    if kind == 0:
        value.null_value = 0
    elif kind == 1:
        value.number_value = rng.choice([0, -3, 1.25, 1e300, 2.0**53])
    elif kind == 2:
        value.string_value = rng.choice(["", "x", '"'])
    elif kind == 3:
        value.bool_value = rng.random() < 0.5
    elif kind == 4:
        value.struct_value.SetInParent()
        for key in rng.sample(["a", "b", "c.d"], rng.randrange(3)):
            random_document(rng, value.struct_value.fields[key], depth + 1)
    else:
        value.list_value.SetInParent()
        for _ in range(rng.randrange(3)):
            random_document(rng, value.list_value.values.add(), depth + 1)


def fill(rng, message, depth=0):
    name = message.DESCRIPTOR.full_name.removeprefix("google.protobuf.")
    if name == "Timestamp":
        message.seconds = rng.choice([0, -62135596800, 253402300799, rng.randrange(2**31)])
        message.nanos = rng.choice([0, 1, 500_000_000, 999_999_999])
        return
    if name == "Duration":
        message.seconds = rng.choice([0, 90, 315_576_000_000])
        message.nanos = rng.choice([0, 1, 250_000_000])
        if rng.random() < 0.5:
            message.seconds, message.nanos = -message.seconds, -message.nanos
        return
    if name == "Value":
        return random_document(rng, message, depth)
    if name == "Any":
        kind = rng.randrange(3)
        if kind == 0:
            inner = message_factory.GetMessageClass(POOL.FindMessageTypeByName("common.Place"))()
        elif kind == 1:
            inner = message_factory.GetMessageClass(POOL.FindMessageTypeByName("google.protobuf.Duration"))()
        else:
            return
        fill(rng, inner, depth + 1)
        message.Pack(inner)
        return
    for field in message.DESCRIPTOR.fields:
        required = field.is_required if hasattr(field, "is_required") else field.label == field.LABEL_REQUIRED
        if not required and rng.random() < 0.3 or depth > 4 and field.message_type:
            continue
        if field.message_type and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
            entries = getattr(message, field.name)
            for _ in range(rng.randrange(3)):
                if value.message_type:
                    fill(rng, entries[random_scalar(rng, key)], depth + 1)
                else:
                    entries[random_scalar(rng, key)] = random_scalar(rng, value)
        elif field.is_repeated:
            for _ in range(rng.randrange(4)):
                if field.message_type:
                    fill(rng, getattr(message, field.name).add(), depth + 1)
                else:
                    getattr(message, field.name).append(random_scalar(rng, field))
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            fill(rng, getattr(message, field.name), depth + 1)
        else:
            setattr(message, field.name, random_scalar(rng, field))


POOL = load()


def main():
    rng = random.Random(3)
    lines = []
    for name in ["fleet.v1.Everything", "legacy.Reading"]:
        kind = message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))
        for _ in range(COUNT):
            message = kind()
            fill(rng, message)
            payload = message.SerializeToString()
            again = kind.FromString(payload)
            lines.append(f"{name}\t{payload.hex()}\t{json.dumps(whole(again), ensure_ascii=False)}\n")
    (HERE / "vectors.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
