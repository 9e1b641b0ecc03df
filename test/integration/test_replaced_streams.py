"""Streams that become another while they are read: made anew, reset with their server, or rewound to an older copy."""

import shutil
import unittest
from pathlib import Path

import duckdb

from fixtures.wire import Wire
from integration import host
from integration.cluster import NAMES, Cluster
from integration.proxy import Proxy
from integration.streams import fill, state
from scripts import servers
from scripts.nats_server import Server

# Together larger than what a read has under way: it is not over when it is interrupted.
COUNT, SIZE = 100_000, 400
BEFORE = 20_000
VERSIONS = servers.tested("2.9.10", "2.10.26", "2.15.1")
# Between the two there is none.
ANEW = "stream 'S'.*(was deleted and made anew|no such stream)"


class OneServer(unittest.TestCase):
    def setUp(self):
        self.connection = host.connect()
        self.addCleanup(self.connection.close)

    def fails(self, server: Server, change, words: str, options: str = "", rest: str = "") -> None:
        """Reads a part of S, lets `change` happen, and wants the rest to fail."""
        scan = f"SELECT seq, payload FROM nats_scan('S', url := '{server.url}', timeout := to_seconds(10){options})"
        result = self.connection.execute(scan)
        rows = len(result.fetchmany(BEFORE))
        change()
        with self.assertRaisesRegex(duckdb.Error, words):
            while part := result.fetchmany(50_000):
                rows += len(part)
            self.fail(f"{rows} rows, and no error")

    def fill(self, server: Server, count: int, name: str = "old") -> None:
        fill(server.url, "stream name=S subjects=a.*", f"messages stream=S subject=a.{{i%2}} count={count} payload='{name} {{i}}' size={SIZE}")

    def anew(self, server: Server, count: int) -> None:
        with Wire(server.url) as wire:
            wire.request("STREAM.DELETE.S")
        if count:
            self.fill(server, count, "new")
        else:
            fill(server.url, "stream name=S subjects=a.*")

    def test_made_anew(self):
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            for count in (0, COUNT):
                for options in ("", ", subject := 'a.*'") if version == VERSIONS[-1] else ("",):
                    with self.subTest(version=version, count=count, options=options):
                        self.anew_or_first(server)
                        self.fails(server, lambda: self.anew(server, count), ANEW, options)

    def anew_or_first(self, server: Server) -> None:
        with Wire(server.url) as wire:
            if "S" in (wire.request("STREAM.NAMES").get("streams") or []):
                wire.request("STREAM.DELETE.S")
        self.fill(server, COUNT)

    def test_rewound(self):
        """An older copy of the store comes back in the middle of the scan, as it was or gone on with other messages."""
        for version in (VERSIONS[0], VERSIONS[-1]):
            server = self.enterContext(Server(version))
            copies = [server.store.with_name(name) for name in ("older", "gone_on", "newest")]
            half = COUNT // 2
            self.fill(server, half)
            self.keep(server, copies[0])
            fill(server.url, f"messages stream=S subject=a.0 count={half + 10} payload='other {{i}}' size={SIZE}")
            self.keep(server, copies[1])
            self.restore(server, copies[0])
            fill(server.url, f"messages stream=S subject=a.0 count={half} payload='lost {{i}}' size={SIZE}")
            self.keep(server, copies[2])
            for copy, words in ((copies[0], f"ends at sequence {half}"), (copies[1], f"sequence {COUNT} is another message")):
                self.restore(server, copies[2])
                with self.subTest(version=version, words=words):
                    self.fails(server, lambda: self.restore(server, copy), f"stream 'S'.*{words}")

    def test_made_anew_between_two_messages(self):
        """Messages of two streams of one name are no answer to nats_get."""
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            self.fill(server, 10)
            left = [3]

            def rule(frame):
                left[0] -= b"payload" in frame or b"old" in frame or b'"data"' in frame
                if left[0] == 0:
                    left[0] = -100
                    self.anew(server, 10)
                return [frame]

            with self.subTest(version=version), Proxy(server.url, rule) as proxy:
                # One after the other, as the answers let them through.
                sql = f"SELECT payload FROM nats_get('S', range(1, 11), url := '{proxy.url}')"
                with self.assertRaisesRegex(duckdb.Error, "stream 'S'.*was deleted and made anew"):
                    rows = self.connection.execute(sql).fetchall()
                    self.fail(f"{rows}")
            self.assertLess(left[0], 0)

    def keep(self, server: Server, copy: Path) -> None:
        server.stop()
        shutil.copytree(server.store, copy)
        server.start()

    def restore(self, server: Server, copy: Path) -> None:
        server.stop()
        shutil.rmtree(server.store)
        shutil.copytree(copy, server.store)
        server.start()


class MemoryOfACluster(unittest.TestCase):
    def test_reset(self):
        """The only replica of a stream in memory restarts empty."""
        cluster = self.enterContext(Cluster())
        url = cluster.servers[NAMES[0]].url
        lines = "stream name=S subjects=a storage=memory num_replicas=1", f"messages stream=S subject=a count={COUNT} size={SIZE}"
        for line in lines:
            cluster.call(NAMES[0], lambda wire: fill(url, line))
        connection = host.connect()
        self.addCleanup(connection.close)
        owner = cluster.leader()
        others = ",".join(cluster.servers[name].url for name in NAMES if name != owner)
        result = connection.execute(f"SELECT seq, payload FROM nats_scan('S', url := '{others}', timeout := to_seconds(30))")
        rows = len(result.fetchmany(BEFORE))
        cluster.servers[owner].stop()
        cluster.servers[owner].start()
        with self.assertRaisesRegex(duckdb.Error, "stream 'S'.*(was reset|was deleted and made anew|no answer|do not answer)"):
            while part := result.fetchmany(50_000):
                rows += len(part)
            self.fail(f"{rows} rows, and no error")


if __name__ == "__main__":
    unittest.main()
