"""A server that dies, comes back or freezes at any moment of a scan: all messages or an error, never fewer."""

import os
import random
import threading
import time
import unittest

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts.nats_server import Server

COUNT = 60_000
ROUNDS = 12
ALL = (COUNT, 1, COUNT, COUNT * (COUNT + 1) // 2)


def scan(url: str, seconds: float) -> str:
    return f"nats_scan('S', url := '{url}', timeout := to_milliseconds({int(seconds * 1000)}))"


def summary(url: str, seconds: float) -> str:
    return f"SELECT count(*), min(seq), max(seq), sum(seq) FROM {scan(url, seconds)} WHERE octet_length(payload) = 200"


class InterruptedReads(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        fill(self.server.url, "stream name=S subjects=a", f"messages stream=S subject=a count={COUNT} size=200")
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def whole(self, seconds: float = 5) -> tuple:
        return self.connection.execute(summary(self.server.url, seconds)).fetchone()

    def test_killed_at_any_moment(self):
        started = time.monotonic()
        self.assertEqual(self.whole(), ALL)
        duration = time.monotonic() - started
        moments = random.Random(7)
        failures = 0
        for number in range(ROUNDS):
            killer = threading.Timer(moments.uniform(0, duration), self.server.kill)
            killer.start()
            with self.subTest(round=number):
                try:
                    self.assertEqual(self.whole(1), ALL)
                except duckdb.Error as error:
                    failures += 1
                    self.assertRegex(str(error), r"nats_scan: .*server nats://[0-9.:]+")
            killer.join()
            self.server.start()
            self.assertEqual(self.whole(), ALL, "the next read is whole again")
        self.assertGreater(failures, 0, "no round met the scan")

    def test_restarted_in_the_middle(self):
        for number in range(4):
            with self.subTest(round=number):
                result = self.connection.execute(f"SELECT seq FROM {scan(self.server.url, 10)}")
                rows = result.fetchmany(3000)
                self.server.stop() if number % 2 else self.server.kill()
                self.server.start()
                while part := result.fetchmany(10_000):
                    rows += part
                self.assertEqual(rows, [(seq,) for seq in range(1, COUNT + 1)])
        stats = dict(self.connection.execute("FROM nats_stats()").fetchall())
        self.assertGreater(stats["reconnects"] + stats["connects"], 1)

    def test_frozen_for_good(self):
        # Longer than what may be under way when the server freezes.
        more = 400_000
        fill(self.server.url, "stream name=LONG subjects=long", f"messages stream=LONG subject=long count={more} size=200")
        long = scan(self.server.url, 1).replace("'S'", "'LONG'")
        for rows in (0, 3000):
            with self.subTest(rows=rows):
                result = self.connection.execute(f"SELECT seq FROM {long}")
                count = len(result.fetchmany(rows)) if rows else 0
                self.server.pause()
                started = time.monotonic()
                with self.assertRaisesRegex(duckdb.Error, "nats_scan: stream 'LONG'.*(no answer to|connection)"):
                    while part := result.fetchmany(10_000):
                        count += len(part)
                self.assertLess(time.monotonic() - started, 20)
                self.assertLess(count, more)
                self.server.resume()
                self.assertEqual(self.whole(), ALL)

    def test_frozen_before_the_statement(self):
        self.assertEqual(self.whole(1), ALL)
        self.server.pause()
        for statement in (
            summary(self.server.url, 1),
            f"FROM nats_get('S', [1, 2], url := '{self.server.url}', timeout := to_seconds(1))",
            f"FROM nats_last_seq('S', url := '{self.server.url}', timeout := to_seconds(1))",
            f"FROM nats_ping(url := '{self.server.url}', timeout := to_seconds(1))",
            f"SELECT nats_last_seq('S', {{'url': '{self.server.url}', 'timeout': to_seconds(1)}})",
        ):
            with self.subTest(statement=statement):
                started = time.monotonic()
                with self.assertRaisesRegex(duckdb.Error, "nats_[a-z_]+: .*within 1.0 s"):
                    self.connection.execute(statement).fetchall()
                self.assertLess(time.monotonic() - started, 20)
        self.server.resume()
        self.assertEqual(self.whole(1), ALL)

    def test_frozen_for_less_than_the_timeout(self):
        result = self.connection.execute(f"SELECT seq FROM {scan(self.server.url, 30)}")
        rows = result.fetchmany(3000)
        self.server.pause()
        resume = threading.Timer(1, self.server.resume)
        resume.start()
        while part := result.fetchmany(10_000):
            rows += part
        resume.join()
        self.assertEqual(rows, [(seq,) for seq in range(1, COUNT + 1)])

    def test_killed_for_good(self):
        self.assertEqual(self.whole(1), ALL)
        self.server.kill()
        started = time.monotonic()
        for _ in range(2):
            with self.assertRaisesRegex(duckdb.Error, "nats_scan: .*server nats://"):
                self.whole(1)
        self.assertLess(time.monotonic() - started, 30)
        self.server.start()
        self.assertEqual(self.whole(1), ALL)


if __name__ == "__main__":
    unittest.main()
