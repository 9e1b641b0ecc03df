"""Payloads that nobody thought of: random types and documents as `read_json` reads them, random documents of the binary formats as
their Python libraries wrote them, and damaged payloads of every format.

`NATS_JS_FUZZ` is how many times as much is done (1 unless it is set), `NATS_JS_FUZZ_SEED` where the dice begin.
"""

import base64
import io
import json
import os
import random
import resource
import unittest
from pathlib import Path

import cbor2
import fastavro
import msgpack

from fixtures import encode
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

ROUNDS = int(os.environ.get("NATS_JS_FUZZ") or 1)
SEED = int(os.environ.get("NATS_JS_FUZZ_SEED") or 1)
DOCUMENTS = 400
DAMAGED = 1_000
# What one read of damaged payloads may take, beside what the process has.
MOST_MEMORY = 128 << 20

TEXTS = ["", "plain", "Ünïcode ✓ 𝄞", 'quote " and \\ back', "tab\tline\n", "nul\0", "{\"a\":1}", "[1]", "null", "x" * 70]
INTEGERS = {"SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "UTINYINT": 8, "UBIGINT": 64, "HUGEINT": 63}
SCHEMA_TEXT = "fleet.v1.Everything"


def sql(text: str) -> str:
    return text.replace("'", "''")


def random_type(chance: random.Random, depth: int = 3) -> str:
    if depth and chance.random() < 0.4:
        inner = lambda: random_type(chance, depth - 1)
        return chance.choice([
            lambda: f"{inner()}[]",
            lambda: f"MAP(VARCHAR, {inner()})",
            lambda: "STRUCT(" + ", ".join(f'"{name}" {inner()}' for name in ["a", "b c", "ü"][: chance.randrange(1, 4)]) + ")",
        ])()
    scalars = [*INTEGERS, "BOOLEAN", "DOUBLE", "DECIMAL(18,4)", "VARCHAR", "DATE", "TIMESTAMP", "TIME", "UUID"]
    # Inside of a nested type read_json writes JSON anew, and here it stays as it is written.
    return chance.choice([*scalars, "JSON"] if depth == 3 else scalars)


def tree(chance: random.Random, depth: int, leaf):
    """A document of any shape."""
    fate = chance.random()
    if depth == 0 or fate < 0.5:
        return leaf(chance)
    if fate < 0.75:
        return [tree(chance, depth - 1, leaf) for _ in range(chance.randrange(4))]
    return {key: tree(chance, depth - 1, leaf) for key in chance.sample(["a", "b", "ü", "", "0", "long " * 5], chance.randrange(4))}


def json_leaf(chance: random.Random):
    return chance.choice([None, True, False, 0, -1, 1 << 40, 0.5, -1e-7, chance.choice(TEXTS)])


def value(chance: random.Random, ty: str):
    """A value that a column of the type takes, or null."""
    if chance.random() < 0.12:
        return None
    if ty.endswith("[]"):
        return [value(chance, ty[:-2]) for _ in range(chance.randrange(4))]
    if ty.startswith("MAP("):
        return {key: value(chance, ty[len("MAP(VARCHAR, "):-1]) for key in chance.sample(["k", "", "ü", "0"], chance.randrange(4))}
    if ty.startswith("STRUCT("):
        members = [(name, value(chance, inner)) for name, inner in struct_members(ty) if chance.random() < 0.85]
        chance.shuffle(members)
        return dict(members)
    if ty in INTEGERS:
        bits = INTEGERS[ty]
        return chance.choice([0, 1, (1 << bits) - 1, chance.randrange(1 << bits), *([-1, -(1 << bits)] if bits % 8 else [])])
    return {
        "BOOLEAN": lambda: chance.random() < 0.5,
        "DOUBLE": lambda: chance.choice([0.0, 0.1, -2.5e-9, 1e300, 5, chance.uniform(-1e6, 1e6)]),
        "DECIMAL(18,4)": lambda: chance.randrange(-10**12, 10**12) / 16,
        "VARCHAR": lambda: chance.choice(TEXTS[:5] + TEXTS[6:]),
        "DATE": lambda: f"{chance.randrange(1600, 2300):04d}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}",
        "TIMESTAMP": lambda: f"{chance.randrange(1900, 2100)}-01-15 10:{chance.randrange(10, 60)}:00.{chance.randrange(10**6):06d}",
        "TIME": lambda: f"{chance.randrange(10, 24)}:{chance.randrange(10, 60)}:{chance.randrange(10, 60)}.{chance.randrange(1000):03d}",
        "UUID": lambda: f"{chance.getrandbits(128):032x}",
        "JSON": lambda: tree(chance, 3, json_leaf),
    }[ty]()


def struct_members(ty: str) -> list[tuple[str, str]]:
    members, depth, start = [], 0, len("STRUCT(")
    for at in range(start, len(ty)):
        depth += (ty[at] == "(") - (ty[at] == ")")
        if depth < 0 or (depth == 0 and ty[at] == ","):
            _, name, inner = ty[start:at].strip().split('"', 2)
            members.append((name, inner.strip()))
            start = at + 1
    return members


def written(chance: random.Random, document: dict) -> str:
    """The document as JSON, in one of the ways to write it."""
    separators = chance.choice([(",", ":"), (", ", ": "), (" ,", "\t: ")])
    return json.dumps(document, ensure_ascii=chance.random() < 0.5, separators=separators)


def binary_leaf(bits: int):
    def leaf(chance: random.Random):
        number = chance.choice([0, 1, 23, 24, 127, 128, 255, 256, 65_535, 1 << 31, (1 << bits) - 1])
        return chance.choice([
            None, True, False, number, -number if number < 1 << 63 else -1, chance.uniform(-1e9, 1e9), 0.5,
            chance.choice(TEXTS), chance.randbytes(chance.randrange(300)),
        ])
    return leaf


def as_json(item):
    """A document as JSON has it."""
    if isinstance(item, bytes):
        return base64.b64encode(item).decode()
    if isinstance(item, list):
        return [as_json(part) for part in item]
    return {key: as_json(part) for key, part in item.items()} if isinstance(item, dict) else item


def avro_schema(chance: random.Random, depth: int, names: list[int]):
    fate = chance.random()
    if depth == 0 or fate < 0.5:
        return chance.choice(["null", "boolean", "int", "long", "double", "bytes", "string"])
    inner = lambda: avro_schema(chance, depth - 1, names)
    names[0] += 1
    name = f"N{names[0]}"
    return chance.choice([
        lambda: {"type": "array", "items": inner()},
        lambda: {"type": "map", "values": inner()},
        lambda: ["null", chance.choice(["int", "string", "bytes", "double"])],
        lambda: {"type": "enum", "name": name, "symbols": ["A", "B"]},
        lambda: {"type": "fixed", "name": name, "size": 3},
        lambda: {"type": "record", "name": name, "fields": [{"name": key, "type": inner()} for key in "xyz"[: chance.randrange(1, 4)]]},
    ])()


def avro_value(chance: random.Random, schema):
    if isinstance(schema, list):
        return avro_value(chance, chance.choice(schema))
    kind = schema if isinstance(schema, str) else schema["type"]
    return {
        "null": lambda: None,
        "boolean": lambda: chance.random() < 0.5,
        "int": lambda: chance.choice([0, -1, 63, 64, (1 << 31) - 1, -(1 << 31)]),
        "long": lambda: chance.choice([0, -1, 1 << 40, (1 << 63) - 1, -(1 << 63)]),
        "double": lambda: chance.uniform(-1e9, 1e9),
        "bytes": lambda: chance.randbytes(chance.randrange(40)),
        "string": lambda: chance.choice(TEXTS),
        "array": lambda: [avro_value(chance, schema["items"]) for _ in range(chance.randrange(4))],
        "map": lambda: {key: avro_value(chance, schema["values"]) for key in chance.sample(["k", "ü", ""], chance.randrange(4))},
        "enum": lambda: chance.choice(schema["symbols"]),
        "fixed": lambda: chance.randbytes(3),
        "record": lambda: {field["name"]: avro_value(chance, field["type"]) for field in schema["fields"]},
    }[kind]()


def container(value: dict, schema) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(schema), [value])
    return file.getvalue()


def damaged(chance: random.Random, payload: bytes) -> bytes:
    """The payload with some of it lost, changed, doubled or put in."""
    body = bytearray(payload)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                del body[at:at + chance.randrange(1, 9)]
            case 1:
                body[at:at + 1] = chance.randbytes(1)
            case 2:
                body[at:at] = chance.choice([chance.randbytes(4), b"\xff" * 9, b"[" * 300, b"{\"a\":" * 200, b"\x9f" * 300, b"\x91" * 300])
            case 3:
                body[at:at] = body[at // 2:at]
            case 4:
                del body[at:]
    return bytes(body)


class FuzzPayloads(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def publish(self, name: str, payloads: list[bytes]) -> None:
        fill(self.url, f"stream name={name} subjects={name.lower()}")
        with Wire(self.url) as wire:
            wire.publish(Message(name.lower(), payload) for payload in payloads)

    def test_json_is_what_read_json_reads(self):
        for number in range(4 * ROUNDS):
            seed = SEED * 1_000_003 + number
            chance = random.Random(seed)
            types = {f"c{at}": random_type(chance) for at in range(6)}
            documents = []
            for row in range(DOCUMENTS):
                members = [(name, value(chance, ty)) for name, ty in types.items() if chance.random() < 0.9]
                chance.shuffle(members)
                documents.append({"id": row, **dict(members)})
            texts = [written(chance, document) for document in documents]
            file = Path(os.environ["NATS_JS_TEST_DIR"]) / f"fuzz{number}.ndjson"
            file.write_text("\n".join(texts) + "\n", encoding="utf-8")
            self.publish(f"J{number}", [text.encode() for text in texts])
            listed = ", ".join(f"'{name}': '{sql(ty)}'" for name, ty in {"id": "BIGINT", **types}.items())
            self.connection.execute(
                f"CREATE OR REPLACE TABLE ours AS SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload) "
                f"FROM nats_scan('J{number}', url := '{self.url}', columns := {{{listed}}})"
            )
            self.connection.execute(
                f"CREATE OR REPLACE TABLE theirs AS FROM read_json('{file}', format = 'newline_delimited', columns = {{{listed}}})"
            )
            for name, ty in types.items():
                # JSON stays as it is written, and read_json writes its numbers and escapes anew: so are both for the comparison.
                shown = 'json({}."{}"::VARCHAR)::VARCHAR' if ty == "JSON" else '{}."{}"::VARCHAR'
                differing = self.connection.sql(
                    f'SELECT id, o."{name}", t."{name}" FROM ours o FULL JOIN theirs t USING (id) '
                    f'WHERE {shown.format("o", name)} IS DISTINCT FROM {shown.format("t", name)} ORDER BY id LIMIT 1'
                ).fetchall()
                shown = [texts[row[0]] for row in differing]
                self.assertEqual(differing, [], f"{ty}, seed {seed}: {shown}")

    def documents(self, name: str, format: str, payloads: list[bytes]) -> list:
        self.publish(name, payloads)
        rows = self.connection.sql(
            f"SELECT doc FROM nats_scan('{name}', url := '{self.url}', format := '{format}', "
            f"columns := {{'doc': {{'path': '$', 'type': 'JSON'}}}}) ORDER BY seq"
        ).fetchall()
        return [json.loads(text) if text is not None else None for (text,) in rows]

    def test_binary_formats_are_what_their_encoders_wrote(self):
        for number in range(ROUNDS):
            seed = SEED * 1_000_003 + number
            for format, bits, pack in (("msgpack", 64, msgpack.packb), ("cbor", 100, cbor2.dumps)):
                chance = random.Random(seed)
                documents = [{"v": tree(chance, 4, binary_leaf(bits))} for _ in range(DOCUMENTS)]
                found = self.documents(f"{format.upper()}{number}", format, [pack(document) for document in documents])
                for at, (document, read) in enumerate(zip(documents, found, strict=True)):
                    self.assertEqual(read, as_json(document), f"{format}, seed {seed}, document {at}")

    def test_avro_is_what_fastavro_wrote(self):
        for number in range(ROUNDS):
            seed = SEED * 1_000_003 + number
            chance = random.Random(seed)
            written = []
            for _ in range(DOCUMENTS):
                schema = {"type": "record", "name": "Root", "fields": [{"name": "v", "type": avro_schema(chance, 4, [0])}]}
                written.append((avro_value(chance, schema), schema))
            found = self.documents(f"AVRO{number}", "avro", [container(*pair) for pair in written])
            for at, ((document, schema), read) in enumerate(zip(written, found, strict=True)):
                self.assertEqual(read, as_json(document), f"seed {seed}, document {at}: {json.dumps(schema)}")

    def test_damaged_payloads_are_errors_and_no_more(self):
        chance = random.Random(SEED)
        everything = {"fInt64": "7", "rInt32": [1, 2], "mString": {"k": "5"}, "tree": {"name": "r", "children": [{"name": "l"}]}}
        event = {"a": 1, "l": [{"x": "y", "n": 2.5}], "t": "text", "raw": "AP8=", "m": {"k": [1, 2, 3]}}
        schema = {"type": "record", "name": "R", "fields": [
            {"name": "a", "type": "int"}, {"name": "t", "type": ["null", "string"]}, {"name": "l", "type": {"type": "array", "items": {
                "type": "record", "name": "I", "fields": [{"name": "x", "type": "string"}, {"name": "n", "type": "double"}]}}}]}
        row = {name: event[name] for name in "atl"}
        everything_file = Path(os.environ["NATS_JS_ROOT"]) / "test/protobuf/everything.proto"
        protobuf = f", proto_file := '{everything_file}', proto_message := '{SCHEMA_TEXT}'"
        columns = "{'a': 'INTEGER', 't': 'VARCHAR', 'xs': {'path': 'l[*].x', 'type': 'VARCHAR[]'}, 'n': {'path': 'l[-1].n', 'type': 'DOUBLE'}, "
        columns += "'l': 'STRUCT(x VARCHAR, n DOUBLE)[]', 'doc': {'path': '$', 'type': 'JSON'}}"
        fields = "{'f_int64': 'BIGINT', 'r_int32': 'INTEGER[]', 'm_string': 'MAP(VARCHAR, VARCHAR)', 'tree': 'JSON', 'names': "
        fields += "{'path': 'tree.children[*].name', 'type': 'VARCHAR[]'}}"
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, fastavro.parse_schema(schema), row)
        kinds = {
            "json": ("json", json.dumps(event).encode(), columns, ""),
            "ndjson": ("ndjson", b"\n".join([json.dumps(event).encode()] * 3), columns, ""),
            "unnest": ("json", json.dumps(event).encode(), "{'a': 'INTEGER', 'x': {'path': 'l[].x', 'type': 'VARCHAR'}}", ", unnest := 'l'"),
            "msgpack": ("msgpack", msgpack.packb(event), columns, ""),
            "cbor": ("cbor", cbor2.dumps({**event, "big": 1 << 300, "tagged": cbor2.CBORTag(4, [-2, 273])}), columns, ""),
            "container": ("avro", container(row, schema), columns, ""),
            "unnest_avro": ("avro", container(row, schema), "{'a': 'INTEGER', 'x': {'path': 'l[].x', 'type': 'VARCHAR'}}", ", unnest := 'l'"),
            "datum": ("avro", datum.getvalue(), columns, f", avro_schema := '{sql(json.dumps(schema))}'"),
            "protobuf": ("protobuf", encode.protobuf(everything, SCHEMA_TEXT), fields, protobuf),
        }
        for name, (format, payload, columns, more) in kinds.items():
            for number in range(ROUNDS):
                payloads = [damaged(chance, payload) for _ in range(DAMAGED)] + [payload]
                stream = f"D{name}{number}".upper()
                self.publish(stream, payloads)
                read = f"nats_scan('{stream}', url := '{self.url}', format := '{format}', columns := {columns}{more}"
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
                rows = self.connection.sql(
                    f"SELECT seq, COLUMNS(* EXCLUDE (stream, subject, seq, ts_nats, payload)) FROM {read}, on_error := 'null', decode_error := true)"
                ).fetchall()
                grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before
                self.assertLess(grown, MOST_MEMORY, f"{name}, seed {SEED}: bytes of memory")
                # The payload that is whole is read behind all that are not; where rows are parts of messages, some have none.
                whole = [row for row in rows if row[0] == len(payloads)]
                self.assertTrue(whole and all(row[-1] is None for row in whole), f"{name}, seed {SEED}: {whole}")
                if name not in ("ndjson", "unnest", "unnest_avro"):
                    self.assertEqual(len(rows), len(payloads), name)
                good = self.connection.sql(f"SELECT count(*) FROM {read}, on_error := 'skip')").fetchall()
                self.assertEqual(good, [(sum(row[-1] is None for row in rows),)], f"{name}, seed {SEED}: what is skipped is what has an error")


if __name__ == "__main__":
    unittest.main()
