"""What a durable does when answers are lost, others settle or create meanwhile, and statements take their time."""

import asyncio
import os
import threading
import time
import unittest

import duckdb
import nats

from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]


def without_confirmations(frame: bytes):
    """The server's word on an acknowledgement is a message without a payload."""
    return [] if frame.startswith(b"MSG _INBOX.") and frame.endswith(b" 0\r\n\r\n") else [frame]


def consumer(stream: str, name: str) -> dict:
    with fixtures.Wire(URL) as wire:
        return wire.request(f"CONSUMER.INFO.{stream}.{name}")


async def send(subject: str, payload: bytes) -> None:
    """A request whose answer has been seen."""
    client = await nats.connect(URL)
    await client.request(subject, payload, timeout=20)
    await client.close()


class Faults(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def one(self, statement: str, *values) -> tuple:
        return self.database.execute(statement, values).fetchone()

    def test_a_consumer_that_another_makes_first_is_not_changed(self):
        fill(URL, "stream name=RACE subjects=race", "messages stream=RACE subject=race count=3")
        raced = []

        def race(frame):
            if b"consumer not found" in frame and not raced:
                raced.append(connect())
                made = raced[0].execute("SELECT action FROM nats_consumer_ensure('RACE', 'd', ack_wait := INTERVAL 7 SECONDS, url := ?)", [URL])
                self.assertEqual(made.fetchone(), ("created",))
            return [frame]

        with Proxy(URL, race) as proxy:
            with self.assertRaisesRegex(duckdb.Error, "the consumer 'd' exists with another configuration: ack_wait is 7s, not 9s"):
                self.one("FROM nats_ingest('RACE', durable := 'd', ack_wait := INTERVAL 9 SECONDS, url := ?)", proxy.url)
        self.assertEqual(len(raced), 1)
        self.assertEqual(consumer("RACE", "d")["config"]["ack_wait"], 7_000_000_000)



if __name__ == "__main__":
    unittest.main()
