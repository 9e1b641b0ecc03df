"""A server that dies or freezes is an error, never fewer rows."""

import os
import unittest

import duckdb

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

COUNT = 200_000
SCAN = "SELECT seq FROM nats_scan('S', url := ?, timeout := INTERVAL 2 SECONDS)"


class ServerFailures(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        with fixtures.Wire(self.server.url) as wire:
            for line in ("stream name=S subjects=a", f"messages stream=S subject=a count={COUNT} size=330"):
                fixtures.parse(line, line).apply(wire)
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def scan_while(self, fault) -> None:
        """Reads a part of the stream, lets the fault happen, and wants the rest to fail."""
        result = self.connection.execute(SCAN, [self.server.url])
        rows = len(result.fetchmany(5000))
        self.assertEqual(rows, 5000)
        fault()
        with self.assertRaisesRegex(duckdb.Error, "nats_scan: "):
            while part := result.fetchmany(5000):
                rows += len(part)
        self.assertLess(rows, COUNT)

    def test_killed(self):
        self.scan_while(self.server.kill)

    def test_frozen(self):
        self.scan_while(self.server.pause)

    def test_whole_while_nothing_fails(self):
        rows = self.connection.execute(SCAN, [self.server.url]).fetchall()
        self.assertEqual(rows, [(seq,) for seq in range(1, COUNT + 1)])


if __name__ == "__main__":
    unittest.main()
