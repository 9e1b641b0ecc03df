"""A publish whose fate is not known is an error that says so; with message ids it is made sure of."""

import os
import threading
import time
import unittest

import duckdb

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

CONNECTION = "{'url': ?, 'timeout': INTERVAL 2 SECONDS}"


class PublishFailures(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        with fixtures.Wire(self.server.url) as wire:
            line = "stream name=S subjects=s.>"
            fixtures.parse(line, line).apply(wire)
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def publish(self, headers: str):
        return self.connection.execute(
            f"SELECT nats_publish('s.a', 'x', {headers}, {CONNECTION}) FROM range(100) t(i)", [self.server.url]
        ).fetchall()

    def messages(self) -> int:
        info = "SELECT messages FROM nats_stream_info('S', url := ?)"
        return self.connection.execute(info, [self.server.url]).fetchone()[0]

    def test_frozen(self):
        self.publish("NULL")
        self.server.pause()
        started = time.monotonic()
        with self.assertRaisesRegex(duckdb.Error, "row 1 of 100: no acknowledgement within 2.0 s, so it is not known"):
            self.publish("NULL")
        self.assertLess(time.monotonic() - started, 4)

    def test_killed(self):
        self.publish("NULL")
        self.server.kill()
        with self.assertRaisesRegex(duckdb.Error, "nats_publish: "):
            self.publish("NULL")

    def test_message_ids_make_a_pause_harmless(self):
        self.publish("NULL")
        self.server.pause()
        waker = threading.Timer(1.2, self.server.resume)
        waker.start()
        # Sent again while the server sleeps: it stores each once.
        rows = self.publish("MAP {'Nats-Msg-Id': 'id-' || i}")
        waker.join()
        self.assertEqual(len(rows), 100)
        self.assertEqual(self.messages(), 200)

    def test_without_message_ids_a_pause_stores_nothing_twice(self):
        self.publish("NULL")
        self.server.pause()
        # Past the moment at which what has a message id is sent again, and within the timeout.
        waker = threading.Timer(1.2, self.server.resume)
        waker.start()
        self.assertEqual(len(self.publish("NULL")), 100)
        waker.join()
        self.assertEqual(self.messages(), 200)


if __name__ == "__main__":
    unittest.main()
