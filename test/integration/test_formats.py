"""What the formats' own Python libraries encode is what `nats_scan` reads: MessagePack, CBOR, Avro, Protobuf. What COPY
writes as protobuf is what they read."""

import io
import json
import os
import random
import unittest

import cbor2
import fastavro
import msgpack
from google.protobuf import struct_pb2, timestamp_pb2

from fixtures import encode
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

COUNT = 2_000
COLUMNS = {
    "id": "BIGINT", "flag": "BOOLEAN", "ratio": "DOUBLE", "name": "VARCHAR", "raw": "BLOB", "tags": "VARCHAR[]",
    "place": "STRUCT(zone VARCHAR, x DOUBLE)", "counts": "MAP(VARCHAR, BIGINT)",
}
SCHEMA = {
    "type": "record", "name": "Event",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "flag", "type": "boolean"},
        {"name": "ratio", "type": "double"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "raw", "type": "bytes"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "place", "type": {"type": "record", "name": "Place", "fields": [
            {"name": "zone", "type": "string"}, {"name": "x", "type": "double"}]}},
        {"name": "counts", "type": {"type": "map", "values": "long"}},
    ],
}


def events() -> list[dict]:
    chance = random.Random(11)
    numbers = [0, 1, -1, 127, 128, -129, 65_536, (1 << 63) - 1, -(1 << 63)]
    return [
        {
            "id": chance.choice(numbers), "flag": chance.random() < 0.5, "ratio": chance.uniform(-1e9, 1e9),
            "name": chance.choice([None, "", "Ünïcode 𝄞", "nul\0inside"]), "raw": chance.randbytes(chance.randrange(300)),
            "tags": [str(chance.randrange(100)) for _ in range(chance.randrange(20))],
            "place": {"zone": chance.choice(["n", "s"]), "x": chance.random()},
            "counts": {letter: chance.choice(numbers) for letter in "abcdef"[: chance.randrange(6)]},
        }
        for _ in range(COUNT)
    ]


def container(event: dict) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, [event], codec=random.Random(len(event["raw"])).choice(["null", "deflate"]))
    return file.getvalue()


class Formats(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def read(self, name: str, payloads: list[bytes], options: str, names: str) -> list[tuple]:
        fill(self.url, f"stream name={name} subjects={name}")
        with Wire(self.url) as wire:
            wire.publish(Message(name, payload) for payload in payloads)
        scan = f"SELECT {names} FROM nats_scan('{name}', url := '{self.url}', {options}) ORDER BY seq"
        return self.connection.sql(scan).fetchall()

    def agrees(self, format: str, encode) -> None:
        made = events()
        listed = ", ".join(f"'{name}': '{ty}'" for name, ty in COLUMNS.items())
        options = f"format := '{format}', columns := {{{listed}}}"
        rows = self.read(format, [encode(event) for event in made], options, ", ".join(f'"{name}"' for name in COLUMNS))
        self.assertEqual(rows, [tuple(event[name] for name in COLUMNS) for event in made])

    def test_msgpack(self):
        self.agrees("msgpack", msgpack.packb)

    def test_cbor(self):
        self.agrees("cbor", cbor2.dumps)

    def test_avro(self):
        self.agrees("avro", container)

    def test_avro_by_a_readers_schema(self):
        """Containers of two schemas and single objects, resolved to a third as fastavro resolves them."""
        chance = random.Random(7)
        texts = ["", "a", "Ünïcode 𝄞"]
        state = {"type": "enum", "name": "State", "symbols": ["NEW", "PAID", "LOST"]}
        old = {"type": "record", "name": "shop.Order", "fields": [
            {"name": "gone", "type": {"type": "map", "values": ["null", "string", "long"]}},
            {"name": "number", "type": "int"}, {"name": "ratio", "type": "float"}, {"name": "text", "type": "bytes"},
            {"name": "state", "type": state}, {"name": "place", "type": {"type": "record", "name": "Place", "fields": [{"name": "x", "type": "int"}]}},
            {"name": "list", "type": {"type": "array", "items": ["int", "null"]}}]}
        new = {"type": "record", "name": "shop.Order", "fields": [
            {"name": "list", "type": {"type": "array", "items": "long"}}, {"name": "id", "type": "long"},
            {"name": "text", "type": ["null", "string"]}, {"name": "either", "type": ["int", "string"]}]}
        reader = {"type": "record", "name": "shop.Order", "fields": [
            {"name": "id", "aliases": ["number"], "type": "long"}, {"name": "ratio", "type": ["null", "double"], "default": None},
            {"name": "text", "type": ["null", "string"]}, {"name": "list", "type": {"type": "array", "items": ["null", "double"]}},
            {"name": "state", "type": {**state, "symbols": ["PAID", "OTHER"], "default": "OTHER"}, "default": "PAID"},
            {"name": "place", "type": {"type": "record", "name": "Place", "fields": [
                {"name": "x", "type": "double"}, {"name": "zone", "type": "string", "default": "north"}]}, "default": {"x": 1.5, "zone": "south"}},
            {"name": "tags", "type": {"type": "array", "items": "string"}, "default": ["a", "b"]}]}
        payloads, expected = [], []
        for _ in range(600):
            if chance.random() < 0.5:
                schema, event = old, {
                    "gone": {letter: chance.choice([None, "x", 7]) for letter in "abc"[: chance.randrange(4)]},
                    "number": chance.choice([0, -1, 2**31 - 1]), "ratio": chance.randrange(99) / 4, "text": chance.choice(texts).encode(),
                    "state": chance.choice(state["symbols"]), "place": {"x": chance.randrange(9)},
                    "list": [chance.choice([None, 1, -7]) for _ in range(chance.randrange(4))]}
            else:
                schema, event = new, {
                    "list": [chance.randrange(-2**50, 2**50) for _ in range(chance.randrange(4))], "id": chance.randrange(-2**63, 2**63),
                    "text": chance.choice([None, *texts]), "either": chance.choice([1, "one"])}
            file = io.BytesIO()
            fastavro.writer(file, schema, [event], codec=chance.choice(["null", "deflate"]))
            payloads.append(file.getvalue())
            file.seek(0)
            resolved = next(fastavro.reader(file, reader))
            expected.append(tuple(resolved[field["name"]] for field in reader["fields"]))
        names = ", ".join(field["name"] for field in reader["fields"])
        columns = "'id': 'BIGINT', 'ratio': 'DOUBLE', 'text': 'VARCHAR', 'list': 'DOUBLE[]', 'state': 'VARCHAR', "
        columns += "'place': 'STRUCT(x DOUBLE, zone VARCHAR)', 'tags': 'VARCHAR[]'"
        by_reader = f"format := 'avro', avro_reader_schema := '{json.dumps(reader)}'"
        self.assertEqual(self.read("avro_reader", payloads, by_reader, names), expected)
        # Columns by path have the same values.
        self.assertEqual(self.read("avro_paths", payloads, f"{by_reader}, columns := {{{columns}}}", names), expected)
        singles = [encode.avro_single({**event, "list": [], "text": "t", "either": 1}, json.dumps(new)) for event in [{"id": 5}, {"id": 6}]]
        rows = self.read("avro_singles", singles, f"{by_reader}, avro_schema := '{json.dumps(new)}'", "id, state, tags")
        self.assertEqual(rows, [(5, "PAID", ["a", "b"]), (6, "PAID", ["a", "b"])])

    def test_protobuf(self):
        """Messages of the protobuf library's own types, by the schema that the extension has built in."""
        chance = random.Random(5)
        stamps = [timestamp_pb2.Timestamp(seconds=chance.randrange(-10**9, 10**10), nanos=chance.randrange(10**6) * 1000) for _ in range(500)]
        folder = os.environ["NATS_JS_TEST_DIR"]
        with open(f"{folder}/event.proto", "w", encoding="utf-8") as file:
            file.write(
                'syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";\n'
                "message Event { google.protobuf.Timestamp at = 1; google.protobuf.Value value = 2; }\n"
            )
        values = [chance.choice([1.5, "text", True, None]) for _ in stamps]
        payloads = []
        for stamp, value in zip(stamps, values):
            wrapped = struct_pb2.Value()
            if value is None:
                wrapped.null_value = struct_pb2.NULL_VALUE
            else:
                setattr(wrapped, {float: "number_value", str: "string_value", bool: "bool_value"}[type(value)], value)
            parts = [(0x0A, stamp.SerializeToString()), (0x12, wrapped.SerializeToString())]
            payloads.append(b"".join(bytes([tag, len(part)]) + part for tag, part in parts))
        options = f"format := 'protobuf', proto_file := '{folder}/event.proto', proto_message := 'Event'"
        rows = self.read("protobuf", payloads, options, 'epoch_us("at"), "value"::VARCHAR')
        expected = [
            (stamp.seconds * 10**6 + stamp.nanos // 1000, {1.5: "1.5", "text": '"text"', True: "true", None: None}[value])
            for stamp, value in zip(stamps, values)
        ]
        self.assertEqual(rows, expected)

    def test_protobuf_written(self):
        """Random messages of Python's library, read into columns and written again by COPY ... TO."""
        lines = (encode.PROTOBUF / "vectors.txt").read_text(encoding="utf-8").splitlines()
        for name in ("fleet.v1.Everything", "legacy.Reading"):
            payloads = [bytes.fromhex(line.split("\t")[1]) for line in lines if line.startswith(f"{name}\t")]
            self.assertGreater(len(payloads), 10)
            inward, outward = f"in_{name[0]}", f"out_{name[0]}"
            fill(self.url, f"stream name={outward} subjects={outward}")
            fill(self.url, f"stream name={inward} subjects={inward}")
            with Wire(self.url) as wire:
                wire.publish(Message(inward, payload) for payload in payloads)
            schema = encode.PROTOBUF / ("everything.proto" if name.startswith("fleet") else "legacy.proto")
            left_out = ', "any"' if name.startswith("fleet") else ""
            read = f"SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload{left_out}) FROM nats_scan('{{}}', " \
                f"url := '{self.url}', format := 'protobuf', proto_file := '{schema}', proto_message := '{name}')"
            self.connection.execute(f"CREATE OR REPLACE TABLE inward AS {read.format(inward)}")
            self.connection.execute(
                f"COPY (SELECT t FROM inward t) TO '{outward}' (FORMAT nats_js, subject '{outward}', url '{self.url}', "
                f"payload_format 'protobuf', proto_file '{schema}', proto_message '{name}')"
            )
            self.connection.execute(f"CREATE OR REPLACE TABLE outward AS {read.format(outward)}")
            counts = self.connection.execute("""
                SELECT (SELECT count(*) FROM outward), (SELECT count(*) FROM (FROM inward EXCEPT ALL FROM outward)),
                       (SELECT count(*) FROM (FROM outward EXCEPT ALL FROM inward))
            """).fetchone()
            self.assertEqual(counts, (len(payloads), 0, 0))
            if name.startswith("fleet"):
                query = f"SELECT payload FROM nats_scan('{outward}', url := '{self.url}')"
                written = [payload for (payload,) in self.connection.execute(query).fetchall()]
                self.assertEqual([plain(payload, name) for payload in written], [plain(payload, name) for payload in payloads])


def plain(payload: bytes, name: str) -> bytes:
    """A message without what columns do not hold: Any, what is finer than a microsecond, and a Value that is null."""
    message = encode.message_class(name).FromString(payload)
    for field in ("any", "at", "took", "r_at"):
        message.ClearField(field)
    if message.value.HasField("null_value"):
        message.ClearField("value")
    return message.SerializeToString(deterministic=True)


if __name__ == "__main__":
    unittest.main()
