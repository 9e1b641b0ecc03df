"""nats_servers, nats_connections, nats_accounts: what a user of the system account is told by one server and by a cluster."""

import os
import socket
import time
import unittest
from contextlib import ExitStack

import duckdb

from fixtures.wire import Wire
from integration import host
from integration.cluster import NAMES, READY_SECONDS, Cluster
from scripts.nats_server import Server

VERSION = os.environ["NATS_JS_TEST_SERVER"]
ACCOUNTS = """
system_account: SYS
accounts {
  SYS { users: [{ user: sys, password: secret }] }
  A { jetstream: { max_mem: 1000000, max_file: 2000000 }, users: [{ user: a, password: secret }] }
  B { users: [{ user: b, password: secret }] }
}
"""
# More than one page of connections.
CLIENTS = 1100


def as_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}:secret@")


def client(server: Server, user: str, name: str) -> socket.socket:
    """An open connection of a client, which the server has answered."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    words = f'CONNECT {{"user":"{user}","pass":"secret","verbose":false,"name":"{name}","lang":"test"}}\r\nPING\r\n'
    connection.sendall(words.encode())
    heard = b""
    while b"PONG" not in heard:
        heard += connection.recv(4096)
    return connection


class Told(unittest.TestCase):
    def setUp(self):
        self.database = host.connect()
        self.addCleanup(self.database.close)

    def rows(self, sql: str) -> list[tuple]:
        return self.database.execute(sql).fetchall()

    def eventually(self, sql: str, expected: list[tuple]) -> None:
        """The servers tell each other what they know within seconds."""
        deadline = time.monotonic() + READY_SECONDS
        while (rows := self.rows(sql)) != expected:
            self.assertLess(time.monotonic(), deadline, f"{rows}, not {expected}")
            time.sleep(0.2)


class OneServer(Told):
    def setUp(self):
        super().setUp()
        store = "server_name: one\njetstream { store_dir: $STORE_DIR }\n"
        self.server = self.enterContext(Server(VERSION, store + ACCOUNTS))
        self.url = as_user(self.server.url, "sys")

    def test_every_page_of_connections(self):
        with ExitStack() as stack:
            for i in range(CLIENTS):
                stack.enter_context(client(self.server, "a", f"client {i}"))
            sql = f"""SELECT count(*), count(DISTINCT cid), count(DISTINCT name) FROM nats_connections(url := '{self.url}')
                WHERE account = 'A' AND "user" = 'a' AND server = 'one' AND lang = 'test' AND kind = 'Client' AND ip = '127.0.0.1'"""
            self.assertEqual(self.rows(sql), [(CLIENTS, CLIENTS, CLIENTS)])
            sql = f"""SELECT bool_and(started <= last_activity AND idle < INTERVAL 10 MINUTES AND port > 0 AND type = 'nats')
                FROM nats_connections(url := '{self.url}') WHERE account = 'A'"""
            self.assertEqual(self.rows(sql), [(True,)])
            sql = f"SELECT connections, jetstream FROM nats_accounts(url := '{self.url}') WHERE account IN ('A', 'B') ORDER BY account"
            self.assertEqual(self.rows(sql), [(CLIENTS, True), (0, False)])

    def test_the_server(self):
        sql = f"""SELECT server, version, cluster, jetstream, port, uptime < INTERVAL 10 MINUTES, info->>'server_name', js_max_storage > 0
            FROM nats_servers(url := '{self.url}')"""
        self.assertEqual(self.rows(sql), [("one", VERSION, None, True, self.server.port, True, "one", True)])

    def test_a_user_of_another_account(self):
        for call in ("nats_servers", "nats_connections", "nats_accounts"):
            with self.assertRaisesRegex(duckdb.Error, r"not of the system account.*system_account.*\[denied\]") as caught:
                self.rows(f"FROM {call}(url := '{as_user(self.server.url, 'a')}')")
            self.assertNotIn("secret", str(caught.exception))


class ThreeServers(Told):
    def setUp(self):
        super().setUp()
        self.cluster = self.enterContext(Cluster(VERSION, accounts=ACCOUNTS))
        self.url = as_user(self.cluster.servers["two"].url, "sys")

    def ask(self, call: str, body: dict) -> None:
        """A request of user a's, made until the cluster is ready for it."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with Wire(as_user(self.cluster.servers["one"].url, "a")) as wire:
                    return wire.request(call, body)
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def test_every_server_is_asked(self):
        sql = f"SELECT server, cluster, routes > 0, jetstream FROM nats_servers(url := '{self.url}')"
        expected = [(name, "trio", True, True) for name in sorted(NAMES)]
        self.eventually(sql, expected)
        sql = f"SELECT count(DISTINCT meta_leader), bool_and(meta_leader IN {NAMES}) FROM nats_servers(url := '{self.url}')"
        self.eventually(sql, [(1, True)])
        with ExitStack() as stack:
            for name, server in self.cluster.servers.items():
                stack.enter_context(client(server, "b", f"on {name}"))
            sql = f"SELECT server, name FROM nats_connections(url := '{self.url}') WHERE account = 'B' ORDER BY ALL"
            self.assertEqual(self.rows(sql), sorted((name, f"on {name}") for name in NAMES))
            sql = f"SELECT connections FROM nats_accounts(url := '{self.url}') WHERE account = 'B'"
            self.assertEqual(self.rows(sql), [(3,)])

    def test_what_an_account_uses(self):
        self.ask("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "num_replicas": 3})
        self.ask("STREAM.CREATE.T", {"name": "T", "subjects": ["t"], "num_replicas": 1, "storage": "memory"})
        config = {"durable_name": "d", "ack_policy": "explicit"}
        self.ask("CONSUMER.CREATE.S.d", {"stream_name": "S", "config": config})
        sql = f"SELECT streams, consumers, max_memory, max_storage FROM nats_accounts(url := '{self.url}') WHERE account = 'A'"
        self.eventually(sql, [(2, 1, 1_000_000, 2_000_000)])

    def test_a_server_that_stopped(self):
        self.eventually(f"SELECT count(*) FROM nats_servers(url := '{self.url}')", [(3,)])
        self.cluster.servers["three"].kill()
        begin = time.monotonic()
        self.assertEqual(self.rows(f"SELECT server FROM nats_servers(url := '{self.url}')"), [("one",), ("two",)])
        self.assertLess(time.monotonic() - begin, 4)
