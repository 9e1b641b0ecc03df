"""A durable of a replicated stream while its leader changes and its servers die: every message reaches the table, and none is
acknowledged that is not there."""

import threading
import time
import unittest

import duckdb

from integration import host
from integration.cluster import NAMES, POLL_SECONDS, READY_SECONDS, Cluster

COUNT = 20_000
READ = """INSERT INTO t SELECT seq FROM nats_ingest('S', durable := '{}', url := '{}', max_messages := 700,
    ack_wait := INTERVAL 5 SECONDS, timeout := INTERVAL 2 SECONDS) ON CONFLICT DO NOTHING"""
SETTLE = "FROM {}('S', '{}', url := '{}', timeout := INTERVAL 2 SECONDS)"


class Replicated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.cluster.fill(COUNT, 330)

    def setUp(self):
        self.database = host.connect()
        self.addCleanup(self.database.close)
        self.database.execute("CREATE TABLE t (seq UBIGINT PRIMARY KEY)")
        self.errors: list[str] = []

    def ask(self, call: str) -> dict:
        """What a server that is up answers."""
        name = next(name for name in NAMES if self.cluster.servers[name].running)
        return self.cluster.call(name, lambda wire: wire.request(call))

    def info(self, durable: str) -> dict:
        return self.ask(f"CONSUMER.INFO.S.{durable}")

    def leader(self, durable: str) -> str:
        deadline = time.monotonic() + READY_SECONDS
        while not (leader := self.info(durable)["cluster"].get("leader")):
            self.assertLess(time.monotonic(), deadline, "the consumer has no leader")
        return leader

    def settle(self, function: str, durable: str) -> int:
        """Settles what was given, again and again while there is nobody to hear it."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self.database.execute(SETTLE.format(function, durable, self.cluster.url)).fetchone()[0]
            except duckdb.Error as error:
                self.errors.append(str(error))
                self.assertLess(time.monotonic(), deadline, self.errors[-3:])

    def begin(self, durable: str) -> None:
        """The first batch, which makes the consumer: asked for until the cluster has leaders for both."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.database.execute(READ.format(durable, self.cluster.url))
                return
            except duckdb.Error as error:
                self.assertLess(time.monotonic(), deadline, error)
                time.sleep(POLL_SECONDS)

    def count(self) -> int:
        return self.database.execute("SELECT count(*) FROM t").fetchone()[0]

    def follow(self, durable: str, between=lambda batch: None) -> None:
        """Batch after batch, until the table has everything."""
        self.begin(durable)
        self.settle("nats_ack", durable)
        deadline = time.monotonic() + 2 * READY_SECONDS
        batch = 0
        while self.count() < COUNT:
            self.assertLess(time.monotonic(), deadline, f"{self.count()} rows; {self.errors[-3:]}")
            between(batch)
            batch += 1
            try:
                self.database.execute(READ.format(durable, self.cluster.url))
            except duckdb.Error as error:
                self.errors.append(str(error))
                self.settle("nats_nak", durable)
                continue
            self.settle("nats_ack", durable)
        for error in self.errors:
            self.assertRegex(error, r"nats_(ingest|ack|nak): .*server nats://127")

    def finish(self, durable: str) -> None:
        """All is there, and acknowledged; nothing that is acknowledged is missing."""
        self.assertEqual(self.database.execute("SELECT count(*), min(seq), max(seq) FROM t").fetchone(), (COUNT, 1, COUNT))
        deadline = time.monotonic() + READY_SECONDS
        while (info := self.info(durable))["num_pending"] or info["num_ack_pending"]:
            # What an acknowledgement did not reach comes again.
            self.assertLess(time.monotonic(), deadline, info)
            try:
                self.database.execute(READ.format(durable, self.cluster.url))
            except duckdb.Error as error:
                self.errors.append(str(error))
            self.settle("nats_ack", durable)
        self.assertEqual(info["ack_floor"]["stream_seq"], COUNT)

    def test_the_leader_steps_down_again_and_again(self):
        leaders = set()

        def between(batch: int) -> None:
            if batch % 5 == 1:
                leaders.add(self.leader("steps"))
                # While the statement reads.
                threading.Thread(target=lambda: self.ask("CONSUMER.LEADER.STEPDOWN.S.steps"), daemon=True).start()

        self.follow("steps", between)
        self.finish("steps")
        self.assertGreater(len(leaders), 1, "the consumer had one leader all the time")

    def test_servers_die_while_it_is_read(self):
        deaths = []

        def between(batch: int) -> None:
            if batch not in (3, 10, 17):
                return
            for server in self.cluster.servers.values():
                if not server.running:
                    server.start()
            if deaths:
                self.cluster.wait_until_whole()
            # The leader, then one that follows, then the leader.
            leader = self.leader("dies")
            victim = leader if batch != 10 else next(name for name in NAMES if name != leader)
            deaths.append(victim)
            threading.Timer(0.02 * len(deaths), self.cluster.servers[victim].kill).start()

        self.follow("dies", between)
        self.finish("dies")
        self.assertEqual(len(deaths), 3)
        self.assertTrue(self.errors, "no death met a statement")
        # Nothing but what is in the table was ever acknowledged: the next test starts from a whole cluster.
        for server in self.cluster.servers.values():
            if not server.running:
                server.start()
        self.cluster.wait_until_whole()

    def test_the_leader_dies_between_commit_and_acknowledgement(self):
        self.begin("acks")
        given = self.count()
        self.assertEqual(given, 700)
        victim = self.leader("acks")
        self.cluster.servers[victim].kill()
        self.assertEqual(self.settle("nats_ack", "acks"), given)
        self.cluster.servers[victim].start()
        self.cluster.wait_until_whole()
        self.assertEqual(self.info("acks")["ack_floor"]["stream_seq"], given)
        self.follow("acks")
        self.finish("acks")


if __name__ == "__main__":
    unittest.main()
