"""examples/archive: a stream and its archive are one relation, with no row twice and none missing, while a writer, an archiver and retention are at work, and
wherever the archiver is killed."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from integration.host import connect
from integration.streams import fill, state
from scripts import doors, fixtures, package, paths
from scripts.nats_server import Server

FOLDER = paths.ROOT / "examples/archive"
SOAK = int(os.environ.get("NATS_JS_SOAK", 0))
READS, RATE, READERS, LIMIT_SECONDS = (1_000, 20_000, 2, 900) if SOAK else (30, 5_000, 2, 60)
# What the stream keeps, and how long the archiver rests between two runs, in seconds.
RETENTION, PAUSE = ({"max_age": 60_000_000_000, "duplicate_window": 60_000_000_000}, "1") if SOAK else ({"max_msgs": RATE * 3}, "0.05")
STEPS = ("stage", "verify", "place", "record")
# Kills itself before or after one step, and leaves the rest as it is.
DYING = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import archive
step, after = {step!r}, {after!r}
real = getattr(archive.Archive, step)
def dying(*arguments):
    if after:
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(archive.Archive, step, dying)
sys.argv = ["archive.py", "S", {target!r}]
archive.main()
"""


def message(n: int) -> fixtures.Message:
    return fixtures.Message(f"s.{n % 3}", b'{"n":%d}' % n)


class Archive(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "S"
        os.environ["NATS_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "NATS_URL")
        self.extension = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine(), doors.tested().folder)
        fill(self.server.url, "stream name=S subjects=s.> max_age=0s")

    def environment(self) -> dict[str, str]:
        return os.environ | {"NATS_JS_EXTENSION": str(self.extension)}

    def archive(self) -> None:
        finished = subprocess.run([sys.executable, FOLDER / "archive.py", "S", self.folder], env=self.environment(), capture_output=True, text=True, timeout=60)
        self.assertEqual(finished.returncode, 0, finished.stderr)

    def session(self) -> duckdb.DuckDBPyConnection:
        database = connect()
        self.addCleanup(database.close)
        database.execute("SET VARIABLE archive_stream = 'S'")
        database.execute(f"SET VARIABLE archive_folder = '{self.folder}'")
        database.execute((FOLDER / "view.sql").read_text())
        return database

    def publish(self, first: int, count: int) -> None:
        with fixtures.Wire(self.server.url) as wire:
            wire.publish(message(n) for n in range(first, first + count))

    def assert_whole(self, database: duckdb.DuckDBPyConnection, count: int) -> None:
        database.execute("SET VARIABLE archive = archive_now()")
        found = database.execute("SELECT count(*), count(DISTINCT seq), sum(seq)::BIGINT, sum((decode(payload)::JSON->>'n')::INTEGER)::BIGINT FROM events").fetchone()
        self.assertEqual(found, (count, count, count * (count + 1) // 2, count * (count + 1) // 2))

    def test_killed_at_every_step(self):
        count = 0
        self.archive()
        database = self.session()
        for after in (False, True):
            for step in STEPS:
                with self.subTest(step=step, after=after):
                    self.publish(count + 1, 200)
                    count += 200
                    program = DYING.format(folder=str(FOLDER), step=step, after=after, target=str(self.folder))
                    died = subprocess.run([sys.executable, "-c", program], env=self.environment(), capture_output=True, text=True, timeout=60)
                    self.assertEqual(died.returncode, -9, died.stderr)
                    self.assert_whole(database, count)
        self.archive()
        self.assert_whole(database, count)
        manifest = json.loads((self.folder / "manifest.json").read_text())
        self.assertEqual(sum(part["rows"] for part in manifest["ranges"]), count)
        placed = {str(file.relative_to(self.folder)) for file in self.folder.glob("day=*/*.parquet")}
        self.assertEqual(placed | {"empty.parquet"}, set(manifest["files"]))
        # Everything is archived, so the stream may lose it.
        with fixtures.Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S")
        self.assert_whole(database, count)

    def read(self, database: duckdb.DuckDBPyConnection, written: list[int]) -> bool:
        """One read of everything, exact against the writer's count at that moment; False where retention was faster and the read says so."""
        before = written[1]
        try:
            database.execute("SET VARIABLE archive = archive_now()")
            rows, first, last, total, squares = database.execute("SELECT count(*), min(seq), max(seq), sum(seq)::HUGEINT, sum(seq::HUGEINT * seq) FROM events").fetchone()
        except duckdb.Error as error:
            self.assertRegex(str(error), r"\[gap\]|between them is gone")
            return False
        self.assertTrue(before <= rows <= written[0], (before, rows, written))
        # Every sequence up to the last, once: their number, sum and sum of squares are those of 1, 2, ..., rows.
        if rows:
            self.assertEqual((first, last, total, squares), (1, rows, rows * (rows + 1) // 2, rows * (rows + 1) * (2 * rows + 1) // 6))
        return True

    def test_readers_while_retention_removes(self):
        """Each read lies between what was acknowledged before it and what was sent by its end; what retention took is an error of the read, and never less rows."""
        with fixtures.Wire(self.server.url) as wire:
            config = wire.request("STREAM.INFO.S")["config"]
            wire.request("STREAM.UPDATE.S", config | RETENTION)
        self.archive()
        archiver = subprocess.Popen([sys.executable, FOLDER / "archive.py", "S", self.folder, "--every", PAUSE], env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (archiver.kill(), archiver.wait()))
        stop = threading.Event()
        # How many were sent, and acknowledged.
        written = [0, 0]

        def write() -> None:
            began = time.monotonic()
            with fixtures.Wire(self.server.url) as wire:
                while not stop.is_set():
                    written[0] += RATE // 10
                    wire.publish(message(n) for n in range(written[1] + 1, written[0] + 1))
                    written[1] = written[0]
                    time.sleep(max(0.0, began + written[0] / RATE - time.monotonic()))

        counts = {True: 0, False: 0}
        started, deadline = time.monotonic(), time.monotonic() + LIMIT_SECONDS

        def wanted() -> bool:
            return (counts[True] < READS or state(self.server.url, "S")["first_seq"] == 1) and time.monotonic() < deadline

        def follow(database: duckdb.DuckDBPyConnection) -> None:
            while not stop.is_set() and wanted():
                counts[self.read(database, written)] += 1

        sessions = [self.session() for _ in range(READERS)]
        writer = threading.Thread(target=write)
        writer.start()
        try:
            with ThreadPoolExecutor(READERS) as pool:
                for reader in [pool.submit(follow, session) for session in sessions]:
                    reader.result()
        finally:
            stop.set()
            writer.join()
        took = time.monotonic() - started
        removed = state(self.server.url, "S")["first_seq"] - 1
        if SOAK:
            print(f"{counts[True]} reads exact, {counts[False]} refused in {took:.0f} s; {written[1]} written, {written[1] / took:,.0f} a second; retention removed {removed}", flush=True)
        self.assertGreaterEqual(counts[True], READS, counts)
        self.assertGreater(removed, 0, "retention removed nothing")
        archiver.kill()
        archiver.wait()
        self.archive()
        self.assert_whole(sessions[0], written[1])

    def test_a_condition_spares_both_sides(self):
        self.publish(1, 3000)
        self.archive()
        self.publish(3001, 3000)
        database = self.session()
        read = "SELECT value FROM nats_stats() WHERE name = 'messages_read'"

        def messages(query: str) -> tuple[int, int]:
            (before,) = database.execute(read).fetchone()
            (rows,) = database.execute(f"SELECT count(*) FROM {query}").fetchone()
            (after,) = database.execute(read).fetchone()
            return rows, after - before

        self.assertEqual(messages("events_between(101, 200)"), (100, 0))
        self.assertEqual(messages("events_between(2951, 3050)"), (100, 50))
        self.assertEqual(messages("events_between()"), (6000, 3000))
        (moment,) = database.execute("SELECT max(ts_nats) FROM events_between(1, 2000)").fetchone()
        # The stream's store times may step back by a minute, so conditions on time are looked at so much wider.
        # Only through the second door does the stream's side see the condition.
        read_anyway = 0 if os.environ["NATS_JS_TEST_DOOR"] == "v2" else 3000
        self.assertEqual(messages(f"events_between() WHERE ts_nats <= TIMESTAMP '{moment}' - INTERVAL 1 HOUR"), (0, read_anyway))
        # Of the files, too, only those that can have it are read.
        [[_, plan]] = database.execute("EXPLAIN ANALYZE SELECT payload FROM events_between(101, 200)").fetchall()
        self.assertIn("seq>=101", plan.replace(" ", ""))

    def test_a_condition_on_the_view_spares_the_stream(self):
        """Through the second door the view reads of the stream what the condition leaves; through the first it reads all that is not archived, and `events_between` is the way."""
        self.publish(1, 3000)
        self.archive()
        self.publish(3001, 3000)
        database = self.session()
        whole = os.environ["NATS_JS_TEST_DOOR"] != "v2"
        (moment,) = database.execute("SELECT max(ts_nats) FROM events").fetchone()
        for condition, rows, first, last in (
            ("seq BETWEEN 101 AND 200", 100, None, None),
            ("seq BETWEEN 2951 AND 3050", 100, 3001, 3050),
            ("seq > 5990", 10, 5991, 6000),
            # A box around both sequences.
            ("seq IN (1, 4000)", 2, 3001, 4000),
            (f"ts_nats < TIMESTAMP '{moment}' - INTERVAL 1 HOUR", 0, None, None),
            ("subject = 's.1'", 2000, 3001, 6000),
        ):
            with self.subTest(condition=condition):
                began = database.execute("SELECT now()::TIMESTAMP").fetchone()
                self.assertEqual(database.execute(f"SELECT count(*) FROM events WHERE {condition}").fetchone(), (rows,))
                reads = database.execute("SELECT first_seq, last_seq, narrowed, messages FROM nats_reads() WHERE started >= ?", began).fetchall()
                if whole:
                    self.assertEqual(reads, [(3001, 6000, False, 3000)])
                elif first is None:
                    self.assertEqual(sum(messages for *_, messages in reads), 0, reads)
                else:
                    self.assertEqual([read[:3] for read in reads], [(first, last, True)])
                    self.assertLessEqual(reads[0][3], last - first + 1)

    def test_what_a_condition_leaves_is_proven_all_the_same(self):
        """Retention takes what is not archived: a condition on what is gone fails, whether or not it is narrowed to that."""
        self.publish(1, 100)
        self.archive()
        database = self.session()
        self.publish(101, 200)
        with fixtures.Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S", {"seq": 150})
        for condition in ("seq = 120", "seq BETWEEN 90 AND 160", "ts_nats > TIMESTAMP '2000-01-01'", "subject = 's.1'", "seq > 200"):
            with self.subTest(condition=condition), self.assertRaisesRegex(duckdb.Error, r"\[gap\]"):
                database.execute(f"SELECT count(*) FROM events WHERE {condition}").fetchall()

    def test_sequences_prune_files_of_the_archive(self):
        """The first pages of the second file are damaged, its statistics are not: who asks for the first file's sequences does not meet them."""
        self.publish(1, 3000)
        self.archive()
        self.publish(3001, 3000)
        self.archive()
        self.publish(6001, 1000)
        database = self.session()
        [_, file] = sorted(self.folder.glob("day=*/*.parquet"))
        content = bytearray(file.read_bytes())
        content[4:400] = b"\xff" * 396
        file.write_bytes(content)
        for relation in ("events", "events_between()"):
            for condition, count in (("seq BETWEEN 101 AND 200", 100), ("seq = 7", 1), ("seq > 6500", 500), ("seq < 1", 0)):
                with self.subTest(relation, condition=condition):
                    found = database.execute(f"SELECT count(*), count(payload), min(octet_length(payload)) > 0 FROM {relation} WHERE {condition}").fetchone()
                    self.assertEqual(found[:2], (count, count))
            with self.assertRaises(duckdb.Error):
                database.execute(f"SELECT sum(seq), sum(octet_length(payload)), count(headers) FROM {relation} WHERE seq BETWEEN 3001 AND 6000").fetchall()

    def test_what_is_gone_before_it_was_archived_is_an_error(self):
        self.publish(1, 100)
        self.archive()
        database = self.session()
        self.publish(101, 100)
        with fixtures.Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S", {"seq": 150})
        for statement, error in (("SELECT count(*) FROM events", r"\[gap\]"), ("SET VARIABLE archive = archive_now()", "begins with 150, and the archive ends with 100")):
            with self.assertRaisesRegex(duckdb.Error, error):
                database.execute(statement).fetchall()

    def test_a_range_is_restored(self):
        self.publish(1, 500)
        self.archive()
        fill(self.server.url, "stream name=R subjects=restored.>")
        database = self.session()
        statement = (FOLDER / "restore.sql").read_text()
        for _ in range(2):
            database.execute("SET VARIABLE restore_first = 101; SET VARIABLE restore_last = 400")
            database.execute(statement)
        found = database.execute("""SELECT count(*), bool_and(headers['Nats-Msg-Id'][1] = 'S:' || o.seq), bool_and(headers['Archive-Time'][1]::TIMESTAMP = o.ts_nats),
            bool_and(r.payload = o.payload), bool_and(r.seq + 100 = o.seq)
            FROM nats_scan('R', headers := true) r JOIN (SELECT seq, ts_nats, payload FROM events) o ON o.seq = headers['Archive-Sequence'][1]::UBIGINT""").fetchone()
        self.assertEqual(found, (300, True, True, True, True))


if __name__ == "__main__":
    unittest.main()
