"""Messages around the 16 MiB that a pull takes at once, from a durable and from a range: each comes, whole."""

import hashlib
import os
import unittest

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

MIB = 1 << 20
# A pull of a durable asks for 16 MiB: below it, it and its frame, beyond it, in a row and among small ones.
SIZES = [10, 16 * MIB - 200, 10, 16 * MIB, 16 * MIB, 20, 16 * MIB + 1, 24 * MIB, 30, 40, 15 * MIB, 15 * MIB, 50]
CONFIG = f"max_payload: {32 * MIB}\nmax_pending: {256 * MIB}\njetstream {{ store_dir: $STORE_DIR }}\n"
COLUMNS = "seq, octet_length(payload), md5(payload)"


def payload(number: int, size: int) -> bytes:
    return bytes([number]) * size


class LargeMessages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"], CONFIG))
        with fixtures.Wire(cls.server.url) as wire:
            fixtures.parse("here", "stream name=S subjects=s").apply(wire)
            wire.publish(fixtures.Message("s", payload(number, size)) for number, size in enumerate(SIZES))
        cls.expected = [
            (number + 1, size, hashlib.md5(payload(number, size)).hexdigest()) for number, size in enumerate(SIZES)
        ]

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def read(self, call: str) -> list[tuple]:
        return self.database.execute(f"SELECT {COLUMNS} FROM {call}", {"url": self.server.url}).fetchall()

    def test_a_durable(self):
        self.assertEqual(self.read("nats_ingest('S', durable := 'd', url := $url)"), self.expected)
        acked = self.database.execute("FROM nats_ack('S', 'd', url := $url)", {"url": self.server.url}).fetchone()
        self.assertEqual(acked, (len(SIZES), len(SIZES), 0))

    def test_a_durable_that_waits(self):
        """A wait is for one message, whatever its size."""
        for first in range(len(SIZES)):
            got = self.read("nats_ingest('S', durable := 'waits', max_messages := 1, max_wait := INTERVAL 5 SECONDS, url := $url)")
            self.assertEqual(got, self.expected[first : first + 1])
            self.database.execute("FROM nats_ack('S', 'waits', url := $url)", {"url": self.server.url})

    def test_a_range(self):
        for function in ("nats_ingest", "nats_scan"):
            with self.subTest(function=function):
                self.assertEqual(self.read(f"{function}('S', url := $url)"), self.expected)
        self.assertEqual(self.read("nats_ingest('S', url := $url, start_seq := 4, end_seq := 8)"), self.expected[3:8])
        self.assertEqual(self.read("nats_ingest('S', url := $url, keep := 'last')"), self.expected)

    def test_one_by_one(self):
        numbers = list(range(1, len(SIZES) + 1))
        self.assertEqual(self.read(f"nats_get('S', {numbers}, url := $url)"), self.expected)


if __name__ == "__main__":
    unittest.main()
