"""`unnest` of Avro: the elements of arrays and the entries of maps of every kind, as fastavro writes them, in every way to send a datum."""

import json
import os
import random
import tempfile
import unittest
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import fastavro

from fixtures import encode
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

COUNT = 60
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TEXTS = ["", "plain", "Ünïcode 𝄞", "x" * 300]
ITEM = {"type": "record", "name": "Item", "fields": [
    {"name": "sku", "type": "string"}, {"name": "n", "type": ["null", "long"]}, {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}, {"name": "m", "type": {"type": "map", "values": "int"}},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}}]}
KINDS = {
    "int": "int", "long": "long", "double": "double", "boolean": "boolean", "string": "string", "bytes": "bytes",
    "maybe": ["null", "long"], "list": {"type": "array", "items": ["null", "int"]}, "map": {"type": "map", "values": "double"}, "item": ITEM,
    "same": ["null", "Item"], "enum": {"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}, "fixed": {"type": "fixed", "name": "Three", "size": 3},
    "date": {"type": "int", "logicalType": "date"}, "time": {"type": "long", "logicalType": "time-micros"},
    "millis": {"type": "long", "logicalType": "timestamp-millis"}, "uuid": {"type": "string", "logicalType": "uuid"},
}
# The lists lie in a record in a branch of a union, with other fields before and behind.
SCHEMA = {"type": "record", "name": "Root", "fields": [{"name": "id", "type": "int"}, {"name": "body", "type": ["null", "int", {
    "type": "record", "name": "Body", "fields": [
        {"name": f"{shape}_{kind}", "type": ["null", {"type": shape, holds: "Item" if (shape, kind) == ("map", "item") else of}]
         if kind in ("int", "item") else {"type": shape, holds: of if shape == "array" or not isinstance(of, dict) or "name" not in of else of["name"]}}
        for shape, holds in (("array", "items"), ("map", "values")) for kind, of in KINDS.items()]}]}, {"name": "end", "type": "string"}]}


def value(chance: random.Random, kind: str):
    return {
        "int": lambda: chance.choice([0, -1, 63, 64, (1 << 31) - 1, -(1 << 31)]),
        "long": lambda: chance.choice([0, -1, 1 << 40, (1 << 63) - 1, -(1 << 63)]),
        "double": lambda: chance.uniform(-1e9, 1e9),
        "boolean": lambda: chance.random() < 0.5,
        "string": lambda: chance.choice(TEXTS),
        "bytes": lambda: chance.randbytes(chance.randrange(300)),
        "maybe": lambda: chance.choice([None, 7, -(1 << 40)]),
        "list": lambda: [chance.choice([None, 5]) for _ in range(chance.randrange(4))],
        "map": lambda: {key: chance.random() for key in chance.sample(TEXTS, chance.randrange(3))},
        "item": lambda: {"sku": chance.choice(TEXTS), "n": value(chance, "maybe"), "tags": chance.sample(TEXTS, chance.randrange(3)),
                         "at": EPOCH + timedelta(microseconds=chance.randrange(10**15)), "m": {key: 1 for key in chance.sample(TEXTS, chance.randrange(3))},
                         "price": Decimal(chance.randrange(-(10**9), 10**9)).scaleb(-2)},
        "same": lambda: value(chance, "item") if chance.random() < 0.7 else None,
        "enum": lambda: chance.choice(["RED", "GREEN"]),
        "fixed": lambda: chance.randbytes(3),
        "date": lambda: date(1970, 1, 1) + timedelta(days=chance.randrange(-(10**5), 10**5)),
        "time": lambda: time(chance.randrange(24), 5, 6, chance.randrange(10**6)),
        "millis": lambda: EPOCH + timedelta(milliseconds=chance.randrange(-(10**12), 10**12)),
        "uuid": lambda: UUID(int=chance.getrandbits(128)),
    }[kind]()


def listed(chance: random.Random, shape: str, kind: str):
    count = chance.choice([0, 1, 2, 5])
    if kind in ("int", "item") and chance.random() < 0.2:
        return None
    if shape == "array":
        return [value(chance, kind) for _ in range(count)]
    return {key: value(chance, kind) for key in chance.sample([*TEXTS, "k"], count)}


def document(chance: random.Random, number: int) -> dict:
    body = {f"{shape}_{kind}": listed(chance, shape, kind) for shape in ("array", "map") for kind in KINDS}
    return {"id": number, "body": body if chance.random() < 0.9 else None, "end": chance.choice(TEXTS)}


def shown(item):
    """A value as DuckDB's client has it: times are UTC without a zone."""
    if isinstance(item, datetime):
        return item.replace(tzinfo=None)
    if isinstance(item, list):
        return [shown(part) for part in item]
    return {key: shown(part) for key, part in item.items()} if isinstance(item, dict) else item


class UnnestAvro(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)
        chance = random.Random(7)
        self.documents = [document(chance, number) for number in range(COUNT)]

    def agrees(self, stream: str, payloads: list[bytes], arguments: str) -> None:
        fill(self.url, f"stream name={stream} subjects={stream.lower()}")
        with Wire(self.url) as wire:
            wire.publish(Message(stream.lower(), payload) for payload in payloads)
        source = f"nats_scan('{stream}', url := '{self.url}', format := 'avro'{arguments}"
        given = f"nats_scan('T', url := '{self.url}', format := 'avro', avro_schema := '{json.dumps(self.body)}')"
        types = dict(self.connection.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM {given})").fetchall())
        for shape in ("array", "map"):
            for kind in KINDS:
                with self.subTest(stream=stream, shape=shape, kind=kind):
                    self.one_list(source, f"{shape}_{kind}", types[f"{shape}_{kind}"], shape == "map")

    @property
    def body(self):
        return SCHEMA["fields"][1]["type"][2]

    def one_list(self, source: str, name: str, ty: str, is_map: bool) -> None:
        path = f"body.{name}[]"
        columns = {"id": ("id", "INTEGER"), "end": ("end", "VARCHAR")}
        if is_map:
            key, held = ty.removeprefix("MAP(").removesuffix(")").split(", ", 1)
            columns |= {"k": (f"{path}.key", key), "v": (f"{path}.value", held)}
        else:
            columns |= {"v": (path, ty.removesuffix("[]"))}
        given = ", ".join(f"'{column}': {{'path': '{path}', 'type': '{ty}'}}" for column, (path, ty) in columns.items())
        read = f"{source}, unnest := 'body.{name}', columns := {{{given}}})"
        names = ", ".join(f'"{column}"' for column in columns)
        rows = self.connection.sql(f"SELECT seq, unnest_index, {names} FROM {read} ORDER BY seq, unnest_index").fetchall()
        expected = []
        for seq, document in enumerate(self.documents, 1):
            held = (document["body"] or {}).get(name) or ({} if is_map else [])
            items = held.items() if is_map else ((item,) for item in held)
            expected += [(seq, at, document["id"], document["end"], *shown(list(item))) for at, item in enumerate(items, 1)]
        self.assertGreater(len(expected), COUNT // 2)
        self.assertEqual(rows, expected)

    def test_containers(self):
        schema = json.dumps(SCHEMA)
        codecs = ["null", "deflate", "snappy"]
        payloads = [encode.avro(document, schema, codecs[at % 3]) for at, document in enumerate(self.documents)]
        self.agrees("CONTAINERS", payloads, "")

    def test_datums_and_single_objects(self):
        schema = json.dumps(SCHEMA)
        payloads = [(encode.avro_single if at % 2 else encode.avro_datum)(document, schema) for at, document in enumerate(self.documents)]
        self.agrees("DATUMS", payloads, f", avro_schema := '{schema}'")

    def test_a_registry(self):
        folder = Path(tempfile.mkdtemp(dir=os.environ["NATS_JS_TEST_DIR"]))
        # The fields stand in another order in the second schema.
        other = {**SCHEMA, "fields": SCHEMA["fields"][::-1]}
        for number, schema in enumerate([SCHEMA, other], 1):
            (folder / f"{number}.avsc").write_text(json.dumps(schema))
        payloads = []
        for at, document in enumerate(self.documents):
            number, schema = (2, other) if at % 3 == 0 else (1, SCHEMA)
            payloads.append(b"\0" + number.to_bytes(4, "big") + encode.avro_datum(document, json.dumps(schema)))
        self.agrees("REGISTRY", payloads, f", schema_registry := '{folder}'")

    def test_a_readers_schema(self):
        """Elements resolved as fastavro resolves them."""
        item = {"type": "record", "name": "Item", "fields": [
            {"name": "currency", "type": "string", "default": "EUR"}, {"name": "count", "aliases": ["n"], "type": ["null", "double"]}, {"name": "sku", "type": "bytes"}]}
        reader = {"type": "record", "name": "Root", "fields": [
            {"name": "lines", "aliases": ["rest"], "type": ["null", {"type": "array", "items": item}], "default": None}, {"name": "id", "type": "long"}]}
        writer = {"type": "record", "name": "Root", "fields": [
            {"name": "id", "type": "int"}, {"name": "rest", "type": {"type": "array", "items": ITEM}}, {"name": "end", "type": "string"}]}
        chance = random.Random(9)
        written = [{"id": number, "rest": [value(chance, "item") for _ in range(number % 4)], "end": "e"} for number in range(COUNT)]
        payloads = [encode.avro_datum(document, json.dumps(writer)) for document in written]
        fill(self.url, "stream name=READER subjects=reader")
        with Wire(self.url) as wire:
            wire.publish(Message("reader", payload) for payload in payloads)
        expected = []
        for payload in payloads:
            resolved = fastavro.schemaless_reader(encode.io.BytesIO(payload), fastavro.parse_schema(writer), fastavro.parse_schema(reader))
            expected += [(resolved["id"], at, line["currency"], line["count"], line["sku"]) for at, line in enumerate(resolved["lines"] or [], 1)]
        columns = "'id': 'BIGINT', 'currency': {'path': 'lines[].currency', 'type': 'VARCHAR'}, 'count': {'path': 'lines[].count', 'type': 'DOUBLE'}, "
        columns += "'sku': {'path': 'lines[].sku', 'type': 'BLOB'}"
        rows = self.connection.sql(
            f"SELECT id, unnest_index, currency, count, sku FROM nats_scan('READER', url := '{self.url}', format := 'avro', unnest := 'lines', "
            f"avro_schema := '{json.dumps(writer)}', avro_reader_schema := '{json.dumps(reader)}', columns := {{{columns}}}) ORDER BY id, unnest_index"
        ).fetchall()
        self.assertGreater(len(expected), COUNT)
        self.assertEqual(rows, expected)


if __name__ == "__main__":
    unittest.main()
