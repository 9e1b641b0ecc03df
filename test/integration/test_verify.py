"""nats_verify: what is wrong with a stream, and nothing when nothing is."""

import os
import time
import unittest
from datetime import datetime, timedelta

from fixtures.wire import Wire
from integration import host
from integration.cluster import NAMES, READY_SECONDS, Cluster
from integration.damage import flip
from integration.proxy import Proxy, stamped
from integration.streams import fill
from scripts.nats_server import Server

COUNT = 2000


def text(i: int) -> bytes:
    """The start of the payload of message `i`, which no other message begins with."""
    return f"message {i}.".encode()


class Verify(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        self.database = host.connect()
        self.addCleanup(self.database.close)

    def fill(self, *lines: str, size: int = 100) -> None:
        fill(self.server.url, "stream name=S subjects=a", f"messages stream=S subject=a count={COUNT} size={size}", *lines)

    def verify(self, options: str = "", url: str = "", columns: str = "finding, first_seq, last_seq, messages") -> list[tuple]:
        sql = f"SELECT {columns} FROM nats_verify('S', url := '{url or self.server.url}'{options})"
        return self.database.execute(sql).fetchall()

    def test_all_is_well(self):
        self.fill("holes stream=S seqs=5,100-1500,1999-2000")
        self.assertEqual(self.verify(), [])
        expected = [("hole", 5, 5, 1), ("hole", 100, 1500, 1401), ("hole", 1999, 2000, 2)]
        self.assertEqual(self.verify(", holes := true"), expected)
        with Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S", {"seq": 50})
        self.assertEqual(self.verify(), [])
        self.assertEqual(self.verify(", holes := true"), expected[1:])
        with Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S")
        self.assertEqual(self.verify(", holes := true"), [])

    def test_without_direct_get(self):
        self.fill("holes stream=S every=7")
        with Wire(self.server.url) as wire:
            wire.request("STREAM.UPDATE.S", wire.request("STREAM.INFO.S")["config"] | {"allow_direct": False})
        self.assertEqual(self.verify(), [])

    def test_bits_that_flipped(self):
        self.fill("holes stream=S seqs=8,1999")
        self.server.stop()
        flip(self.server.store, text(7), text(1200), text(1201), text(2000))
        self.server.start()
        columns = "finding, first_seq, last_seq, messages, evidence, server = (SELECT server FROM nats_ping(url := '{}'))"
        evidence = "the server counts it and does not give it"
        self.assertEqual(self.verify(columns=columns.format(self.server.url)), [
            ("damaged", 7, 7, 1, evidence, True), ("damaged", 1200, 1201, 2, evidence, True), ("damaged", 2000, 2000, 1, evidence, True),
        ])
        self.assertEqual(self.verify(", holes := true", columns="finding, first_seq, last_seq"), [
            ("damaged", 7, 7), ("hole", 8, 8), ("damaged", 1200, 1201), ("hole", 1999, 1999), ("damaged", 2000, 2000),
        ])

    def test_a_block_that_is_gone(self):
        # Some blocks of 8 MiB.
        self.fill(size=10_000)
        self.server.stop()
        blocks = sorted(self.server.store.rglob("*.blk"), key=lambda path: int(path.stem))
        self.assertGreaterEqual(len(blocks), 3)
        blocks[1].unlink()
        self.server.start()
        [(finding, first, last, messages, evidence)] = self.verify(columns="finding, first_seq, last_seq, messages, evidence")
        self.assertEqual((finding, messages), ("lost", last - first + 1))
        self.assertGreater(first, 500)
        self.assertLess(last, 1900)
        self.assertIn("the server says that its storage lost them", evidence)

    def test_times_that_step_back(self):
        self.fill("holes stream=S seqs=400")
        base = datetime(2025, 1, 15)
        clock = lambda seq: (base + timedelta(seconds=seq - (59 if 400 <= seq < 700 else 0))).isoformat() + "Z"
        with Proxy(self.server.url, lambda frame: [stamped(frame, clock)]) as proxy:
            found = self.verify(url=proxy.url, columns="finding, first_seq, last_seq, evidence")
        self.assertEqual(found, [("time", 401, 401, "stored 57.000000 s before sequence 399, which stands in front of it")])

    def test_while_messages_come_and_go(self):
        self.fill()
        left = [5]

        def rule(frame):
            if left[0] and b"Nats-Sequence" in frame:
                left[0] -= 1
                with Wire(self.server.url) as wire:
                    wire.request("STREAM.PURGE.S", {"seq": 300 * (6 - left[0])})
                    wire.request("STREAM.MSG.DELETE.S", {"seq": 1900 + left[0]})
                fill(self.server.url, "messages stream=S subject=a count=10")
            return [frame]

        with Proxy(self.server.url, rule) as proxy:
            self.assertEqual(self.verify(url=proxy.url), [])
        self.assertEqual(left, [0])


class VerifyReplicas(unittest.TestCase):
    def test_each_replica(self):
        cluster = self.enterContext(Cluster())
        cluster.fill(COUNT, 100)
        with host.connect() as database:
            sql = f"SELECT finding, first_seq, last_seq, server, evidence FROM nats_verify('S', url := '{cluster.servers[NAMES[0]].url}')"

            def settled():
                """The findings, once every replica answers: one that has just come up does not at once."""
                deadline = time.monotonic() + READY_SECONDS
                while True:
                    found = database.execute(sql).fetchall()
                    if all(row[0] != "unread" for row in found) or time.monotonic() > deadline:
                        return found

            self.assertEqual(settled(), [])
            leader = cluster.leader()
            follower = next(name for name in NAMES if name != leader)
            server = cluster.servers[follower]
            server.stop()
            flip(server.store, text(7), text(1200), text(1201))
            server.start()
            cluster.wait_until_whole()
            # Another may lead now: what is damaged stays where it is.
            found = settled()
            self.assertEqual([row[:4] for row in found], [("damaged", 7, 7, follower), ("damaged", 1200, 1201, follower)])
            others = [f"'{name}'" for name in NAMES if name != follower]
            self.assertTrue(all(name in row[4] for row in found for name in others), found)


if __name__ == "__main__":
    unittest.main()
