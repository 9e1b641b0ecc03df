"""The same rows in the same order, over so many connections as are asked for or pay, and what becomes of them."""

import json
import os
import threading
import time
import unittest

import duckdb

from integration import host
from integration.narrow import Narrow
from integration.proxy import Greetings, Proxy
from integration.streams import fill
from scripts.nats_server import Server

URL = os.environ["NATS_JS_TEST_URL"]
VERSION = os.environ["NATS_JS_TEST_SERVER"]
COUNT = 40_000
# A link of so many bytes a second, so that work on the machine is not the limit.
NARROW = 8e6
SEQUENCES = [seq for seq in range(1, COUNT + 1) if seq % 10]


def setUpModule():
    fill(URL, "stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%2}} count={COUNT} size=900", "holes stream=S every=10")


class Connections(unittest.TestCase):
    def setUp(self):
        self.connection = host.connect()
        self.addCleanup(self.connection.close)

    def rows(self, url: str, options: str = "", function: str = "nats_scan") -> list[int]:
        scan = f"SELECT seq FROM {function}('S', url := '{url}'{options})"
        return [seq for (seq,) in self.connection.execute(scan).fetchall()]

    def test_the_same_rows_in_order(self):
        for connections in (1, 2, 5, 16):
            with self.subTest(connections=connections):
                self.assertEqual(self.rows(URL, f", connections := {connections}"), SEQUENCES)
        self.assertEqual(self.rows(URL, ", connections := 3, subject := 's.1'"), [seq for seq in SEQUENCES if seq % 2])
        self.assertEqual(self.rows(URL, ", connections := 3, max_messages := 999"), SEQUENCES[:999])
        self.assertEqual(self.rows(URL, ", connections := 3", "nats_ingest"), SEQUENCES)
        self.assertEqual(self.connection.execute(f"SELECT count(*) FROM '{URL}/S?connections=4'").fetchone(), (len(SEQUENCES),))

    def test_what_is_refused(self):
        for options, words in (
            ("connections := 0", "connections must be a number from 1 to 16"), ("connections := 17", "from 1 to 16"),
            ("connections := 2, via := 'consumer'", "cannot be used together"),
        ):
            with self.subTest(options=options), self.assertRaisesRegex(duckdb.Error, words):
                self.connection.execute(f"FROM nats_scan('S', {options})")

    def test_each_server_of_a_list_has_its_share(self):
        same = lambda number, greeting: greeting
        with Greetings(URL, same) as one, Greetings(URL, same) as two, Greetings(URL, same) as three:
            url = ",".join(f"nats://{proxy.address}" for proxy in (one, two, three))
            self.assertEqual(self.rows(url, ", connections := 3"), SEQUENCES)
            shares = [max(proxy.received) / (COUNT * 900) for proxy in (one, two, three)]
        self.assertGreater(min(shares), 0.15, shares)

    def test_the_servers_that_one_names_itself(self):
        with Greetings(URL, lambda number, greeting: greeting) as other:
            def naming(number: int, greeting: bytes) -> bytes:
                info = json.loads(greeting.removeprefix(b"INFO "))
                return b"INFO " + json.dumps(info | {"connect_urls": [other.address]}).encode() + b"\r\n"

            with Greetings(URL, naming) as named:
                self.assertEqual(self.rows(f"nats://{named.address}", ", connections := 2"), SEQUENCES)
                self.assertGreater(sum(other.received), COUNT * 900 * 0.15)

    def test_a_connection_that_breaks(self):
        for after in (300, 9_000, 20_000):
            with self.subTest(after=after):
                left = [after]

                def rule(frame):
                    left[0] -= 1
                    return None if left[0] == 0 else [frame]

                with Proxy(URL, rule) as proxy:
                    options = ", connections := 4, timeout := to_seconds(5)"
                    self.assertEqual(self.rows(proxy.url, options), SEQUENCES)
                self.assertLess(left[0], 1)

    def used(self, link: Narrow) -> list[int]:
        """The places of the connections that brought a part of the stream."""
        return [place for place, received in enumerate(link.received) if received > 1_000_000]

    def test_more_are_opened_where_each_is_narrow(self):
        for options, used in (("", range(2, 5)), (", connections := 1", range(1, 2))):
            with self.subTest(options=options), Narrow(URL, NARROW) as link:
                self.assertEqual(self.rows(link.url, options), SEQUENCES)
                self.assertIn(len(self.used(link)), used, link.received)

    def test_one_that_was_opened_on_the_way_breaks(self):
        with Narrow(URL, NARROW) as link:
            def break_the_second() -> None:
                while len(used := self.used(link)) < 2:
                    time.sleep(0.02)
                link.hang_up_one(used[-1])

            breaker = threading.Thread(target=break_the_second, daemon=True)
            breaker.start()
            self.assertEqual(self.rows(link.url), SEQUENCES)
            breaker.join(1)
            self.assertFalse(breaker.is_alive(), link.received)

    def test_a_server_that_takes_no_more_connections_on_the_way(self):
        server = self.enterContext(Server(VERSION, "jetstream { store_dir: $STORE_DIR }\nmax_connections: 2\n"))
        fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=20000 size=900")
        with Narrow(server.url, NARROW) as link:
            self.assertEqual(self.rows(link.url), list(range(1, 20_001)))
            self.assertEqual(len(self.used(link)), 1, link.received)

    def test_a_server_that_takes_no_more_connections(self):
        server = self.enterContext(Server(VERSION, "jetstream { store_dir: $STORE_DIR }\nmax_connections: 3\n"))
        fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=20000 size=900")
        self.assertEqual(self.rows(server.url, ", connections := 8"), list(range(1, 20_001)))


if __name__ == "__main__":
    unittest.main()
