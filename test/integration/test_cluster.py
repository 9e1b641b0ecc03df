"""A replicated stream while its servers go away: a scan is exact or fails, never short."""

import time
import unittest

import duckdb

from integration import host
from integration.cluster import NAMES, READY_SECONDS, Cluster

COUNT = 60_000
SCAN = "SELECT seq FROM nats_scan('S', url := '{}', timeout := INTERVAL '4 seconds')"


class Replicated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.cluster.fill(COUNT, 330)

    def setUp(self):
        self.database = host.connect()
        self.addCleanup(self.database.close)

    def scan(self, url: str) -> list[int]:
        return [seq for (seq,) in self.database.sql(SCAN.format(url)).fetchall()]

    def start_again(self, name: str) -> None:
        self.cluster.servers[name].start()
        self.cluster.wait_until_whole()

    def until_it_works(self, action):
        """What `action` answers. While the other servers elect a leader it may fail."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return action()
            except duckdb.Error as error:
                self.assertNotIn("cannot connect", str(error))
                self.assertLess(time.monotonic(), deadline, f"the last error: {error}")

    def test_a_server_that_is_down(self):
        leader = self.cluster.leader()
        follower = next(name for name in NAMES if name != leader)
        for victim in (leader, follower):
            with self.subTest(victim="leader" if victim == leader else "follower"):
                self.cluster.servers[victim].kill()
                rows = self.until_it_works(lambda: self.scan(self.cluster.url))
                self.assertEqual(rows, list(range(1, COUNT + 1)))
                ping = f"SELECT cluster FROM nats_ping(url := '{self.cluster.url}')"
                self.assertEqual(self.until_it_works(self.database.sql(ping).fetchall), [("trio",)])
                self.start_again(victim)

    def test_a_server_that_is_killed_in_the_middle(self):
        # Who leads is looked up for each: a leader that was killed has a successor.
        with self.subTest(killed="the server that serves"):
            serving = self.follower()
            self.assertIn(self.killed_in_the_middle(serving, victim=serving), ("exact", "failed"))
        with self.subTest(killed="the leader"):
            self.assertIn(self.killed_in_the_middle(self.follower(), victim=self.cluster.leader()), ("exact", "failed"))
        with self.subTest(killed="a server that neither serves nor leads"):
            leader = self.cluster.leader()
            self.assertEqual(self.killed_in_the_middle(leader, victim=self.follower()), "exact")

    def follower(self) -> str:
        """A server that does not lead the stream."""
        leader = self.cluster.leader()
        return next(name for name in NAMES if name != leader)

    def killed_in_the_middle(self, serving: str, victim: str) -> str:
        """What becomes of a scan by one server when one is killed after its first rows; every server is up again afterwards."""
        result = self.database.execute(SCAN.format(self.cluster.servers[serving].url))
        rows = [seq for (seq,) in result.fetchmany(4000)]
        self.cluster.servers[victim].kill()
        try:
            while part := result.fetchmany(4000):
                rows += [seq for (seq,) in part]
            self.assertEqual(rows, list(range(1, COUNT + 1)))
            return "exact"
        except duckdb.Error as error:
            self.assertIn("nats_scan: ", str(error))
            self.assertEqual(rows, list(range(1, len(rows) + 1)))
            return "failed"
        finally:
            self.start_again(victim)

    def test_absent_messages_are_absent_everywhere(self):
        got = self.database.sql(f"SELECT seq FROM nats_get('S', [1, 7, {COUNT + 5}], url := '{self.cluster.url}')").fetchall()
        self.assertEqual(got, [(1,), (7,)])


if __name__ == "__main__":
    unittest.main()
