"""What is said to a consumer and to the dead letters: in flight together, and reported as the server knows it."""

import os
import threading
import unittest

import duckdb

from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill, state
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 3_000
TOGETHER = 100
READ = "SELECT count(*) FROM nats_ingest('{stream}', url := '{url}', durable := 'd', timeout := INTERVAL 2 SECONDS{options})"
ACK = """SELECT nats_ack('{stream}', 'd', list(seq), {{'url': '{url}', 'timeout': INTERVAL 2 SECONDS}})
    FROM nats_unsettled('{stream}', 'd', url := '{url}', timeout := INTERVAL 2 SECONDS)"""


def consumer(stream: str) -> dict:
    with fixtures.Wire(URL) as wire:
        return wire.request(f"CONSUMER.INFO.{stream}.d")


class Words(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.stream = self._testMethodName.removeprefix("test_").upper()[:24]
        # What is no event, and an object all the same.
        payload = """payload='{"id":"none"}'"""
        fill(URL, f"stream name={self.stream} subjects={self.stream}", f"messages stream={self.stream} subject={self.stream} count={COUNT} {payload}")

    def one(self, statement: str, url: str, options: str = ""):
        return self.database.execute(statement.format(stream=self.stream, url=url, options=options)).fetchone()[0]

    def test_dead_letters_in_flight_together(self):
        """The first acknowledgement is held back until many letters are under way."""
        fill(URL, "stream name=DLQ subjects=dlq")
        many, seen, held = threading.Event(), [], []

        def sent(data: bytes) -> None:
            seen.append(data.count(f"dlq:{self.stream}:".encode()))
            if sum(seen) >= TOGETHER:
                many.set()

        def rule(frame: bytes):
            if b'"stream":"DLQ"' in frame and not held:
                held.append(many.wait(1.5))
            return [frame]

        with Proxy(URL, rule) as proxy:
            proxy.sent = sent
            options = ", columns := {'id': 'BIGINT'}, on_error := 'dlq', dlq_subject := 'dlq'"
            self.assertEqual(self.one(READ, proxy.url, options), 0)
        self.assertEqual(held, [True])
        self.assertEqual(state(URL, "DLQ")["messages"], COUNT)

    def test_proven_by_a_look_at_the_consumer(self):
        frames = []
        with Proxy(URL, lambda frame: frames.append(len(frame)) or [frame]) as proxy:
            self.assertEqual(self.one(READ, proxy.url), COUNT)
            frames.clear()
            self.assertEqual(self.one(ACK, proxy.url), COUNT)
        self.assertLess(len(frames), 20)
        self.assertEqual(consumer(self.stream)["num_ack_pending"], 0)

    def test_one_that_is_left_does_not_hide_the_others(self):
        """The floor of the consumer stands below what is left; what is above it is confirmed one by one."""
        self.assertEqual(self.one(READ, URL), COUNT)
        self.assertEqual(self.one(ACK + " WHERE seq NOT IN (700, 701)", URL), COUNT - 2)
        self.assertEqual(consumer(self.stream)["num_ack_pending"], 2)
        self.assertEqual(self.one(ACK, URL), 2)

    def test_another_process_holds_some(self):
        """What another process has in hand keeps the floor down, and is acknowledged by nobody else."""
        with fixtures.Wire(URL) as wire:
            config = {"durable_name": "d", "ack_policy": "explicit", "ack_wait": 60_000_000_000, "max_ack_pending": 10_000}
            wire.request(f"CONSUMER.CREATE.{self.stream}.d", {"stream_name": self.stream, "config": config})
            self.assertEqual(wire.request(f"CONSUMER.MSG.NEXT.{self.stream}.d", {"batch": 1}), {"id": "none"})
            self.assertEqual(self.one(READ, URL), COUNT - 1)
            self.assertEqual(self.one(ACK, URL), COUNT - 1)
        info = consumer(self.stream)
        self.assertEqual((info["num_ack_pending"], info["ack_floor"]["stream_seq"]), (1, 0))

    def test_words_that_are_lost_are_not_reported(self):
        """The connection breaks while acknowledgements are under way. What the server waits for is still unsettled."""
        with Proxy(URL) as proxy:
            self.assertEqual(self.one(READ, proxy.url), COUNT)
            said = []

            def sent(data: bytes) -> None:
                said.append(data.count(b"+ACK"))
                if sum(said) > COUNT // 3:
                    proxy.sent = lambda data: None
                    proxy.hang_up()

            proxy.sent = sent
            try:
                acked = self.one(ACK, proxy.url)
            except duckdb.Error as error:
                self.assertIn("confirm", str(error))
                acked = 0
            left = self.one("SELECT count(*) FROM nats_unsettled('{stream}', 'd', url := '{url}', timeout := INTERVAL 2 SECONDS)", proxy.url)
            self.assertEqual(acked + left, COUNT)
            self.assertLessEqual(consumer(self.stream)["num_ack_pending"], left)
            self.one(ACK, proxy.url)
        self.assertEqual(consumer(self.stream)["num_ack_pending"], 0)


if __name__ == "__main__":
    unittest.main()
