"""COPY with mode 'fast': rows are stored in order and once, and an error says exactly which ones."""

import os
import re
import threading
import time
import unittest

import duckdb

from integration import host
from integration.cluster import NAMES, Cluster
from integration.link import Link
from integration.streams import fill, state
from scripts import fixtures, servers
from scripts.nats_server import Server

NEWEST, OLDER = "2.15.1", "2.12.8"
ROWS = 20_000
# The row, as text, is the payload.
NUMBERED = "SELECT 's.' || i % 5 AS subject, i::VARCHAR AS payload FROM range(1, {rows} + 1) t(i)"
HEADERS = "SELECT 's.' || i % 5 AS subject, i::VARCHAR AS payload, {headers} AS headers FROM range(1, {rows} + 1) t(i)"
COLUMNS = "columns 'subject, payload, headers'"


def has_copy() -> bool:
    """Whether this host has copy functions."""
    return os.environ["NATS_JS_TEST_HOST"] >= "1.5.6"


@unittest.skipUnless(servers.tested(NEWEST), f"nats-server {NEWEST} is left out")
@unittest.skipUnless(has_copy(), "this host has no copy functions")
class FastBatches(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(NEWEST))
        fill(self.server.url, "stream name=S subjects=s.> allow_batched=true", "stream name=T subjects=t.> allow_batched=true")
        self.connection = host.connect()
        self.addCleanup(self.connection.close)

    def copy(self, query: str, *options: str, url: str = "") -> None:
        words = ", ".join(["FORMAT nats_js", "mode 'fast'", f"url '{url or self.server.url}'", *options])
        self.connection.execute(f"COPY ({query}) TO 'S' ({words})")

    def payloads(self, stream: str = "S") -> list[int]:
        scan = f"SELECT payload::VARCHAR::INTEGER FROM nats_scan('{stream}', url := ?) ORDER BY seq"
        return [number for (number,) in self.connection.execute(scan, [self.server.url]).fetchall()]

    def fails(self, words: str, query: str, *options: str, url: str = "") -> str:
        with self.assertRaisesRegex(duckdb.Error, words) as failure:
            self.copy(query, *options, url=url)
        return str(failure.exception)

    def test_every_row_in_order(self):
        self.copy(NUMBERED.format(rows=ROWS))
        self.assertEqual(self.payloads(), list(range(1, ROWS + 1)))
        # Only the first message of a batch says which stream it is for.
        headers = "SELECT count(*) FROM nats_scan('S', headers := true, url := ?) WHERE len(map_keys(headers)) > 0"
        self.assertEqual(self.connection.execute(headers, [self.server.url]).fetchall(), [(1,)])

    def test_one_row_and_none(self):
        self.copy(NUMBERED.format(rows=0))
        self.copy(NUMBERED.format(rows=1))
        self.assertEqual(self.payloads(), [1])

    def test_a_refused_row_ends_it(self):
        for row in (1, 2, 7_000, ROWS):
            with self.subTest(row=row):
                before = len(self.payloads())
                wrong = f"CASE WHEN i = {row} THEN MAP {{'Nats-Expected-Last-Sequence': '999999'}} END"
                stored = {1: "no row was stored", 2: "1 row was stored: 1"}.get(row, f"{row - 1} rows were stored: 1 to {row - 1}")
                self.fails(rf"stream 'S'.*row {row}: the stream refused it: .*; {stored}", HEADERS.format(headers=wrong, rows=ROWS), COLUMNS)
                self.assertEqual(self.payloads()[before:], list(range(1, row)))

    def test_a_header_that_proves_nothing_is_refused(self):
        wrong = "CASE WHEN i = 9000 THEN MAP {'Nats-Expected-Last-Msg-Id': 'x'} END"
        self.fails(r"row 9000: the header Nats-Expected-Last-Msg-Id", HEADERS.format(headers=wrong, rows=ROWS), COLUMNS)

    def test_a_row_for_another_stream_ends_it(self):
        for subject, words in (("t.x", "stream 'T' captures the subject"), ("nowhere", "no stream captures the subject")):
            for row in (1, 9_000):
                with self.subTest(subject=subject, row=row):
                    before = len(self.payloads())
                    query = f"SELECT CASE WHEN i = {row} THEN '{subject}' ELSE 's.a' END, i::VARCHAR FROM range(1, {ROWS} + 1) t(i)"
                    # The first message of a batch names the stream, so that another one refuses it.
                    expected = "(expected stream does not match|no stream captures)" if row == 1 else words
                    self.fails(rf"subject '{subject}', row {row}: .*{expected}", query)
                    self.assertEqual(self.payloads()[before:], list(range(1, row)))
        self.assertEqual(self.payloads("T"), [])

    def test_a_row_that_is_no_message_ends_it(self):
        query = f"SELECT CASE WHEN i = 9000 THEN 's.*' ELSE 's.a' END, i::VARCHAR FROM range(1, {ROWS} + 1) t(i)"
        error = self.fails(r"row 9000: .*wildcard.*rows were stored: 1 to \d+", query)
        stored = int(re.search(r"stored: 1 to (\d+)", error)[1])
        self.assertEqual(self.payloads(), list(range(1, stored + 1)))

    def test_a_stream_or_a_server_without_it(self):
        fill(self.server.url, "stream name=U subjects=u.>")
        with self.assertRaisesRegex(duckdb.Error, r"stream 'U'.*allow_batched := true"):
            self.connection.execute(f"COPY (SELECT 'u.a', 'x') TO 'U' (FORMAT nats_js, mode 'fast', url '{self.server.url}')")
        for version in servers.tested(OLDER):
            old = self.enterContext(Server(version))
            fill(old.url, "stream name=S subjects=s.>")
            self.fails(f"the server is version {version}; fast batches need 2.14", NUMBERED.format(rows=1), url=old.url)
            self.assertEqual(state(old.url, "S")["messages"], 0)

    def test_words(self):
        with self.assertRaisesRegex(duckdb.Error, "mode must be 'each', 'atomic' or 'fast'"):
            self.connection.execute(f"COPY (SELECT 's.a', 'x') TO 'S' (FORMAT nats_js, mode 'quick', url '{self.server.url}')")
        with self.assertRaisesRegex(duckdb.Error, "mode and atomic cannot be used together"):
            self.copy("SELECT 's.a', 'x'", "atomic true")

    def test_duplicates_are_stored_once(self):
        rows = 3_000
        ids = HEADERS.format(headers="MAP {'Nats-Msg-Id': 'id-' || i}", rows=rows)
        half = HEADERS.format(headers="MAP {'Nats-Msg-Id': 'id-' || i}", rows=rows // 2)
        self.copy(half, COLUMNS)
        self.copy(ids, COLUMNS)
        self.copy(ids, COLUMNS)
        self.assertEqual(self.payloads(), list(range(1, rows + 1)))

    def test_large_payloads(self):
        self.copy("SELECT 's.a', repeat('x', 200_000) FROM range(300)")
        self.assertEqual(state(self.server.url, "S")["messages"], 300)

    def test_several_at_once(self):
        def run(which: int) -> None:
            query = f"SELECT 's.{which}', i::VARCHAR FROM range(1, {ROWS} + 1) t(i)"
            self.connection.cursor().execute(f"COPY ({query}) TO 'S' (FORMAT nats_js, mode 'fast', url '{self.server.url}')")

        threads = [threading.Thread(target=run, args=(which,)) for which in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        for which in range(4):
            scan = f"SELECT list(payload::VARCHAR::INTEGER ORDER BY seq) = range(1, {ROWS} + 1) FROM nats_scan('S', subject := 's.{which}', url := ?)"
            self.assertEqual(self.connection.execute(scan, [self.server.url]).fetchall(), [(True,)])

    def lost_connections(self, headers: str) -> tuple[str | None, list[int]]:
        """COPY over a connection that is cut again and again; its error, and what is stored."""
        rows = 200_000
        with Link(int(self.server.url.rsplit(":", 1)[1])) as link:
            done = threading.Event()

            def cut() -> None:
                while not done.wait(0.15):
                    link.cut()
                    link.heal()

            cutter = threading.Thread(target=cut)
            cutter.start()
            error = None
            try:
                self.copy(HEADERS.format(headers=headers, rows=rows), COLUMNS, url=f"nats://127.0.0.1:{link.port}")
            except duckdb.Error as failure:
                error = str(failure)
            finally:
                done.set()
                cutter.join()
        time.sleep(0.5)
        return error, self.payloads()

    def check_lost(self, error: str | None, stored: list[int], rows: int) -> None:
        """What is stored is a run from the first row on, and what the error says of it is true."""
        self.assertEqual(stored, list(range(1, len(stored) + 1)))
        if error is None:
            self.assertEqual(len(stored), rows)
            return
        certain = re.search(r"rows were stored: 1 to (\d+)", error)
        open_ = re.search(r"not known which of the rows (\d+) to (\d+) were stored", error)
        self.assertGreaterEqual(len(stored), int(certain[1]) if certain else 0, error)
        self.assertLessEqual(len(stored), int(open_[2]) if open_ else int(certain[1]) if certain else 0, error)

    def test_a_lost_connection(self):
        error, stored = self.lost_connections("NULL::MAP(VARCHAR, VARCHAR)")
        self.check_lost(error, stored, 200_000)

    def test_a_lost_connection_with_message_ids(self):
        error, stored = self.lost_connections("MAP {'Nats-Msg-Id': 'id-' || i}")
        self.assertEqual(error, None)
        self.check_lost(error, stored, 200_000)

    def test_a_server_that_is_killed(self):
        def kill_in_the_middle() -> None:
            while state(self.server.url, "S")["messages"] == 0:
                time.sleep(0.01)
            self.server.kill()

        killer = threading.Thread(target=kill_in_the_middle)
        killer.start()
        self.addCleanup(killer.join)
        with self.assertRaisesRegex(duckdb.Error, "stream 'S'"):
            self.copy(NUMBERED.format(rows=5_000_000))

    def test_rows_that_come_slowly(self):
        # Longer than the ten seconds after which a server forgets a batch.
        fill(self.server.url, "stream name=E subjects=e.>")
        nothing = f"SELECT subject, payload::VARCHAR FROM nats_tail('E', max_wait := INTERVAL 12 SECONDS, url := '{self.server.url}')"
        rows = "SELECT 's.a', i::VARCHAR FROM range({}, {}) t(i)"
        seen = []
        look = threading.Timer(6, lambda: seen.append(state(self.server.url, "S")["messages"]))
        look.start()
        self.connection.execute("SET threads = 1")
        self.copy(f"{rows.format(1, 5_001)} UNION ALL {nothing} UNION ALL {rows.format(5_001, 20_001)}")
        look.join()
        self.assertEqual(self.payloads(), list(range(1, 20_001)))
        self.assertEqual(seen, [5_000], "the rows before the pause were not on their way during the pause")

    def test_leaders_that_change(self):
        rows = 100_000
        with Cluster(NEWEST) as cluster:
            line = "stream name=S subjects=s.> num_replicas=3 allow_batched=true duplicate_window=2m"
            cluster.call(NAMES[0], fixtures.parse(line, line).apply)
            cluster.wait_until_whole()
            done = threading.Event()

            def step_down() -> None:
                while not done.wait(0.5):
                    cluster.call(NAMES[0], lambda wire: wire.request("STREAM.LEADER.STEPDOWN.S"))

            stepper = threading.Thread(target=step_down)
            stepper.start()
            self.server = cluster.servers[NAMES[0]]
            error = None
            try:
                self.copy(HEADERS.format(headers="MAP {'Nats-Msg-Id': 'id-' || i}", rows=rows), COLUMNS, "timeout '20s'", url=cluster.url)
            except duckdb.Error as failure:
                error = str(failure)
            finally:
                done.set()
                stepper.join()
            cluster.wait_until_whole()
            self.check_lost(error, self.payloads(), rows)


if __name__ == "__main__":
    unittest.main()
