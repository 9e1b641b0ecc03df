"""The connection of a durable's read: its own, or the shared one where it gets none, and what happens when it is lost."""

import os
import time
import unittest

import duckdb

from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 5_000
READ = "SELECT seq, subject FROM nats_ingest('{stream}', durable := 'd', ack_wait := INTERVAL 2 SECONDS, url := '{url}')"
ACK = "SELECT nats_ack('{stream}', 'd', list(seq), {{'url': '{url}'}}) FROM nats_unsettled('{stream}', 'd', url := '{url}')"


def consumer(stream: str) -> dict:
    with fixtures.Wire(URL) as wire:
        return wire.request(f"CONSUMER.INFO.{stream}.d")


class Connections(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.stream = self._testMethodName.removeprefix("test_").upper()[:24]
        fill(URL, f"stream name={self.stream} subjects={self.stream}.*", f"messages stream={self.stream} subject={self.stream}.{{i%3}} count={COUNT}")

    def rows(self, statement: str, url: str) -> list[tuple]:
        return self.database.execute(statement.format(stream=self.stream, url=url)).fetchall()

    def all_rows(self) -> list[tuple]:
        return [(seq, f"{self.stream}.{seq % 3}") for seq in range(1, COUNT + 1)]

    def test_the_shared_one_gives_the_same(self):
        """A second connection is hung up, so that neither the read nor its acknowledgements have one of their own."""
        with Proxy(URL, alone=True) as proxy:
            self.assertEqual(self.rows(READ, proxy.url), self.all_rows())
            self.assertEqual(self.rows(ACK, proxy.url), [(COUNT,)])
        self.assertEqual(consumer(self.stream)["num_ack_pending"], 0)

    def test_lost_while_messages_are_on_their_way(self):
        """The statement fails at once, and nothing is lost: what it was given is returned, and what was on its way comes again after `ack_wait`."""
        got = []

        def rule(frame: bytes):
            if f" $JS.ACK.{self.stream}.d.1.1500.".encode() in frame:
                return None
            return [frame]

        with Proxy(URL, rule) as proxy:
            started = time.monotonic()
            with self.assertRaisesRegex(duckdb.Error, "the connection was lost while messages were on their way.*run it again.*unreachable"):
                self.rows(READ, proxy.url)
            # The timeout of the connection is 5 s.
            self.assertLess(time.monotonic() - started, 4)
            deadline = time.monotonic() + 60
            while len(got) < COUNT and time.monotonic() < deadline:
                try:
                    rows = self.rows(READ, proxy.url)
                    self.assertEqual(self.rows(ACK, proxy.url), [(len(rows),)])
                    got += rows
                except duckdb.Error:
                    time.sleep(0.2)
        self.assertEqual(sorted(set(got)), self.all_rows())
        self.assertEqual(consumer(self.stream)["num_ack_pending"], 0)

    def test_lost_after_all_had_come(self):
        """A statement that rests goes on over the connection that came back: the pulls before the loss had brought everything."""
        fill(URL, f"messages stream={self.stream} subject={self.stream}.0 count=15000 size=2000")
        read = "SELECT seq, payload FROM nats_ingest('{stream}', durable := 'd', url := '{url}')".format
        with Proxy(URL) as proxy:
            self.database.execute("SET streaming_buffer_size = '100KB'")
            running = self.database.execute(read(stream=self.stream, url=proxy.url))
            rows = running.fetchmany(10)
            # All that was asked for comes, then the connection goes, and comes back.
            time.sleep(1)
            proxy.hang_up()
            time.sleep(1)
            while part := running.fetchmany(1_000):
                rows += part
            self.assertEqual([seq for seq, _ in rows], list(range(1, COUNT + 15_001)))

    def test_one_that_died_between_two_reads_is_not_used(self):
        with Proxy(URL) as proxy:
            self.assertEqual(len(self.rows(READ, proxy.url)), COUNT)
            self.assertEqual(self.rows(ACK, proxy.url), [(COUNT,)])
            fill(URL, f"messages stream={self.stream} subject={self.stream}.0 count=10")
            proxy.hang_up()
            self.assertEqual(len(self.rows(READ, proxy.url)), 10)
            self.assertEqual(self.rows(ACK, proxy.url), [(10,)])


if __name__ == "__main__":
    unittest.main()
