"""A cluster without a leader: what may be asked twice waits for one, at most for the timeout."""

import os
import threading
import time
import unittest

import duckdb

from fixtures.wire import Wire
from integration import host
from integration.cluster import READY_SECONDS, Cluster

TIMEOUT = 2
UNAVAILABLE = 10_008


class NoLeader(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster(os.environ["NATS_JS_TEST_SERVER"]))
        self.cluster.fill(10, 10)
        self.database = host.connect()
        self.addCleanup(self.database.close)
        for name in ("two", "three"):
            self.cluster.servers[name].stop()
        self.wait_until_leaderless()

    def wait_until_leaderless(self) -> None:
        """Until the server that is left says that there is no leader; before, it does not answer."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with Wire(self.cluster.servers["one"].url) as wire:
                    wire.request("STREAM.NAMES")
            except Exception as error:
                if str(UNAVAILABLE) in str(error) or "unavailable" in str(error):
                    return
            self.assertLess(time.monotonic(), deadline, "the server goes on without a leader")
            time.sleep(0.2)

    def call(self, sql: str, timeout: float) -> list[tuple]:
        url = self.cluster.servers["one"].url
        return self.database.execute(sql.replace("$", f"url := '{url}', timeout := INTERVAL '{timeout} seconds'")).fetchall()

    def test_it_waits_for_a_leader_at_most_for_the_timeout(self):
        for sql in ("FROM nats_streams($)", "FROM nats_consumers('S', $)"):
            begin = time.monotonic()
            with self.assertRaisesRegex(duckdb.Error, r"\[unavailable\]"):
                self.call(sql, TIMEOUT)
            self.assertGreater(time.monotonic() - begin, TIMEOUT - 0.2, sql)
            self.assertLess(time.monotonic() - begin, 2 * TIMEOUT, sql)
        for name in ("two", "three"):
            threading.Timer(1, self.cluster.servers[name].start).start()
        self.assertEqual(self.call("SELECT stream FROM nats_streams($)", READY_SECONDS), [("S",)])
