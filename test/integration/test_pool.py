"""Connections are shared, closed when idle, replaced when lost, and never leak."""

import gc
import json
import os
import resource
import threading
import time
import unittest
import urllib.request
from contextlib import closing

import duckdb

from integration import host
from integration.proxy import Proxy
from scripts import fixtures
from scripts.nats_server import Server

VERSION = os.environ["NATS_JS_TEST_SERVER"]
CONFIG = "jetstream { store_dir: $STORE_DIR }\nhttp: '127.0.0.1:-1'\n"
PATIENCE_SECONDS = 120


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


class Pool(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(VERSION, CONFIG))
        with fixtures.Wire(self.server.url) as wire:
            for line in ("stream name=S subjects=a", "messages stream=S subject=a count=100"):
                fixtures.parse(line, line).apply(wire)

    def count(self, database: duckdb.DuckDBPyConnection) -> int:
        [(count,)] = database.sql(f"SELECT count(*) FROM nats_scan('S', url := '{self.server.url}')").fetchall()
        return count

    def served(self) -> int:
        """The connections of the extension that the server has."""
        [address] = self.server.addresses["monitoring"]
        with urllib.request.urlopen(f"{address}/connz") as answer:
            return sum(connection.get("name") == "nats_js" for connection in json.load(answer)["connections"])

    def accepted(self) -> int:
        """How many connections the server has had."""
        [address] = self.server.addresses["monitoring"]
        with urllib.request.urlopen(f"{address}/varz") as answer:
            return json.load(answer)["total_connections"]

    def test_threads_share_one_client_and_keep_few_sockets(self):
        with closing(host.connect()) as database:
            def work() -> None:
                for _ in range(20):
                    counts.append(self.count(database.cursor()))

            counts: list[int] = []
            workers = [threading.Thread(target=work) for _ in range(8)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            self.assertEqual(counts, [100] * 160)
            # The shared client, and a socket for each thread, kept from one read to the next.
            self.assertLessEqual(self.served(), 1 + len(workers))

    def test_a_new_connection_asks_once(self):
        """The client reports late that it is connected. That is no reconnect, after which a request would be sent again."""
        with fixtures.Wire(self.server.url) as wire:
            line = "stream name=EMPTY subjects=e"
            fixtures.parse(line, line).apply(wire)
        asked: list[int] = []
        with closing(host.connect()) as database, Proxy(self.server.url) as proxy:
            proxy.sent = lambda data: asked.append(data.count(b"STREAM.INFO."))
            for number in range(100):
                url = proxy.url.replace("://", f"://user{number}:password@")
                self.assertEqual(database.sql(f"FROM nats_scan('EMPTY', url := '{url}')").fetchall(), [])
        self.assertEqual(sum(asked), 100)

    def test_a_read_that_stops_early_leaves_its_socket_to_the_next(self):
        with fixtures.Wire(self.server.url) as wire:
            for line in ("stream name=LONG subjects=b", "messages stream=LONG subject=b count=20000 kind=json size=300"):
                fixtures.parse(line, line).apply(wire)
        with closing(host.connect()) as database:
            self.count(database)
            before = self.accepted()
            for _ in range(30):
                rows = database.sql(f"FROM nats_scan('LONG', url := '{self.server.url}') LIMIT 10").fetchall()
                self.assertEqual([row[2] for row in rows], list(range(1, 11)))
                # What the server still owed comes in meanwhile.
                time.sleep(0.05)
            self.assertEqual(database.sql(f"SELECT count(*) FROM nats_scan('LONG', url := '{self.server.url}')").fetchall(), [(20000,)])
            # One each for a read whose predecessor was not done in time; not one for every read.
            self.assertLess(self.accepted() - before, 15)

    def test_a_thousand_databases_leave_nothing(self):
        def use() -> None:
            with closing(host.connect()) as database:
                self.assertEqual(self.count(database), 100)

        for _ in range(50):
            use()
        gc.collect()
        before = threads(), descriptors(), resident_bytes()
        for _ in range(1000):
            use()
        gc.collect()
        after = threads(), descriptors(), resident_bytes()
        self.assertLessEqual(after[0], before[0])
        self.assertLessEqual(after[1], before[1])
        self.assertLess(after[2] - before[2], 48 << 20)
        self.assertEqual(self.served(), 2)

    def test_an_idle_connection_is_closed(self):
        with closing(host.connect()) as database:
            self.count(database)
            self.assertEqual(self.served(), 2)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while self.served():
                self.assertLess(time.monotonic(), deadline, "it is still open")
                time.sleep(0.5)
            self.assertEqual(self.count(database), 100)

    def test_a_new_server_on_the_same_port_works_at_once(self):
        with closing(host.connect()) as database:
            for _ in range(3):
                self.assertEqual(self.count(database), 100)
                self.server.kill()
                with self.assertRaises(duckdb.Error):
                    self.count(database)
                self.server.start()
                self.assertEqual(self.count(database), 100)

    def test_a_server_that_stays_away_is_not_called_for_ever(self):
        with closing(host.connect()) as database:
            self.count(database)
            idle = descriptors()
            self.server.kill()
            for _ in range(20):
                with self.assertRaises(duckdb.Error):
                    self.count(database)
            self.assertLessEqual(descriptors(), idle)
            self.server.start()
            self.assertEqual(self.count(database), 100)

    def test_a_forked_child(self):
        database = host.connect()
        self.addCleanup(database.close)
        self.assertEqual(self.count(database), 100)
        child = os.fork()
        if child == 0:
            # Its own database: DuckDB's threads are the parent's.
            try:
                own = host.connect()
                own.execute("SET threads = 1")
                os._exit(0 if self.count(own) == 100 else 1)
            finally:
                os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.count(database), 100)


if __name__ == "__main__":
    unittest.main()
