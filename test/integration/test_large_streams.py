"""A million messages: all of them, in bounded memory, and no more of them than are asked for."""

import os
import threading
import time
import unittest

import duckdb

from integration.host import connect
from integration.memory import reset_most, resident_mib
from integration.streams import fill

COUNT = 1_000_000
SIZE = 330
SUBJECTS = 100_000
MEMORY_MIB = 200
PUBLISHED = f"rpad('message ' || i, {SIZE}, '.')::BLOB"


class LargeStreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ["NATS_JS_TEST_URL"]
        fill(
            cls.url, "stream name=S subjects=s.*",
            f"messages stream=S subject=s.{{i%{SUBJECTS}}} count={COUNT} size={SIZE}",
        )

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def one(self, sql: str) -> tuple:
        return self.connection.execute(sql.replace("scan(S", f"nats_scan('S', url := '{self.url}'")).fetchone()

    def read(self) -> int:
        return self.one("SELECT value FROM nats_stats() WHERE name = 'messages_read'")[0]

    def test_1_every_message_and_its_bytes_in_bounded_memory(self):
        self.assertEqual(self.one("SELECT count(*) FROM scan(S, end_seq := 5000)"), (5000,))
        expected = self.one(f"SELECT count(*), min(i), max(i), sum(hash({PUBLISHED})) FROM range(1, {COUNT + 1}) t(i)")
        reset_most()
        before = resident_mib("VmRSS")
        self.assertEqual(self.one("SELECT count(*), min(seq), max(seq), sum(hash(payload)) FROM scan(S)"), expected)
        self.assertLess(resident_mib("VmHWM") - before, MEMORY_MIB)

    def test_2_count_alone(self):
        self.assertEqual(self.one("SELECT count(*) FROM scan(S)"), (COUNT,))

    def test_2_one_subject_of_many(self):
        rows = COUNT // SUBJECTS
        self.assertEqual(
            self.one("SELECT count(*), min(seq), max(seq), count(DISTINCT subject) FROM scan(S, subject := 's.4711')"),
            (rows, 4711, 4711 + (rows - 1) * SUBJECTS, 1),
        )
        self.assertEqual(
            self.one("SELECT count(*), min(seq) FROM scan(S, subject := 's.4711', last_n := 2)"),
            (2, 4711 + (rows - 2) * SUBJECTS),
        )

    def test_2_all_subjects(self):
        self.assertEqual(self.one("SELECT count(DISTINCT subject) FROM scan(S)"), (SUBJECTS,))

    def test_2_a_limit_stops_early(self):
        before = self.read()
        self.assertEqual(self.one("SELECT count(*), max(seq) FROM (FROM scan(S) LIMIT 10)"), (10, 10))
        self.assertLess(self.read() - before, COUNT // 10)

    def test_2_a_bound_by_time_costs_few_requests(self):
        # What was stored within a minute of the bound is read, since store times may step back so far; this is beyond.
        last = f"(SELECT ts_nats FROM nats_get('S', {COUNT}, url := '{self.url}'))"
        first = f"(SELECT ts_nats FROM nats_get('S', 1, url := '{self.url}'))"
        self.connection.execute(f"SET VARIABLE after = {last} + INTERVAL 2 MINUTES")
        self.connection.execute(f"SET VARIABLE before = {first} - INTERVAL 2 MINUTES")
        for bound in ("start_time := getvariable('after')", "end_time := getvariable('before')"):
            before = self.read()
            self.assertEqual(self.one(f"SELECT count(*) FROM scan(S, {bound})"), (0,))
            self.assertLess(self.read() - before, 20_000)

    def test_2_interrupted(self):
        done = threading.Event()

        def interrupt():
            # Again and again: one that comes between two statements interrupts neither.
            while not done.wait(0.05):
                self.connection.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        started = time.monotonic()
        try:
            with self.assertRaises(duckdb.InterruptException):
                while True:
                    self.one("SELECT sum(hash(payload)) FROM scan(S)")
                    self.assertLess(time.monotonic() - started, 120)
        finally:
            done.set()
            thread.join()
        self.assertEqual(self.one("SELECT count(*) FROM scan(S, start_seq := 999001)"), (1000,))

    def test_3_with_holes(self):
        fill(self.url, "holes stream=S every=13", "holes stream=S seqs=500007-500018,999998")
        where = "i % 13 != 0 AND i NOT BETWEEN 500007 AND 500018 AND i != 999998"
        expected = self.one(
            f"SELECT count(*), min(i), max(i), sum(hash({PUBLISHED})) FROM range(1, {COUNT + 1}) t(i) WHERE {where}"
        )
        self.assertEqual(self.one("SELECT count(*), min(seq), max(seq), sum(hash(payload)) FROM scan(S)"), expected)
        self.assertEqual(self.one("SELECT count(*), max(seq) FROM scan(S, last_n := 3)"), (3, COUNT))


if __name__ == "__main__":
    unittest.main()
