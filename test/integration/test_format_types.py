"""Every type of MessagePack, CBOR and Avro, written by the formats' own Python libraries and read as columns; and the codecs of Avro's
containers.

A row of each table below is a value as Python has it, the type of its column, and the value that the column must have.
"""

import io
import json
import os
import unittest
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import cbor2
import fastavro
import msgpack

from fixtures.encode import avro_datum
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

ID = UUID("5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab")
NOON = datetime(2024, 1, 15, 12, 0, 0, 123456, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
EAST = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

# What MessagePack and CBOR have in common.
COMMON = {
    "null": (None, "INTEGER", None),
    "true": (True, "BOOLEAN", True),
    "false": (False, "BOOLEAN", False),
    **{f"int_{i}": (n, "HUGEINT", n) for i, n in enumerate(
        sign * (1 << bits) + off for bits in (0, 5, 7, 8, 15, 16, 31, 32, 63) for sign in (1, -1) for off in (-1, 0)
        if -(1 << 63) <= sign * (1 << bits) + off < 1 << 64)},
    "largest": ((1 << 64) - 1, "UBIGINT", (1 << 64) - 1),
    "double": (0.1, "DOUBLE", 0.1),
    "double_as_float": (0.1, "FLOAT", 0.10000000149011612),
    "double_as_decimal": (1234567.125, "DECIMAL(18,3)", Decimal("1234567.125")),
    "infinite": (float("-inf"), "DOUBLE", float("-inf")),
    **{f"text_{length}": ("é" * length, "VARCHAR", "é" * length) for length in (0, 1, 15, 16, 127, 128, 32767, 32768)},
    **{f"binary_{length}": (b"\xff\0" * length, "BLOB", b"\xff\0" * length) for length in (0, 127, 128, 32767, 32768)},
    "binary_as_uuid": (ID.bytes, "UUID", ID),
    "binary_as_json": (b"\0\xff", "JSON", '"AP8="'),
    **{f"list_{length}": (list(range(length)), "INTEGER[]", list(range(length))) for length in (0, 15, 16, 65535, 65536)},
    **{f"map_{length}": ({f"k{i}": i for i in range(length)}, "MAP(VARCHAR, INTEGER)", {f"k{i}": i for i in range(length)})
       for length in (0, 15, 16, 23, 24, 300)},
    "numbered": ({1: "a", -2: "b"}, "MAP(INTEGER, VARCHAR)", {1: "a", -2: "b"}),
    "numbered_struct": ({1: "a"}, 'STRUCT("1" VARCHAR, "2" VARCHAR)', {"1": "a", "2": None}),
    "nested": ({"l": [{"x": [1, None]}, {}]}, "STRUCT(l STRUCT(x INTEGER[])[])", {"l": [{"x": [1, None]}, {"x": None}]}),
    "as_json": ({"a": [1, "b", None, True, {"c": 2.5}], "3": {}}, "JSON", '{"a":[1,"b",null,true,{"c":2.5}],"3":{}}'),
}

MSGPACK = COMMON | {
    # The three layouts of a timestamp: 32, 64 and 96 bits.
    "seconds": (msgpack.Timestamp(1_705_320_000), "TIMESTAMP_S", datetime(2024, 1, 15, 12)),
    "last_of_32_bits": (msgpack.Timestamp((1 << 32) - 1), "TIMESTAMP", datetime(2106, 2, 7, 6, 28, 15)),
    "nanoseconds": (msgpack.Timestamp(1_705_320_000, 123_456_789), "VARCHAR", "2024-01-15T12:00:00.123456789Z"),
    "last_of_34_bits": (msgpack.Timestamp((1 << 34) - 1, 999_999_000), "TIMESTAMP", datetime(2514, 5, 30, 1, 53, 3, 999_999)),
    "beyond_34_bits": (msgpack.Timestamp(1 << 34, 1000), "TIMESTAMP", datetime(2514, 5, 30, 1, 53, 4, 1)),
    "before_1970": (msgpack.Timestamp(-1, 500_000_000), "TIMESTAMP", datetime(1969, 12, 31, 23, 59, 59, 500_000)),
    "datetime": (NOON, "TIMESTAMP", NAIVE),
    "datetime_zoned": (EAST, "TIMESTAMPTZ", NAIVE),
    "datetime_as_date": (NOON, "DATE", NAIVE.date()),
    "datetime_as_json": (NOON, "JSON", '"2024-01-15T12:00:00.123456Z"'),
    "datetimes": ([NOON, None], "TIMESTAMP[]", [NAIVE, None]),
    **{f"extension_{length}": (msgpack.ExtType(5, b"\xff" * length), "BLOB", b"\xff" * length)
       for length in (0, 1, 2, 3, 4, 8, 16, 300, 70_000)},
}

CBOR = COMMON | {
    "undefined": (cbor2.undefined, "INTEGER", None),
    **{f"big_{i}": (n, "HUGEINT", n) for i, n in enumerate([1 << 64, -(1 << 64) - 1, (1 << 127) - 1, -(1 << 127)])},
    "big_unsigned": ((1 << 128) - 1, "UHUGEINT", (1 << 128) - 1),
    "big_as_text": (1 << 100, "VARCHAR", str(1 << 100)),
    "decimal": (Decimal("-273.15"), "DECIMAL(9,2)", Decimal("-273.15")),
    "decimal_exact": (Decimal("0.10000000000000000000000000000000000001"), "DECIMAL(38,38)", Decimal("0.10000000000000000000000000000000000001")),
    "decimal_with_exponent": (Decimal("1E+3"), "DECIMAL(9,1)", Decimal("1000.0")),
    "decimal_as_text": (Decimal("-273.15"), "VARCHAR", "-273.15"),
    "uuid": (ID, "UUID", ID),
    "uuid_as_text": (ID, "VARCHAR", str(ID)),
    "datetime": (NOON, "TIMESTAMP", NAIVE),
    "datetime_zoned": (EAST, "TIMESTAMPTZ", NAIVE),
    "date": (date(2024, 2, 29), "DATE", date(2024, 2, 29)),
    "date_before_1970": (date(1969, 12, 31), "DATE", date(1969, 12, 31)),
    "set": ({7}, "INTEGER[]", [7]),
    "unknown_tag": (cbor2.CBORTag(4711, {"a": 1}), "STRUCT(a INTEGER)", {"a": 1}),
    "fraction": (Fraction(1, 3), "JSON", "0.3333333333333333"),
}

# The type in Avro, a value, the column's type, and what it holds.
LOGICAL = lambda ty, logical, **more: {"type": ty, "logicalType": logical, **more}
AVRO = {
    "null": ("null", None, "JSON", None),
    "boolean": ("boolean", True, "BOOLEAN", True),
    **{f"int_{i}": ("int", n, "INTEGER", n) for i, n in enumerate((0, -1, 63, -64, 64, (1 << 31) - 1, -(1 << 31)))},
    **{f"long_{i}": ("long", n, "BIGINT", n) for i, n in enumerate((0, -1, (1 << 63) - 1, -(1 << 63)))},
    "float": ("float", 1.5, "FLOAT", 1.5),
    "double": ("double", 0.1, "DOUBLE", 0.1),
    "infinite": ("double", float("inf"), "DOUBLE", float("inf")),
    "string": ("string", "nul\0 Ünïcode 𝄞", "VARCHAR", "nul\0 Ünïcode 𝄞"),
    "bytes": ("bytes", b"\0\xff", "BLOB", b"\0\xff"),
    "fixed": ({"type": "fixed", "name": "Three", "size": 3}, b"\xff\0a", "BLOB", b"\xff\0a"),
    "enum": ({"type": "enum", "name": "Color", "symbols": ["RED", "GREEN"]}, "GREEN", "VARCHAR", "GREEN"),
    "enum_again": ("Color", "RED", "VARCHAR", "RED"),
    "array": ({"type": "array", "items": ["null", "int"]}, [1, None], "INTEGER[]", [1, None]),
    "map": ({"type": "map", "values": {"type": "array", "items": "long"}}, {"a": [1], "b": []}, "MAP(VARCHAR, BIGINT[])", {"a": [1], "b": []}),
    "record": (
        {"type": "record", "name": "Inner", "fields": [{"name": "x", "type": "int"}, {"name": "c", "type": "Color"}]},
        {"x": 1, "c": "RED"}, "STRUCT(x INTEGER, c VARCHAR)", {"x": 1, "c": "RED"},
    ),
    "nullable": (["null", "string"], "there", "VARCHAR", "there"),
    "nullable_null": (["null", "string"], None, "VARCHAR", None),
    "nullable_last": (["Inner", "null"], None, "STRUCT(x INTEGER, c VARCHAR)", None),
    "union_of_one": (["double"], 2.5, "DOUBLE", 2.5),
    "union_text": (["null", "int", "string"], "text", "JSON", '"text"'),
    "union_number": (["null", "int", "string"], 5, "JSON", "5"),
    "union_record": (["int", "Inner"], {"x": 2, "c": "GREEN"}, "JSON", '{"x":2,"c":"GREEN"}'),
    "recursive": (
        {"type": "record", "name": "Node", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"]}]},
        {"v": 1, "next": {"v": 2, "next": None}}, "STRUCT(v INTEGER, \"next\" JSON)", {"v": 1, "next": '{"v":2,"next":null}'},
    ),
    "date": (LOGICAL("int", "date"), date(1969, 12, 31), "DATE", date(1969, 12, 31)),
    "time_millis": (LOGICAL("int", "time-millis"), time(10, 11, 12, 500_000), "TIME", time(10, 11, 12, 500_000)),
    "time_micros": (LOGICAL("long", "time-micros"), time(23, 59, 59, 999_999), "TIME", time(23, 59, 59, 999_999)),
    "timestamp_millis": (LOGICAL("long", "timestamp-millis"), EAST, "TIMESTAMP", datetime(2024, 1, 15, 12, 0, 0, 123_000)),
    "timestamp_micros": (LOGICAL("long", "timestamp-micros"), NOON, "TIMESTAMP", NAIVE),
    "timestamp_before": (LOGICAL("long", "timestamp-micros"), -1, "TIMESTAMP", datetime(1969, 12, 31, 23, 59, 59, 999_999)),
    "timestamp_nanos": (LOGICAL("long", "timestamp-nanos"), 1_705_320_000_123_456_000, "TIMESTAMP_NS", NAIVE),
    "local_millis": (LOGICAL("long", "local-timestamp-millis"), NAIVE, "TIMESTAMP", datetime(2024, 1, 15, 12, 0, 0, 123_000)),
    "local_micros": (LOGICAL("long", "local-timestamp-micros"), NAIVE, "TIMESTAMP", NAIVE),
    "decimal": (LOGICAL("bytes", "decimal", precision=9, scale=2), Decimal("-273.15"), "DECIMAL(9,2)", Decimal("-273.15")),
    "decimal_wide": (
        LOGICAL("bytes", "decimal", precision=38, scale=10), Decimal("-1234567890123456789012345678.0123456789"),
        "DECIMAL(38,10)", Decimal("-1234567890123456789012345678.0123456789"),
    ),
    "decimal_fixed": (
        {"type": "fixed", "name": "Money", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 3},
        Decimal("-0.001"), "DECIMAL(18,3)", Decimal("-0.001"),
    ),
    "decimal_zero": (LOGICAL("bytes", "decimal", precision=4, scale=0), Decimal(0), "DECIMAL(4,0)", Decimal(0)),
    "uuid": (LOGICAL("string", "uuid"), ID, "UUID", ID),
    "duration": (
        {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"},
        (0).to_bytes(4, "little") + (2).to_bytes(4, "little") + (1500).to_bytes(4, "little"), "INTERVAL", timedelta(days=2, seconds=1.5),
    ),
    "nullable_date": (["null", LOGICAL("int", "date")], date(2024, 2, 29), "DATE", date(2024, 2, 29)),
    "dates": ({"type": "array", "items": LOGICAL("int", "date")}, [date(2024, 2, 29)], "DATE[]", [date(2024, 2, 29)]),
}
SCHEMA = {
    "type": "record", "name": "All", "namespace": "some.where",
    "fields": [{"name": name, "type": ty} for name, (ty, *_) in AVRO.items()],
}
DATUM = {name: value for name, (_, value, *_) in AVRO.items()}


def container(codec: str) -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(SCHEMA), [DATUM], codec=codec)
    return file.getvalue()


class FormatTypes(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def publish(self, name: str, *payloads: bytes) -> None:
        fill(self.url, f"stream name={name} subjects={name}")
        with Wire(self.url) as wire:
            wire.publish(Message(name, payload) for payload in payloads)

    def columns(self, name: str, options: str, shown: str = "*") -> tuple[dict[str, str], dict[str, object]]:
        """Types and values of the only row."""
        read = self.connection.sql(
            f"SELECT {shown} FROM (SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload) "
            f"FROM nats_scan('{name}', url := '{self.url}', {options}))"
        )
        [row] = read.fetchall()
        return dict(zip(read.columns, map(str, read.types))), dict(zip(read.columns, row))

    def documents(self, format: str, name: str, table: dict, payload: bytes) -> None:
        self.publish(name, payload)
        listed = ", ".join(f"'{column}': '{ty}'" for column, (_, ty, _) in table.items())
        # DuckDB's Python wants another library for a time with a zone.
        shown = ", ".join(f'"{column}"' if ty != "TIMESTAMPTZ" else f'"{column}"::TIMESTAMP AS "{column}"' for column, (_, ty, _) in table.items())
        _, values = self.columns(name, f"format := '{format}', columns := {{{listed}}}", shown)
        self.assertEqual(list(values), list(table))
        for name, (_, ty, expected) in table.items():
            with self.subTest(column=name, type=ty):
                self.assertEqual(values[name], expected)

    def test_msgpack(self):
        document = {name: value for name, (value, _, _) in MSGPACK.items()}
        self.documents("msgpack", "types", MSGPACK, msgpack.packb(document, datetime=True))

    def test_msgpack_floats_of_32_bits(self):
        table = {"f": (1.5, "DOUBLE", 1.5), "g": (0.1, "FLOAT", 0.10000000149011612)}
        payload = msgpack.packb({"f": 1.5, "g": 0.1}, use_single_float=True)
        self.documents("msgpack", "floats", table, payload)

    def test_cbor(self):
        self.documents("cbor", "tagged", CBOR, cbor2.dumps({name: value for name, (value, _, _) in CBOR.items()}))

    def test_cbor_in_its_other_forms(self):
        """Times as numbers, floats of 16 and 32 bits, keys in canonical order."""
        table = {
            "at": (NOON.replace(microsecond=500_000), "TIMESTAMP", NAIVE.replace(microsecond=500_000)),
            "before": (datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), "TIMESTAMP", datetime(1969, 12, 31, 23, 59, 59)),
            "day": (date(2024, 2, 29), "DATE", date(2024, 2, 29)),
            "half": (1.5, "DOUBLE", 1.5),
            "single": (100_000.5, "DOUBLE", 100_000.5),
            "infinite": (float("inf"), "FLOAT", float("inf")),
        }
        document = {name: value for name, (value, _, _) in table.items()}
        self.documents("cbor", "forms", table, cbor2.dumps(document, datetime_as_timestamp=True, canonical=True))

    def avro(self, name: str, options: str) -> None:
        types, values = self.columns(name, f"format := 'avro', {options}")
        self.assertEqual(list(values), list(AVRO))
        for column, (_, _, ty, expected) in AVRO.items():
            with self.subTest(column=column):
                self.assertEqual(types[column], ty)
                self.assertEqual(values[column], expected)

    def test_avro_containers_in_every_codec(self):
        for codec in ("null", "deflate", "snappy", "zstandard"):
            with self.subTest(codec=codec):
                self.publish(codec, container(codec))
                self.avro(codec, "columns := 'auto'")

    def test_avro_datum(self):
        text = json.dumps(SCHEMA)
        self.publish("datum", avro_datum(DATUM, text))
        self.avro("datum", f"avro_schema := '{text}'")

    def test_avro_codecs_that_are_not_read(self):
        for codec in ("bzip2", "xz"):
            with self.subTest(codec=codec):
                self.publish(codec, container(codec), container("null"))
                read = f"FROM nats_scan('{codec}', url := '{self.url}', format := 'avro', columns := {{'long_2': 'BIGINT'}}"
                with self.assertRaises(Exception) as raised:
                    self.connection.sql(f"SELECT long_2 {read})").fetchall()
                self.assertIn(
                    f"nats_scan: stream '{codec}', sequence 1: malformed Avro: the container's codec is '{codec}'; it must be null, "
                    "deflate, snappy or zstandard; on_error := 'null' or 'skip' reads past it",
                    str(raised.exception),
                )
                rows = self.connection.sql(f"SELECT long_2 {read}, on_error := 'null')").fetchall()
                self.assertEqual(rows, [(None,), ((1 << 63) - 1,)])


if __name__ == "__main__":
    unittest.main()
