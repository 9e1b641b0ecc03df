"""A durable whose server is behind the leader of the stream: it has messages to give, or its reading is an error; it is never "nothing more"."""

import time
import unittest

import duckdb

from integration import host
from integration.cluster import NAMES, Cluster
from integration.damage import flip

# So many bytes that a server which lost them is without them for some seconds.
COUNT, SIZE = 60_000, 3_000
LEADER, LOSER = NAMES[:2]
BATCH = 500
# How many durables are made at most until one is led by a given server.
MADE = 30
# How long durables are made one after the other, and how often the server loses its messages, until it led one of them.
SECONDS, LOSSES = 4, 4
READ = "SELECT count(*), min(seq), max(seq) FROM nats_ingest('S', durable := '{}', url := '{}', timeout := INTERVAL 3 SECONDS, max_messages := {})"


class Behind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.cluster.fill(COUNT, SIZE)

    def lose_messages(self) -> None:
        """The server starts without the stream's messages, and gets them from the others."""
        self.cluster.lead(LEADER)
        server = self.cluster.servers[LOSER]
        server.kill()
        [folder] = server.store.glob("jetstream/$G/streams/S/msgs")
        for file in folder.iterdir():
            file.unlink()
        server.start()

    def leader(self, durable: str) -> str:
        return self.cluster.call(LEADER, lambda wire: wire.request(f"CONSUMER.INFO.S.{durable}"))["cluster"]["leader"]

    def test_nothing_more_is_true(self):
        database = host.connect()
        self.addCleanup(database.close)
        led, answers = 0, 0
        for loss in range(LOSSES):
            self.lose_messages()
            until, number = time.monotonic() + SECONDS, 0
            while time.monotonic() < until:
                durable = f"d{loss}_{number}"
                number += 1
                try:
                    found = database.execute(READ.format(durable, self.cluster.servers[LEADER].url, BATCH)).fetchone()
                except duckdb.Error as error:
                    self.assertRegex(str(error), "nats_ingest: ")
                    continue
                self.assertEqual(found, (BATCH, 1, BATCH), f"{durable}, led by {self.leader(durable)}")
                answers += 1
                led += self.leader(durable) == LOSER
            if led > 2:
                break
        self.assertGreater(led, 0, f"{LOSER} led none of {answers}")

    def test_a_copy_without_its_last_message(self):
        """The last message is damaged on one server: a durable that it leads is told what is missing."""
        database = host.connect()
        self.addCleanup(database.close)
        self.cluster.lead(LEADER)
        server = self.cluster.servers[LOSER]
        server.stop()
        flip(server.store, b"message %d." % COUNT)
        server.start()
        self.cluster.wait_until_whole()
        for number in range(MADE):
            durable = f"last{number}"
            sql = f"SELECT min(seq), max(seq) FROM nats_ingest('S', durable := '{durable}', url := '{self.cluster.servers[LEADER].url}', timeout := INTERVAL 3 SECONDS, start_seq := {COUNT - 9})"
            try:
                found = database.execute(sql).fetchone()
            except duckdb.Error as error:
                found = str(error)
            if self.leader(durable) == LOSER:
                self.assertRegex(str(found), f"nothing follows sequence {COUNT - 1}, and message {COUNT} exists; .*\\[unavailable\\]")
                return
            self.assertEqual(found, (COUNT - 9, COUNT), durable)
        self.fail(f"{LOSER} led none of {MADE}")


if __name__ == "__main__":
    unittest.main()
