"""Scans read through a socket of their own whoever connects, and by TLS: the server has two connections, and both are alike."""

import json
import unittest
import urllib.request

from integration.identities import Authority, NKey, Operator
from integration.test_authentication import VERSION, Case, literal, options
from integration.test_tls import tls
from scripts.nats_server import Server

COUNT = 20_000
BASE = "jetstream { store_dir: $STORE_DIR }\nhttp: '127.0.0.1:-1'\n"


class Reading(Case):
    def reads(self, running: Server, encrypted: bool = False, **who: object) -> None:
        """Publishes messages and reads them, and looks at who the server thinks has read."""
        who = {"url": running.url, **who}
        self.database.execute(f"FROM nats_stream_ensure('S', subjects := ['s'], storage := 'memory', {options(**who)})").fetchall()
        struct = ", ".join(f"'{name}': {literal(value)}" for name, value in who.items())
        published = f"SELECT count(nats_publish('s', repeat(i::VARCHAR, 50), NULL, {{{struct}}})) FROM range({COUNT}) t(i)"
        self.assertEqual(self.database.execute(published).fetchone(), (COUNT,))
        value = "bit_xor(hash(payload))"
        expected = self.database.execute(
            f"SELECT count(*), sum(i + 1), {value} FROM (SELECT i, repeat(i::VARCHAR, 50)::BLOB AS payload FROM range({COUNT}) t(i))"
        ).fetchone()
        for _ in range(2):
            read = self.database.execute(f"SELECT count(*), sum(seq), {value} FROM nats_scan('S', {options(**who)})")
            self.assertEqual(read.fetchone(), expected)
        [address] = running.addresses["monitoring"]
        with urllib.request.urlopen(f"{address}/connz?auth=true") as answer:
            connections = [known for known in json.load(answer)["connections"] if known.get("name") == "nats_js"]
        seen = {(known.get("authorized_user"), known.get("nkey"), known.get("jwt"), "tls_version" in known) for known in connections}
        self.assertEqual((len(connections), len(seen)), (2, 1), connections)
        self.assertEqual({known[-1] for known in seen}, {encrypted})

    def test_nobody(self):
        with Server(VERSION, BASE) as running:
            self.reads(running)

    def test_a_password(self):
        with Server(VERSION, BASE + "authorization { user: ann, password: 'p@ss \"word' }") as running:
            self.reads(running, user="ann", password='p@ss "word')

    def test_an_nkey(self):
        key = NKey("user")
        with Server(VERSION, BASE + f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}") as running:
            self.reads(running, nkey=self.file("user.nk", key.seed + "\n"))

    def test_credentials(self):
        operator = Operator()
        with Server(VERSION, operator.config() + "http: '127.0.0.1:-1'\n") as running:
            self.reads(running, creds=operator.creds(self.folder / "user.creds"))

    def test_tls(self):
        authority = Authority(self.folder)
        client = authority.issue("client")
        verify = f"ca_file: '{authority.ca}', verify: true"
        cases = [
            ("", {}),
            ("handshake_first: true", {"tls_first": True}),
            (verify, {"tls_cert": client.cert, "tls_key": client.key}),
        ]
        for extra, who in cases:
            config = BASE + tls(authority.issue("server"), extra) + "authorization { token: t0k3n }"
            with self.subTest(extra), Server(VERSION, config) as running:
                self.reads(running, encrypted=True, tls_ca=authority.ca, token="t0k3n", **who)

    def test_tls_with_credentials(self):
        authority, operator = Authority(self.folder), Operator()
        config = operator.config() + "http: '127.0.0.1:-1'\n" + tls(authority.issue("server"))
        with Server(VERSION, config) as running:
            creds = operator.creds(self.folder / "user.creds")
            self.reads(running, encrypted=True, tls_ca=authority.ca, creds=creds)


if __name__ == "__main__":
    unittest.main()
