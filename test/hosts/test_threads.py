"""A long range is decoded by several threads: every row once, in sequence order wherever DuckDB keeps insertion order."""

import os
import unittest

from integration.host import connect
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
# Above two threads' worth of messages.
COUNT = 220_000
SCAN = f"nats_scan('S', url := '{URL}', columns := {{'i': 'BIGINT'}})"


class Threads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        payload = '{"i":{i}}'
        fill(URL, "stream name=S subjects=s storage=memory", f"messages stream=S subject=s count={COUNT} payload='{payload}'")

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.connection.execute("SET threads = 4")

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def test_aggregates_see_every_row_once(self):
        query = f"SELECT count(*), count(DISTINCT seq), sum(seq), sum(i), min(seq), max(seq) FROM {SCAN}"
        total = COUNT * (COUNT + 1) // 2
        self.assertEqual(self.rows(query), [(COUNT, COUNT, total, total, 1, COUNT)])

    def test_select_is_in_order(self):
        self.assertEqual(self.rows(f"SELECT seq FROM {SCAN}"), [(i,) for i in range(1, COUNT + 1)])

    def test_limit_is_the_first(self):
        self.assertEqual(self.rows(f"SELECT seq, i FROM {SCAN} LIMIT 3"), [(1, 1), (2, 2), (3, 3)])

    def test_tables_are_filled_in_order(self):
        self.connection.execute(f"CREATE TABLE created AS SELECT seq, i FROM {SCAN}")
        self.connection.execute("CREATE TABLE inserted (seq UBIGINT, i BIGINT)")
        self.connection.execute(f"INSERT INTO inserted SELECT seq, i FROM {SCAN}")
        for table in ("created", "inserted"):
            query = f"SELECT count(*), count(*) FILTER (seq = rowid + 1 AND i = seq) FROM {table}"
            self.assertEqual(self.rows(query), [(COUNT, COUNT)], table)

    def test_an_error_in_one_thread_ends_all(self):
        with self.assertRaisesRegex(Exception, "path 'i': [0-9]+ is out of range for UTINYINT"):
            self.rows(f"SELECT sum(i) FROM nats_scan('S', url := '{URL}', columns := {{'i': 'UTINYINT'}})")
        self.assertEqual(self.rows(f"SELECT count(*) FROM {SCAN}"), [(COUNT,)])


class Estimates(unittest.TestCase):
    def test_a_join_builds_its_table_on_the_small_side(self):
        fill(URL, "stream name=T subjects=t storage=memory", "messages stream=T subject=t count=10")
        with connect() as connection:
            connection.execute("CREATE TABLE small AS SELECT i::UBIGINT AS seq FROM range(100000) t(i)")
            # EXPLAIN draws the side that is probed on the left and the side of the hash table on the right.
            stream = f"nats_scan('T', url := '{URL}')"
            for join in (f"small JOIN {stream} USING (seq)", f"{stream} JOIN small USING (seq)"):
                query = f"EXPLAIN SELECT count(*) FROM {join}"
                plan = "".join(text for _, text in connection.execute(query).fetchall())
                scan = next(line for line in plan.splitlines() if "NATS_SCAN" in line.upper())
                self.assertLess(scan.upper().index("NATS_SCAN"), len(scan) // 2, plan)


if __name__ == "__main__":
    unittest.main()
