"""A statement that waits is interrupted where it waits, not where its timeout ends. Through the door of DuckDB 2.0: no other one tells."""

import os
import threading
import unittest

import duckdb

from fixtures.wire import Wire
from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill, state
from scripts import doors
from scripts.nats_server import Server

# Longer than the file may run: who is not interrupted fails.
LONG = "INTERVAL 3 HOURS"
MANY = 1_000_000


@unittest.skipUnless(doors.tested() is doors.V2, "an extension is not told of interrupts through this door")
class Interrupt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        fill(cls.server.url, "stream name=S subjects=s.>", "messages stream=S subject=s.a count=5000")

    def setUp(self):
        self.proxy = self.enterContext(Proxy(self.server.url))
        self.connection = connect()
        self.addCleanup(self.connection.close)
        # The connection stands before anything falls silent.
        self.assertEqual(self.count("S"), 5000)

    def count(self, stream: str) -> int:
        [row] = self.connection.execute(f"SELECT count(*) FROM nats_scan('{stream}', url := '{self.proxy.url}')").fetchall()
        return row[0]

    def told(self) -> int:
        """How often a call of ours heard of an interrupt while it waited."""
        [row] = self.connection.execute("SELECT value FROM nats_stats() WHERE name = 'errors_interrupted'").fetchall()
        return row[0]

    def interrupt(self, statement: str, silent_after: int | None = None, begun: threading.Event | None = None) -> None:
        """Runs a statement that is interrupted again and again, once the server sends nothing any more, or once it has begun."""
        before = self.told()
        waits, over, passed = begun or threading.Event(), threading.Event(), iter(range(1 << 60))

        def rule(frame: bytes) -> list[bytes]:
            if silent_after is None or next(passed) < silent_after:
                return [frame]
            waits.set()
            return []

        def interrupt() -> None:
            waits.wait()
            while not over.wait(0.01):
                self.connection.interrupt()

        self.proxy.rule = rule
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            with self.assertRaises(duckdb.Error) as caught:
                self.connection.execute(statement.format(url=self.proxy.url)).fetchall()
        finally:
            waits.set()
            over.set()
            thread.join()
            self.proxy.rule = lambda frame: [frame]
        self.assertIsInstance(caught.exception, duckdb.InterruptException)
        # Where rows came before, DuckDB may have seen it itself, between two chunks.
        if not silent_after:
            self.assertGreater(self.told(), before)
        # Whoever reads next reads everything.
        self.assertEqual(self.count("S"), 5000)

    def test_a_silent_server(self):
        for name, statement, frames in (
            ("before the first message", "SELECT * FROM nats_scan('S', timeout := {long}, url := '{url}')", 0),
            ("in the middle", "SELECT * FROM nats_scan('S', timeout := {long}, url := '{url}')", 2000),
            ("a range", "SELECT * FROM nats_ingest('S', timeout := {long}, url := '{url}')", 3000),
            ("several filters", "SELECT * FROM nats_scan('S', subject := ['s.a', 's.b'], timeout := {long}, url := '{url}')", 3000),
            ("one message", "SELECT * FROM nats_get('S', 7, timeout := {long}, url := '{url}')", 0),
            ("the newest", "SELECT * FROM nats_last('S', 's.>', timeout := {long}, url := '{url}')", 0),
            ("a checkpoint", "SELECT nats_checkpoint('S', {{'url': '{url}', 'timeout': {long}}})", 0),
            ("guessed columns", "SELECT * FROM nats_scan('S', columns := 'auto', timeout := {long}, url := '{url}')", 0),
            ("what is stored", "SELECT * FROM nats_verify('S', timeout := {long}, url := '{url}')", 3000),
        ):
            with self.subTest(name):
                # A connection of these options, whose timeout is long.
                self.connection.execute(f"FROM nats_ping(timeout := {LONG}, url := '{self.proxy.url}')").fetchall()
                self.interrupt(statement.replace("{long}", LONG), silent_after=frames)

    def test_rows_before_the_silence(self):
        """What has come is given before the next call waits."""
        passed = iter(range(1 << 60))
        silent = threading.Event()

        def rule(frame: bytes) -> list[bytes]:
            if next(passed) < 1000:
                return [frame]
            silent.set()
            return []

        self.proxy.rule = rule
        self.connection.execute("SET streaming_buffer_size = '1KB'")
        # Who waits for all of it is woken up, and fails.
        alarm = threading.Timer(60, self.connection.interrupt)
        alarm.start()
        self.addCleanup(alarm.join)
        self.addCleanup(alarm.cancel)
        read = self.connection.execute(f"SELECT seq FROM nats_scan('S', timeout := {LONG}, url := '{self.proxy.url}')")
        rows = read.fetchmany(100)
        self.assertTrue(silent.wait(30))
        self.assertEqual(rows, [(seq,) for seq in range(1, 101)])
        self.connection.interrupt()

    def test_nothing_matches(self):
        fill(self.server.url, "stream name=MANY subjects=many", f"messages stream=MANY subject=many count={MANY}")
        for more in ("subject_contains := 'nowhere'", "columns := {'v': 'INTEGER'}, on_error := 'skip'"):
            with self.subTest(more):
                begun = threading.Event()
                self.proxy.sent = lambda data, begun=begun: begun.set() if b"DIRECT.GET.MANY" in data else None
                self.interrupt(f"SELECT * FROM nats_scan('MANY', {more.replace('{', '{{').replace('}', '}}')}, url := '{{url}}')", begun=begun)

    def test_waiting_for_what_is_new(self):
        begun = threading.Event()
        self.proxy.sent = lambda data: begun.set() if b'"seq":5001' in data else None
        self.interrupt(f"SELECT * FROM nats_tail('S', max_wait := {LONG}, url := '{{url}}')", begun=begun)

    def test_a_durable_that_waits(self):
        fill(self.server.url, "stream name=D subjects=d")
        begun = threading.Event()
        self.proxy.sent = lambda data: begun.set() if b"expires" in data else None
        self.interrupt(f"SELECT * FROM nats_ingest('D', durable := 'd', max_wait := {LONG}, url := '{{url}}')", begun=begun)
        # What comes afterwards is nobody's yet.
        fill(self.server.url, "messages stream=D subject=d count=3")
        read = f"SELECT count(*) FROM nats_ingest('D', durable := 'd', url := '{self.proxy.url}')"
        self.assertEqual(self.connection.execute(read).fetchall(), [(3,)])

    def test_a_consumer_of_the_reads_own_is_removed(self):
        self.interrupt(f"SELECT * FROM nats_scan('S', via := 'consumer', timeout := {LONG}, url := '{{url}}')", silent_after=2000)
        with Wire(self.server.url) as wire:
            while wire.request("STREAM.INFO.S")["state"]["consumer_count"]:
                pass
        self.assertEqual(state(self.server.url, "S")["messages"], 5000)

    def test_a_request_that_nobody_answers(self):
        with Wire(self.server.url) as wire:
            wire._send(b"SUB quiet 9\r\n")
            wire.request("INFO")
            begun = threading.Event()
            self.proxy.sent = lambda data: begun.set() if b"quiet" in data else None
            self.interrupt(f"SELECT nats_request('quiet', 'x', NULL, {{{{'url': '{{url}}', 'timeout': {LONG}}}}})", begun=begun)


if __name__ == "__main__":
    unittest.main()
