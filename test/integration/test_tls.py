"""Encrypted connections, WebSocket, and lists of servers."""

import socket
import unittest

from integration.identities import Authority, Pair
from integration.proxy import Greetings
from integration.test_authentication import Case, server
from integration.streams import fill


def tls(pair: Pair, extra: str = "") -> str:
    return f"tls {{ cert_file: '{pair.cert}', key_file: '{pair.key}', timeout: 5, {extra} }}\n"


def closed_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Tls(Case):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.pair = self.authority.issue("server")

    def test_the_authority_decides(self):
        other = Authority(self.folder, "other")
        with server(tls(self.pair)) as running:
            address = running.url.split("://")[1]
            for scheme in ("tls", "nats"):
                self.ping(url=f"{scheme}://{address}", tls_ca=self.authority.ca)
                self.refused("certificate", "tls_ca", url=f"{scheme}://{address}", tls_ca=other.ca)
                self.refused("certificate", url=f"{scheme}://{address}")

    def test_a_certificate_for_another_name(self):
        with server(tls(self.authority.issue("elsewhere", ("elsewhere.example",)))) as running:
            self.refused("certificate", "not valid for", url=running.url, tls_ca=self.authority.ca)

    def test_an_expired_certificate(self):
        with server(tls(self.authority.issue("old", expired=True))) as running:
            self.refused("certificate", "expired", url=running.url, tls_ca=self.authority.ca)

    def test_the_clients_certificate(self):
        client, stranger = self.authority.issue("client"), Authority(self.folder, "other").issue("stranger")
        with server(tls(self.pair, f"ca_file: '{self.authority.ca}', verify: true")) as running:
            ca = {"url": running.url, "tls_ca": self.authority.ca}
            self.ping(**ca, tls_cert=client.cert, tls_key=client.key)
            self.ping(url=running.url, tls_ca_file=self.authority.ca, tls_cert_file=client.cert, tls_key_file=client.key)
            self.refused("tls_cert", **ca)
            self.refused("tls_cert", **ca, tls_cert=stranger.cert, tls_key=stranger.key)
            self.refused("tls_cert is given, but no tls_key", **ca, tls_cert=client.cert)
            self.refused("tls_key is given, but no tls_cert", **ca, tls_key=client.key)
            self.refused(f"tls_key: '{stranger.key}' is not the key of", **ca, tls_cert=client.cert, tls_key=stranger.key)

    def test_files_that_hold_something_else(self):
        key = self.pair.key
        self.refused(f"tls_ca: '{key}' is not a file of PEM certificates", url="tls://localhost:1", tls_ca=key)
        self.refused("tls_ca: cannot read '/nowhere'", url="tls://localhost:1", tls_ca="/nowhere")
        cert = self.pair.cert
        self.refused("is not a file with a PEM private key", url="tls://localhost:1", tls_cert=cert, tls_key=cert)

    def test_tls_first(self):
        with server(tls(self.pair, "handshake_first: true")) as running:
            self.ping(url=running.url, tls_first=True, tls_ca=self.authority.ca)
            self.refused(url=running.url, tls_ca=self.authority.ca)

    def test_encryption_is_not_given_up(self):
        with server("") as running:
            self.ping(url=running.url)
            self.refused(url=running.url.replace("nats://", "tls://"))
            self.refused(url=running.url, tls_ca=self.authority.ca)
            # One server of the list that is to be encrypted speaks for all of them.
            self.refused(url=f"tls://127.0.0.1:{closed_port()},{running.url}")

    def read(self, rule) -> Greetings:
        """Reads a stream through a proxy, from a server that would do without encryption."""
        with server(tls(self.pair) + "allow_non_tls: true") as running:
            fill(running.url, "stream name=S subjects=a", "messages stream=S subject=a count=5000 size=300")
            with Greetings(running.url, rule) as proxy:
                scan = f"FROM nats_scan('S', url := 'nats://{proxy.address}', tls_ca := '{self.authority.ca}')"
                rows = self.database.sql(f"SELECT count(payload), sum(seq) {scan}").fetchall()
            self.assertEqual(rows, [(5000, 5000 * 5001 // 2)])
            return proxy

    def test_reading_is_encrypted_although_the_server_does_not_ask_for_it(self):
        proxy = self.read(lambda number, greeting: greeting)
        self.assertEqual([began[:2] for began in proxy.began], [b"\x16\x03"] * 2)

    def test_what_comes_in_the_clear_behind_the_greeting_is_dropped(self):
        refusal = b"-ERR 'anybody can say this'\r\n"
        proxy = self.read(lambda number, greeting: greeting + (refusal if number == 1 else b""))
        # The read has kept its socket: otherwise the messages come through the first connection.
        self.assertGreater(proxy.received[1], 5000 * 300)


class WebSockets(Case):
    def test_in_the_clear(self):
        with server("authorization { user: ann, password: secret }\nwebsocket { listen: '127.0.0.1:-1', no_tls: true }") as running:
            [url] = running.addresses["websocket"]
            self.ping(url=url, user="ann", password="secret")
            self.ping(url=url.replace("://", "://ann:secret@"))
            self.refused("authorization violation", url=url)
            self.refused("not encrypted", url=url, tls_ca="/x")

    def test_encrypted(self):
        authority = Authority(self.folder)
        config = f"websocket {{ listen: '127.0.0.1:-1', {tls(authority.issue('server'))} }}"
        with server(config) as running:
            [url] = running.addresses["websocket"]
            self.ping(url=url, tls_ca=authority.ca)
            self.refused("certificate", url=url)
            self.refused("certificate", url=url, tls_ca=Authority(self.folder, "other").ca)


class Lists(Case):
    def test_the_next_server_is_tried(self):
        with server("") as running:
            closed = f"nats://127.0.0.1:{closed_port()}"
            for _ in range(8):
                self.ping(url=f"{closed}, {running.url}")
            self.refused("Connection refused", url=f"{closed},{closed}")

    def test_a_server_that_does_not_answer_leaves_time_for_the_next(self):
        with server("") as running, socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"nats://127.0.0.1:{silent.getsockname()[1]}"
            for attempt in range(3):
                # Another timeout is another connection.
                timeout = f"INTERVAL '{900 + attempt} milliseconds'"
                ping = f"SELECT url FROM nats_ping(url := '{url},{running.url}', timeout := {timeout})"
                self.assertEqual(len(self.database.sql(ping).fetchall()), 1)

    def test_what_no_list_can_be(self):
        self.refused("mixes WebSocket servers with others", url="ws://h,nats://h")
        self.refused("different users", url="nats://a:b@h,nats://c:d@h")
        self.refused("scheme", url="http://h")
        self.refused("url is empty", url=" , ")
        self.refused("DNS", url="nats://no-such-host.invalid:1")


if __name__ == "__main__":
    unittest.main()
