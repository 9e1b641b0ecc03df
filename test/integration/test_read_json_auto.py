"""`columns := 'auto'` infers the names and types that DuckDB's own `read_json` infers from the same documents, and reads
the same values; what differs on purpose (docs/payloads.md) is named here with both types.
"""

import json
import os
import random
import unittest
from pathlib import Path

from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

COUNT = 2_000
# The values that one member has in the first, second, ... document.
AGREED = {
    "integers": ["1", "2", "null"],
    "negative_integers": ["-1", "-2"],
    "widened": ["1", "2.5", "null"],
    "integer_behind_double": ["2.5", "1"],
    "exponent": ["1e3"],
    "whole_double": ["1.0"],
    "beyond_bigint": ["18446744073709551615", "-1"],
    "beyond_64_bits": ["123456789012345678901234567890"],
    "below_bigint": ["-9223372036854775809"],
    "booleans": ["true", "null", "false"],
    "boolean_and_number": ["true", "1"],
    "boolean_and_text": ["true", '"true"'],
    "number_and_text": ["0.1", '"0.1"'],
    "number_as_text": ['"2"', '"3.5"'],
    "date": ['"2024-01-15"', "null"],
    "date_without_zeros": ['"2024-1-5"'],
    "date_with_slashes": ['"2024/01/15"'],
    "date_of_digits": ['"20240115"'],
    "no_such_date": ['"2024-02-30"'],
    "date_and_text": ['"2024-01-15"', '"x"'],
    "date_and_empty": ['"2024-01-15"', '""'],
    "date_and_timestamp": ['"2024-01-15"', '"2024-01-15 10:00:00"'],
    "date_and_number": ["1", '"2024-01-15"'],
    "timestamp": ['"2024-01-15T10:00:00"', '"2024-01-16T11:12:13"'],
    "timestamp_with_space": ['"2024-01-15 10:00:00.123456"'],
    "timestamp_of_minutes": ['"2024-01-15 10:00"'],
    "nanoseconds": ['"2024-01-15 10:00:00.123456789"'],
    "zoned": ['"2024-01-15T10:00:00Z"', '"2024-01-15T10:00:00+02:00"'],
    "zoned_minutes": ['"2024-01-15T10:00Z"'],
    "zoned_fraction": ['"2024-01-15T10:00:00.123+01:00"'],
    "zoned_and_not": ['"2024-01-15T10:00:00"', '"2024-01-15T10:00:00Z"'],
    "zone_by_name": ['"2024-01-15 10:00:00 UTC"'],
    "leap_second": ['"2016-12-31T23:59:60Z"'],
    "time": ['"10:11:12"', '"10:11:12.5"'],
    "time_with_zone": ['"12:00:00+01"'],
    "time_and_date": ['"10:11:12"', '"2024-01-15"'],
    "uuid": ['"5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab"'],
    "uuid_and_text": ['"5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab"', '"x"'],
    "interval": ['"1 day"', '"P1D"'],
    "list": ["[]", "[1]", "null", "[2.5,null]"],
    "list_of_nothing": ["[]"],
    "list_of_lists": ["[[1],[]]", "[[2.5]]"],
    "list_of_dates": ['["2024-01-15","2024-01-16"]'],
    "list_of_mixed": ['[1,"x"]', '[{"a":1}]'],
    "list_of_objects": ['[{"a":1},{"b":[{"c":true}]}]'],
    "list_and_number": ["[1]", "1"],
    "object": ['{"a":1}', '{"b":"x"}', '{"a":2.5}'],
    "object_deep": ['{"a":{"b":{"c":1}}}', '{"a":{"b":{"d":true}}}'],
    "object_of_mixed": ['{"a":1}', '{"a":"x"}'],
    "object_empty": ["{}"],
    "object_empty_first": ["{}", '{"a":1}'],
    "object_odd_names": ['{"a b":1,"c.d":2}'],
    "object_nameless": ['{"":1}'],
    "object_and_list": ['{"a":1}', "[1]"],
    "object_and_number": ['{"a":1}', "5"],
}
# Values, our type, and the type of read_json.
DIFFERENT = {
    "only_null": (["null"], "JSON", '"NULL"'),
    "minus_zero": (["-0"], "DOUBLE", "BIGINT"),
    "of_both_signs": (["1", "-2"], "BIGINT", "HUGEINT"),
    "fraction_behind_t": (['"2024-01-15T10:00:00.123"'], "TIMESTAMP", "VARCHAR"),
    "day_first": (['"15-01-2024"'], "VARCHAR", "DATE"),
    "space_in_front": (['" 2024-01-15"'], "VARCHAR", "DATE"),
    "infinite": (['"infinity"'], "VARCHAR", "DATE"),
    "year_10000": (['"10000-01-01"'], "DATE", "VARCHAR"),
    "end_of_day": (['"2024-01-15T24:00:00"'], "TIMESTAMP", "VARCHAR"),
}


def table(columns: dict[str, list[str]]) -> list[str]:
    """One document for each row of the columns; a column that is at its end is missing."""
    rows = max(map(len, columns.values()))
    members = ([f'"{name}":{values[row]}' for name, values in columns.items() if row < len(values)] for row in range(rows))
    return ["{" + ",".join(row) + "}" for row in members]


def event(number: int, chance: random.Random) -> str:
    """A document of mixed shape: members come, stay away, are null, widen, nest, and change what they are."""
    values = {
        "wide": chance.choice([chance.randrange(-10**6, 10**6), chance.randrange(10**6) / 4]),
        "large": chance.choice([1, -1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
        "day": f"20{chance.randrange(10, 30)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}",
        "at": f"2024-01-15 10:{chance.randrange(10, 60)}:{chance.randrange(10, 60)}",
        "stamp": f"2024-01-15T10:{chance.randrange(10, 60)}:00{chance.choice(['Z', '+02:00', '-0330'])}",
        "sometimes_day": chance.choice(["2024-01-15", "2024-01-15", "later"]),
        "mixed": chance.choice([1, "text", True, [1, {"a": None}], {"deep": {"er": [True]}}]),
        "place": {
            "zone": chance.choice(["n", "s", None]),
            **({"x": chance.choice([1, 0.5])} if chance.random() < 0.5 else {}),
            **({"inner": [{"level": chance.choice([1, 2.5])}, {"name": "Ünïcode 𝄞"}]} if chance.random() < 0.3 else {}),
        },
        "grid": [[chance.choice([1, 0.25]) for _ in range(chance.randrange(3))] for _ in range(chance.randrange(3))],
        "by_key": {f"key_{number}": number},
    }
    names = list(values)
    chance.shuffle(names)
    made = {"id": number}
    for name in names:
        fate = chance.random()
        if fate < 0.85:
            made[name] = values[name]
        elif fate < 0.93:
            made[name] = None
    return json.dumps(made, ensure_ascii=number % 2 == 0)


class ReadJsonAuto(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def read(self, name: str, documents: list[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Tables `ours` and `theirs`; their columns and types."""
        file = Path(os.environ["NATS_JS_TEST_DIR"]) / f"{name}.ndjson"
        file.write_text("\n".join(documents) + "\n", encoding="utf-8")
        fill(self.url, f"stream name={name} subjects={name}")
        with Wire(self.url) as wire:
            wire.publish(Message(name, document.encode()) for document in documents)
        ours = f"nats_scan('{name}', url := '{self.url}', columns := 'auto', sample_size := {COUNT})"
        for table, source in (
            ("ours", f"SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload), seq FROM {ours}"),
            ("theirs", f"SELECT *, row_number() OVER () AS seq FROM read_json('{file}', format = 'newline_delimited')"),
        ):
            self.connection.execute(f"CREATE TABLE {table} AS {source}")
        types = "SELECT column_name, column_type FROM (DESCRIBE {}) WHERE column_name <> 'seq'"
        return tuple(dict(self.connection.sql(types.format(table)).fetchall()) for table in ("ours", "theirs"))

    def differing(self, column: str) -> list[tuple]:
        """Rows that have different values."""
        return self.connection.sql(
            f'SELECT seq, o."{column}", t."{column}" FROM ours o JOIN theirs t USING (seq) '
            f'WHERE o."{column}"::VARCHAR IS DISTINCT FROM t."{column}"::VARCHAR LIMIT 3'
        ).fetchall()

    def test_every_shape_has_the_type_of_read_json(self):
        ours, theirs = self.read("SHAPES", table(AGREED))
        self.assertEqual(list(ours), list(AGREED))
        for name in AGREED:
            with self.subTest(column=name):
                self.assertEqual(ours[name], theirs[name])
                self.assertEqual(self.differing(name), [])

    def test_what_differs_is_known(self):
        ours, theirs = self.read("DIFFERENT", table({name: values for name, (values, _, _) in DIFFERENT.items()}))
        self.assertEqual(ours, {name: ty for name, (_, ty, _) in DIFFERENT.items()})
        self.assertEqual(theirs, {name: ty for name, (_, _, ty) in DIFFERENT.items()})

    def test_documents_of_mixed_shape(self):
        chance = random.Random(6)
        ours, theirs = self.read("EVENTS", [event(number, chance) for number in range(COUNT)])
        self.assertEqual(ours, theirs)
        self.assertEqual(list(ours), list(theirs))
        self.assertEqual(
            [ours[name] for name in ("id", "wide", "large", "day", "at", "sometimes_day", "mixed", "grid", "by_key")],
            ["BIGINT", "DOUBLE", "HUGEINT", "DATE", "TIMESTAMP", "VARCHAR", "JSON", "DOUBLE[][]", "MAP(VARCHAR, BIGINT)"],
        )
        for name in ours:
            with self.subTest(column=name):
                self.assertEqual(self.differing(name), [])
                [(values,)] = self.connection.sql(f'SELECT count("{name}") FROM ours').fetchall()
                self.assertGreater(values, COUNT // 2)

    def test_names_that_differ_in_case_are_keys(self):
        """`read_json` ends with an error there."""
        fill(self.url, "stream name=CASES subjects=CASES")
        with Wire(self.url) as wire:
            wire.publish(Message("CASES", text) for text in (b'{"v":{"A":1,"a":2.5}}', b'{"v":{"a":3}}'))
        read = self.connection.sql(f"SELECT v FROM nats_scan('CASES', url := '{self.url}', columns := 'auto')")
        self.assertEqual([str(ty) for ty in read.types], ["MAP(VARCHAR, DOUBLE)"])
        self.assertEqual(read.fetchall(), [({"A": 1.0, "a": 2.5},), ({"a": 3.0},)])


if __name__ == "__main__":
    unittest.main()
