"""Streams that change while they are read: the scan ends, in order, with everything that was there all along."""

import os
import threading
import time
import unittest
from contextlib import contextmanager

import duckdb

from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill, state

COUNT = 30_000
# A publisher is faster than a scan by a debug build: without a bound the stream would run away.
ROUNDS = 2_000


class ChangingStreams(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def make(self, name: str, **config: str) -> None:
        words = " ".join(f"{key}={value}" for key, value in config.items())
        fill(
            self.url, f"stream name={name} subjects={name}.> {words}",
            f"messages stream={name} subject={name}.{{i%3}} count={COUNT} size=100",
        )

    def scan(self, name: str, options: str = "") -> list[int]:
        sql = f"SELECT seq FROM nats_scan('{name}', url := '{self.url}'{options})"
        return [seq for (seq,) in self.connection.execute(sql).fetchall()]

    @contextmanager
    def meanwhile(self, change):
        """Calls `change(wire, round)` up to ROUNDS times beside the block; once before it begins."""
        begun, ended, errors = threading.Event(), threading.Event(), []

        def work():
            number = 0
            try:
                with Wire(self.url) as wire:
                    while not ended.is_set() and number < ROUNDS:
                        change(wire, number)
                        number += 1
                        begun.set()
            except Exception as error:
                errors.append(error)
                begun.set()

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait(60)
        try:
            yield
        finally:
            ended.set()
            thread.join()
        self.assertEqual(errors, [])

    def test_growing(self):
        self.make("GROWING")
        with self.meanwhile(lambda wire, _: wire.publish([Message("GROWING.x", b"new")] * 20)):
            for _ in range(3):
                before = state(self.url, "GROWING")["last_seq"]
                got = self.scan("GROWING")
                after = state(self.url, "GROWING")["last_seq"]
                self.assertEqual(got, list(range(1, len(got) + 1)))
                self.assertLessEqual(before, len(got))
                self.assertLessEqual(len(got), after)
        self.assertGreater(after, COUNT)

    def test_growing_and_bounded(self):
        self.make("BOUNDED")
        with self.meanwhile(lambda wire, _: wire.publish([Message("BOUNDED.x", b"new")] * 20)):
            self.assertEqual(self.scan("BOUNDED", f", end_seq := {COUNT}"), list(range(1, COUNT + 1)))
            newest = self.scan("BOUNDED", ", last_n := 100")
            self.assertEqual(newest, list(range(newest[0], newest[0] + 100)))
            self.assertEqual(len(self.scan("BOUNDED", ", subject := 'BOUNDED.1', end_seq := 30000")), COUNT // 3)

    def survivors(self, got: list[int], kept: set[int]) -> None:
        """In order, each once, and all of those that nobody removed."""
        self.assertEqual(got, sorted(set(got)))
        self.assertEqual(kept - set(got), set())

    def test_deleted(self):
        self.make("DELETED")
        # All but one in 50, from the back, so that the scan runs into holes that were not there when it began.
        doomed = [seq for seq in range(COUNT, 0, -1) if seq % 50]
        kept = set(range(50, COUNT + 1, 50))

        def delete(wire, number):
            part = doomed[number * 200 : number * 200 + 200]
            if part:
                fill(self.url, f"holes stream=DELETED seqs={','.join(map(str, part))}")

        with self.meanwhile(delete):
            for _ in range(4):
                self.survivors(self.scan("DELETED"), kept)
        self.assertLess(state(self.url, "DELETED")["messages"], COUNT)

    def test_purged_from_the_front(self):
        self.make("PURGED")
        kept = set(range(COUNT - 1000, COUNT + 1))

        def purge(wire, number):
            wire.request("STREAM.PURGE.PURGED", {"seq": min(COUNT - 1000, 1 + number * 100)})

        with self.meanwhile(purge):
            for _ in range(4):
                self.survivors(self.scan("PURGED"), kept)
        self.assertLess(state(self.url, "PURGED")["messages"], COUNT)

    def test_the_old_give_way_to_the_new(self):
        self.make("ROLLING", max_msgs=str(COUNT))
        with self.meanwhile(lambda wire, _: wire.publish([Message("ROLLING.x", b"new")] * 20)):
            for _ in range(3):
                before = state(self.url, "ROLLING")["last_seq"]
                got = self.scan("ROLLING")
                first = state(self.url, "ROLLING")["first_seq"]
                self.survivors(got, set(range(first, before + 1)))

    def test_expiring(self):
        self.make("EXPIRING")

        def expire(wire, _):
            config = wire.request("STREAM.INFO.EXPIRING")["config"]
            short = {"max_age": 100_000_000, "duplicate_window": 100_000_000}
            wire.request("STREAM.UPDATE.EXPIRING", config | short)

        with self.meanwhile(expire):
            counts = []
            deadline = time.monotonic() + 60
            while (not counts or counts[-1]) and time.monotonic() < deadline:
                got = self.scan("EXPIRING")
                self.survivors(got, set())
                counts.append(len(got))
        self.assertEqual(counts[-1], 0)

    def test_removed_as_a_whole(self):
        self.make("REMOVED")
        result = self.connection.execute(f"SELECT seq FROM nats_scan('REMOVED', url := '{self.url}', timeout := to_seconds(2))")
        rows = [seq for (seq,) in result.fetchmany(2000)]
        with Wire(self.url) as wire:
            wire.request("STREAM.DELETE.REMOVED")
        try:
            while part := result.fetchmany(10_000):
                rows += [seq for (seq,) in part]
            self.assertEqual(rows, list(range(1, COUNT + 1)))
        except duckdb.Error as error:
            self.assertRegex(str(error), "nats_scan: stream 'REMOVED'")
        with self.assertRaisesRegex(duckdb.Error, "no such stream"):
            self.scan("REMOVED")

    def test_prepared_once_executed_twice(self):
        fill(self.url, "stream name=AGAIN subjects=again", "messages stream=AGAIN subject=again count=10")
        statements = {
            "scan": f"SELECT count(*) FROM nats_scan('AGAIN', url := '{self.url}')",
            "newest": f"SELECT max(seq) FROM nats_scan('AGAIN', url := '{self.url}', last_n := 1)",
            "last": f"SELECT last_seq FROM nats_last_seq('AGAIN', url := '{self.url}')",
            "value": f"SELECT nats_last_seq('AGAIN', '{self.url}')",
            "got": f"SELECT count(*) FROM nats_get('AGAIN', range(1, 100), url := '{self.url}')",
        }
        for name, sql in statements.items():
            self.connection.execute(f"PREPARE {name} AS {sql}")
        for expected in (10, 15):
            for name in statements:
                with self.subTest(statement=name):
                    self.assertEqual(self.connection.execute(f"EXECUTE {name}").fetchone(), (expected,))
            fill(self.url, "messages stream=AGAIN subject=again count=5")


if __name__ == "__main__":
    unittest.main()
