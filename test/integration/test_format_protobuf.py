"""Messages of every construct of proto3 and proto2, random, as Google's Python library writes and reads them."""

import json
import os
import random
import shutil
import struct
import tempfile
import unittest
from datetime import datetime, timedelta
from pathlib import Path

from google.protobuf import json_format

from fixtures.encode import PROTOBUF, message_class
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

COUNT = 300
WELL_KNOWN = "google.protobuf."
JSON_TYPES = ("Struct", "Value", "ListValue", "Empty")
NUMBERS = {
    "int32": [0, 1, -1, (1 << 31) - 1, -(1 << 31)], "int64": [0, 1, -1, (1 << 63) - 1, -(1 << 63)],
    "uint32": [0, 1, (1 << 32) - 1], "uint64": [0, 1, (1 << 64) - 1],
}
KINDS = {
    "sint32": "int32", "sfixed32": "int32", "sint64": "int64", "sfixed64": "int64", "fixed32": "uint32", "fixed64": "uint64",
}
TEXTS = ["", "plain", "Ünïcode 𝄞", "nul\0inside", "x" * 300]


def kind(field) -> str:
    """The name of a field's type in the schema."""
    name = next(name for name, number in vars(type(field)).items() if name.startswith("TYPE_") and number == field.type)
    return name.removeprefix("TYPE_").lower()


def is_map(field) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def well_known(field) -> str:
    """`Timestamp` and so on; empty for other fields."""
    name = field.message_type.full_name if field.message_type else ""
    return name.removeprefix(WELL_KNOWN) if name.startswith(WELL_KNOWN) else ""


def scalar(field, chance: random.Random):
    name = kind(field)
    if name in KINDS or name in NUMBERS:
        return chance.choice(NUMBERS[KINDS.get(name, name)])
    if name == "enum":
        closed = field.enum_type.is_closed
        return chance.choice([value.number for value in field.enum_type.values] + ([] if closed else [99, -7]))
    return {
        "bool": lambda: chance.random() < 0.5,
        "string": lambda: chance.choice(TEXTS),
        "bytes": lambda: chance.randbytes(chance.randrange(300)),
        "double": lambda: chance.choice([0.0, -2.5, 0.1, 1e300, float("inf"), chance.uniform(-1, 1)]),
        "float": lambda: struct.unpack("f", struct.pack("f", chance.choice([0.0, 0.1, -1e30, chance.uniform(-1, 1)])))[0],
    }[name]()


def fill_well_known(name: str, message, chance: random.Random) -> None:
    match name:
        case "Timestamp":
            message.seconds, message.nanos = chance.randrange(-(10**9), 10**10), chance.randrange(10**6) * 1000
        case "Duration":
            message.FromMicroseconds(chance.randrange(-(10**13), 10**13))
        case "Struct" | "Value" | "ListValue":
            value = {"a": [1.5, None, "x"], "b": {"c": True}, "d": chance.choice(TEXTS)}
            json_format.ParseDict({"Struct": value, "Value": chance.choice([value, "text", True]), "ListValue": [value, 2.5]}[name], message)
        case "Empty":
            message.SetInParent()
        case _:
            message.value = scalar(message.DESCRIPTOR.fields_by_name["value"], chance)
            message.SetInParent()


def randomize(message, chance: random.Random, depth: int = 0):
    """Sets some of the fields; all that are required."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required and (chance.random() < 0.3 or depth > 3):
            continue
        name = well_known(field)
        if name == "Any":
            continue
        if is_map(field):
            key, value = (field.message_type.fields_by_name[part] for part in ("key", "value"))
            for _ in range(chance.randrange(4)):
                place = getattr(message, field.name)
                if value.message_type:
                    randomize(place[scalar(key, chance)], chance, depth + 1)
                else:
                    place[scalar(key, chance)] = scalar(value, chance)
        elif field.is_repeated:
            for _ in range(chance.randrange(4)):
                place = getattr(message, field.name)
                if name:
                    fill_well_known(name, place.add(), chance)
                elif field.message_type:
                    randomize(place.add(), chance, depth + 1)
                else:
                    place.append(scalar(field, chance))
        elif name:
            fill_well_known(name, getattr(message, field.name), chance)
        elif field.message_type:
            getattr(message, field.name).SetInParent()
            randomize(getattr(message, field.name), chance, depth + 1)
        else:
            setattr(message, field.name, scalar(field, chance))
    return message


def one(field, value, above: tuple):
    """What a column has for one value of a field."""
    name = well_known(field)
    if name == "Timestamp":
        return datetime(1970, 1, 1) + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    if name == "Duration":
        return timedelta(microseconds=value.ToMicroseconds())
    if name in JSON_TYPES:
        return Json(json_format.MessageToDict(value))
    if name:
        return value.value
    if field.message_type:
        if field.message_type.full_name in above:
            return Json(json_format.MessageToDict(value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True))
        return row(value, above)
    if kind(field) == "enum":
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    return value


def row(message, above: tuple = ()) -> dict:
    """What the columns of a message have, as the library reads it."""
    above += (message.DESCRIPTOR.full_name,)
    values = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if is_map(field):
            of = field.message_type.fields_by_name["value"]
            values[field.name] = {key: one(of, item, above) for key, item in value.items()}
        elif field.is_repeated:
            values[field.name] = [one(field, item, above) for item in value]
        elif field.has_presence and not message.HasField(field.name):
            values[field.name] = one(field, field.default_value, above) if field.has_default_value else None
        else:
            values[field.name] = one(field, value, above)
    return values


class Json:
    """A value that comes as JSON text."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other) -> bool:
        return isinstance(other, str) and json.loads(other) == self.value

    def __repr__(self) -> str:
        return f"Json({self.value!r})"


class Protobuf(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def agrees(self, stream: str, name: str, schema: str, before: bytes = b"") -> None:
        """Reads all fields; `before` is what stands in front of each message."""
        chance = random.Random(7)
        of = message_class(name)
        messages = [randomize(of(), chance) for _ in range(COUNT)]
        fill(self.url, f"stream name={stream} subjects={stream}")
        with Wire(self.url) as wire:
            wire.publish(Message(stream, before + message.SerializeToString()) for message in messages)
        read = self.connection.sql(
            f"SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload) FROM nats_scan('{stream}', url := '{self.url}', "
            f"format := 'protobuf', {schema}) ORDER BY seq"
        )
        names = [column.name for column in of.DESCRIPTOR.fields]
        self.assertEqual(read.columns, names)
        rows = read.fetchall()
        self.assertEqual(len(rows), COUNT)
        expected = [row(of.FromString(message.SerializeToString())) for message in messages]
        for position, column in enumerate(names):
            with self.subTest(column=column):
                for got, wanted in zip(rows, expected):
                    self.assertEqual(wanted[column], got[position])
                # Any is left alone here.
                if column != "any":
                    self.assertGreater(sum(wanted[column] not in (None, [], {}) for wanted in expected), COUNT // 20)

    def test_proto3_by_its_file(self):
        self.agrees("three", "fleet.v1.Everything", f"proto_file := '{PROTOBUF / 'everything.proto'}', proto_message := 'fleet.v1.Everything'")

    def test_proto3_by_descriptors(self):
        self.agrees("described", "fleet.v1.Everything", f"proto_descriptor_set := '{PROTOBUF / 'types.binpb'}', proto_message := 'fleet.v1.Everything'")

    def test_proto2_by_its_file(self):
        self.agrees("two", "legacy.Reading", f"proto_file := '{PROTOBUF / 'legacy.proto'}', proto_message := 'legacy.Reading'")

    def test_by_the_schemas_of_a_registry(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PROTOBUF / "everything.proto", Path(folder) / "70000.proto")
            given = f"schema_registry := '{folder}', proto_path := ['{PROTOBUF}'], columns := 'auto'"
            self.agrees("numbered", "fleet.v1.Everything", given, struct.pack(">bI", 0, 70000) + b"\0")


if __name__ == "__main__":
    unittest.main()
