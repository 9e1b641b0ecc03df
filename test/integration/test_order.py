"""A long stream is decoded by several threads, its rows stay in the order of the stream, and the second door says how far it is."""

import os
import threading
import unittest

from integration.host import connect
from integration.streams import fill
from scripts import doors

COUNT = 250_000


class Order(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=L subjects=l", f"messages stream=L subject=l count={COUNT} payload='{{\"i\":{{i}}}}'")
        cls.scan = f"nats_scan('L', url := '{url}', columns := {{'i': 'BIGINT'}})"

    def setUp(self):
        self.database = self.enterContext(connect())
        self.database.execute("SET threads = 4")

    def in_order(self, relation: str):
        [found] = self.database.execute(f"SELECT count(*), count(*) FILTER (i <> rowid + 1), sum(seq) FROM {relation}").fetchall()
        self.assertEqual(found, (COUNT, 0, COUNT * (COUNT + 1) // 2))

    def test_create_table_as(self):
        self.database.execute(f"CREATE TABLE t AS SELECT i, seq FROM {self.scan}")
        self.in_order("t")

    def test_insert(self):
        self.database.execute("CREATE TABLE t (i BIGINT, seq UBIGINT)")
        self.database.execute(f"INSERT INTO t SELECT i, seq FROM {self.scan}")
        self.in_order("t")

    def test_select(self):
        rows = self.database.execute(f"SELECT i FROM {self.scan}").fetchall()
        self.assertEqual([i for (i,) in rows], list(range(1, COUNT + 1)))

    def test_limit(self):
        rows = self.database.execute(f"SELECT i FROM {self.scan} LIMIT 5000 OFFSET 100000").fetchall()
        self.assertEqual([i for (i,) in rows], list(range(100_001, 105_001)))

    def test_aggregate(self):
        [found] = self.database.execute(f"SELECT count(*), sum(i), min(i), max(seq) FROM {self.scan}").fetchall()
        self.assertEqual(found, (COUNT, COUNT * (COUNT + 1) // 2, 1, COUNT))

    @unittest.skipUnless(doors.tested() is doors.V2, "the first door has no progress to tell")
    def test_progress(self):
        self.database.execute("SET enable_progress_bar = true")
        self.database.execute("SET enable_progress_bar_print = false")
        self.database.execute("SET threads = 1")
        query = threading.Thread(target=lambda: self.database.execute(f"SELECT sum(hash(i, seq, payload)) FROM {self.scan}").fetchall())
        query.start()
        seen = set()
        while query.is_alive():
            seen.add(self.database.query_progress())
            query.join(0.001)
        between = sorted(value for value in seen if 0 < value < 100)
        self.assertGreater(len(between), 1, f"progress was told as {sorted(seen)}")
