"""Typed columns agree with DuckDB's own `read_json` on the same documents, column by column.

Documents are of mixed shape: members missing, null, nested, in another order. Left out by construction is what differs on
purpose (docs/payloads.md): timestamps with an offset, numbers as text, NaN, numbers beyond their column's range.
"""

import json
import os
import random
import unittest
from pathlib import Path

from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill

COUNT = 10_000
COLUMNS = {
    "id": "BIGINT",
    "flag": "BOOLEAN",
    "small": "SMALLINT",
    "large": "UBIGINT",
    "ratio": "DOUBLE",
    "price": "DECIMAL(18,2)",
    "name": "VARCHAR",
    "day": "DATE",
    "at": "TIMESTAMP",
    "key": "UUID",
    "tags": "VARCHAR[]",
    "place": "STRUCT(zone VARCHAR, x DOUBLE, inner_tags INTEGER[])",
    "counts": "MAP(VARCHAR, INTEGER)",
    "grid": "INTEGER[][]",
    "rest": "JSON",
}


def document(number: int, chance: random.Random) -> dict:
    """One document; each member is there, null or missing."""
    values = {
        "flag": chance.random() < 0.5,
        "small": chance.randrange(-32768, 32768),
        "large": chance.randrange(0, 1 << 64),
        "ratio": chance.choice([0.0, 0.1, 1e-7, 1.5e10, -2.25, chance.uniform(-1e6, 1e6)]),
        "price": chance.randrange(-10_000_000, 10_000_000) / 4,
        "name": chance.choice(["", "plain", "Ünïcode ✓ 𝄞", 'quote " and \\ back', "tab\tline\n", "x" * chance.randrange(40)]),
        "day": f"20{chance.randrange(10, 30)}-0{chance.randrange(1, 10)}-1{chance.randrange(10)}",
        "at": f"2024-01-15T10:{chance.randrange(10, 60)}:{chance.randrange(10, 60)}.{chance.randrange(1_000_000):06d}",
        "key": f"{chance.getrandbits(128):032x}",
        "tags": [chance.choice(["a", "b", "", None]) for _ in range(chance.randrange(4))],
        "place": {"zone": chance.choice(["n", "s", None]), "x": chance.uniform(0, 1), "inner_tags": [1, 2, 3][: chance.randrange(4)]},
        "counts": {letter: chance.randrange(100) for letter in "abc"[: chance.randrange(4)]},
        "grid": [[chance.randrange(10) for _ in range(chance.randrange(3))] for _ in range(chance.randrange(3))],
        "rest": chance.choice([1, "text", [1, {"a": None}], {"deep": {"er": [True]}}]),
    }
    names = list(values)
    chance.shuffle(names)
    made = {"id": number} if number % 2 else {}
    for name in names:
        fate = chance.random()
        if fate < 0.85:
            made[name] = values[name]
        elif fate < 0.93:
            made[name] = None
    made["id"] = number
    return made


class ReadJson(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        chance = random.Random(20)
        texts = [json.dumps(document(number, chance), ensure_ascii=number % 3 == 0) for number in range(COUNT)]
        cls.url = os.environ["NATS_JS_TEST_URL"]
        cls.file = Path(os.environ["NATS_JS_TEST_DIR"]) / "documents.ndjson"
        cls.file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        fill(cls.url, "stream name=DOCUMENTS subjects=documents")
        with Wire(cls.url) as wire:
            wire.publish(Message("documents", text.encode()) for text in texts)

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        listed = ", ".join(f"'{name}': '{ty}'" for name, ty in COLUMNS.items())
        self.connection.execute(
            f"CREATE TABLE ours AS SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload) "
            f"FROM nats_scan('DOCUMENTS', url := '{self.url}', columns := {{{listed}}})"
        )
        self.connection.execute(
            f"CREATE TABLE theirs AS FROM read_json('{self.file}', format = 'newline_delimited', columns = {{{listed}}})"
        )

    def test_every_column_agrees(self):
        [(count,)] = self.connection.sql("SELECT count(*) FROM ours").fetchall()
        self.assertEqual(count, COUNT)
        types = "SELECT column_name, column_type FROM (DESCRIBE {})"
        self.assertEqual(self.connection.sql(types.format("ours")).fetchall(), self.connection.sql(types.format("theirs")).fetchall())
        for name in COLUMNS:
            with self.subTest(column=name):
                differing = self.connection.sql(
                    f'SELECT o.id, o."{name}", t."{name}" FROM ours o JOIN theirs t USING (id) '
                    f'WHERE o."{name}"::VARCHAR IS DISTINCT FROM t."{name}"::VARCHAR LIMIT 3'
                ).fetchall()
                self.assertEqual(differing, [])
                [(values,)] = self.connection.sql(f'SELECT count("{name}") FROM theirs').fetchall()
                self.assertGreater(values, COUNT // 2)


if __name__ == "__main__":
    unittest.main()
