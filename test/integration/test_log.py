"""DuckDB's own log hears of reconnects, retries and slow ways, where the door can write into it: duckdb_logs."""

import os
import time
import unittest

from integration.host import connect
from integration.proxy import Proxy, headers
from integration.streams import fill
from scripts import doors, matrix
from scripts.nats_server import Server

WRITES = doors.tested() is doors.V2
COUNT = 3_000
SECONDS = 20


class Log(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.connection.execute("CALL enable_logging(level = 'info')")

    def one(self, query: str) -> tuple:
        return self.connection.execute(query).fetchone()

    def entries(self) -> list[tuple[str, str]]:
        return self.connection.execute("SELECT log_level, message FROM duckdb_logs WHERE type = 'nats_js' ORDER BY timestamp").fetchall()

    def assert_logged(self, level: str, *words: str) -> None:
        """There is an entry with all the words; through the other door there is none at all."""
        entries = self.entries()
        if not WRITES:
            self.assertEqual(entries, [])
            return
        fitting = [text for found, text in entries if found == level and all(word in text for word in words)]
        self.assertTrue(fitting, f"no {level} with {words} in {entries}")

    def test_a_connection_that_is_lost_while_reading(self):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%10}} count={COUNT} size=100")
        left = [1_000]

        def rule(frame):
            left[0] -= bool(headers(frame))
            return None if headers(frame) and left[0] == 0 else [frame]

        with Proxy(url, rule) as proxy:
            self.assertEqual(self.one(f"SELECT count(*) FROM nats_scan('S', url := '{proxy.url}')"), (COUNT,))
            self.assertLessEqual(left[0], 0, "the connection was not broken")
            self.assert_logged("WARNING", proxy.url, "a connection was lost, and came back")
            self.assert_logged("WARNING", "stream 'S'", proxy.url, "were sent again")

    def test_a_restarted_server(self):
        with Server(matrix.NEWEST_SERVER) as server:
            fill(server.url, "stream name=R subjects=r.*", "messages stream=R subject=r.1 count=10 size=10")
            count = f"SELECT count(*) FROM nats_scan('R', url := '{server.url}')"
            self.assertEqual(self.one(count), (10,))
            server.stop()
            server.start()
            # The event comes in the background, and is written by whatever is called next.
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                self.assertEqual(self.one(count), (10,))
                if not WRITES or any("the connection was lost" in text for _, text in self.entries()):
                    break
                time.sleep(0.05)
            self.assert_logged("WARNING", server.url, "the connection was lost")

    def test_a_slow_way(self):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=I subjects=i allow_direct=false", "messages stream=I subject=i count=5 size=10")
        self.assertEqual(self.one(f"SELECT count(*) FROM nats_scan('I', url := '{url}')"), (5,))
        self.assert_logged("INFO", "stream 'I'", "each message costs a request", "allow_direct")

    def test_secrets_stay_out(self):
        url = os.environ["NATS_JS_TEST_URL"].replace("nats://", "nats://someone:hush@")
        fill(os.environ["NATS_JS_TEST_URL"], "stream name=P subjects=p allow_direct=false", "messages stream=P subject=p count=5 size=10")
        self.assertEqual(self.one(f"SELECT count(*) FROM nats_scan('P', url := '{url}')"), (5,))
        self.assert_logged("INFO", "stream 'P'")
        self.assertEqual(self.one("SELECT count(*) FROM duckdb_logs WHERE type = 'nats_js' AND message LIKE '%hush%'"), (0,))

    def test_a_log_that_is_off(self):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=A subjects=a allow_direct=false", "messages stream=A subject=a count=5 size=10")
        self.connection.execute("CALL disable_logging()")
        self.assertEqual(self.one(f"SELECT count(*) FROM nats_scan('A', url := '{url}')"), (5,))
        self.assertEqual(self.entries(), [])


if __name__ == "__main__":
    unittest.main()
