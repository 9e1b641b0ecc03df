"""Every example that fills tables, run twice against one server and one database file: the second run changes nothing."""

import os
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from fixtures import events as media
from integration.host import connect
from scripts import fixtures, matrix, package, paths, tools
from scripts.nats_server import Server

EXAMPLES = paths.ROOT / "examples"
SECONDS = 120


def tables(file: Path) -> dict[str, list[tuple]]:
    """Every row of every table as text, sorted."""
    with duckdb.connect(str(file)) as database:
        names = [name for (name,) in database.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        read = "SELECT COLUMNS(*)::VARCHAR FROM {}"
        return {name: sorted(database.execute(read.format(name)).fetchall(), key=repr) for name in names}


class Examples(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        os.environ["NATS_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "NATS_URL")

    def twice(self, name: str) -> dict[str, list[tuple]]:
        """Runs a file of SQL twice; the tables after it."""
        fixtures.needs(EXAMPLES / name).prepare(self.server.url)
        file = self.folder / "a.duckdb"
        seen = []
        for _ in range(2):
            with connect(str(file)) as database:
                database.execute((EXAMPLES / name).read_text())
            seen.append(tables(file))
        self.assertEqual(*seen)
        self.assertTrue(all(seen[0].values()), "an empty table shows nothing")
        return seen[0]

    def program(self, *command: str | Path) -> str:
        extension = str(paths.extension(os.environ["NATS_JS_PROFILE"], package.machine()))
        variables = os.environ | {"NATS_JS_EXTENSION": extension, "PYTHON": sys.executable}
        variables["DUCKDB"] = str(tools.cli_binary(matrix.CLI))
        finished = subprocess.run(
            [str(part) for part in command], env=variables, capture_output=True, text=True, timeout=SECONDS, cwd=paths.ROOT
        )
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return finished.stdout

    def test_media_events(self):
        found = self.twice("media_events.sql")
        sessions = found["playback_events"]
        # 2000 events, every tenth from a second source, too: each such report is in the audit, and only those.
        self.assertEqual(len(found["playback_audit"]), 200)
        self.assertEqual({row[6].count("{event_type}") for row in found["playback_audit"]}, {1})
        with connect() as database:
            raw = """SELECT count(DISTINCT concat_ws(':', user_id, rating_key, time_bucket(INTERVAL 5 MINUTES, started_at))),
                count(DISTINCT concat_ws(':', user_id, rating_key, time_bucket(INTERVAL 5 MINUTES, started_at)))
                FILTER (event_type = 'stop'), count(*)
                FROM nats_scan('MEDIA_EVENTS', on_error := 'skip', columns := {'user_id': 'BIGINT', 'rating_key': 'VARCHAR',
                    'started_at': 'TIMESTAMP', 'event_type': 'VARCHAR'})"""
            distinct, stopped, events = database.execute(raw).fetchone()
            letters = database.execute("SELECT count(*) FROM nats_scan('DLQ_MEDIA_EVENTS')").fetchone()
        self.assertEqual((len(sessions), events, letters), (distinct, 2200, (8,)))
        self.assertEqual(sum(row[7] is not None for row in sessions), stopped)

    def sql(self, name: str, file: Path, change=lambda text: text) -> None:
        with connect(str(file)) as database:
            database.execute(change((EXAMPLES / name).read_text()))

    def wire(self, *lines: str) -> None:
        with fixtures.Wire(self.server.url) as wire:
            for line in lines:
                fixtures.parse("here", line).apply(wire)

    def report(self, count: int, seed: int, twice: int = 0, bad: int = 0) -> None:
        """Events without message ids, by which the stream itself would know those that come again."""
        sources = ["plex", "jellyfin", "tautulli"]
        with fixtures.Wire(self.server.url) as wire:
            wire.publish(fixtures.Message(m.subject, m.payload) for m in media.messages(count, seed, sources, twice, bad))

    def letters(self) -> int:
        with connect() as database:
            return database.execute("SELECT count(*) FROM nats_scan('DLQ_MEDIA_EVENTS')").fetchone()[0]

    def test_the_checkpoint_of_media_events(self):
        """What interrupts, follows in parts, or starts the stream anew ends with the table that one run makes of all of it."""
        name, file, fresh = "media_events.sql", self.folder / "a.duckdb", self.folder / "fresh.duckdb"
        stream = "stream name=MEDIA_EVENTS subjects=playback.>,plex.>,jellyfin.>,tautulli.> storage=memory"
        self.wire(stream)
        self.report(900, seed=1, twice=10, bad=300)
        # It dies before the COMMIT: neither rows nor checkpoint, and the letters are kept once.
        with self.assertRaisesRegex(duckdb.Error, "out of power"):
            self.sql(name, file, lambda text: text.replace("COMMIT;", "SELECT error('out of power');"))
        self.assertEqual({name: len(rows) for name, rows in tables(file).items()}, {"checkpoints": 0, "playback_audit": 0, "playback_events": 0})
        self.sql(name, file)
        self.assertEqual(self.letters(), 3)
        # More comes, with events of before once more, as if a week later.
        self.report(400, seed=2, bad=100)
        self.report(300, seed=1)
        self.sql(name, file)
        self.assertEqual(self.letters(), 7)
        # In one run all that came again is in the audit; in two, what the first run has is the table's to know.
        self.sql(name, fresh)
        all_at_once, in_parts = tables(fresh), tables(file)
        self.assertEqual(in_parts["playback_events"], all_at_once["playback_events"])
        self.assertEqual(in_parts["checkpoints"], all_at_once["checkpoints"])
        self.assertEqual(self.letters(), 7)
        # A stream of that name that was made anew is an error, not a table that misses its first events.
        with fixtures.Wire(self.server.url) as wire:
            wire.request("STREAM.DELETE.MEDIA_EVENTS")
        self.wire(stream)
        self.report(200, seed=1, twice=10)
        self.report(100, seed=3)
        audited = len(in_parts["playback_audit"])
        for kept in (file, fresh):
            with self.assertRaisesRegex(duckdb.Error, "deleted and made anew since the checkpoint"):
                self.sql(name, kept)
            with duckdb.connect(str(kept)) as database:
                database.execute("DELETE FROM checkpoints")
            self.sql(name, kept)
        again = tables(file)
        self.assertEqual(again["playback_events"], tables(fresh)["playback_events"])
        self.assertGreater(len(again["playback_events"]), len(in_parts["playback_events"]))
        self.assertGreaterEqual(len(again["playback_audit"]), audited + 20)
        # The checkpoint is the end of the new stream.
        with connect() as database:
            [(_, checkpoint)] = again["checkpoints"]
            self.assertEqual(database.execute("SELECT nats_checkpoint('MEDIA_EVENTS')").fetchone(), (checkpoint,))

    def test_event_sourcing(self):
        found = self.twice("event_sourcing.sql")
        self.assertEqual(len(found["ledger"]), 1000)
        # Messages of one microsecond are of one moment.
        moment = next(stored for _, seq, stored, *_ in found["ledger"] if seq == "700")
        then = sum(int(amount) for _, _, stored, _, amount in found["ledger"] if stored <= moment)
        self.assertGreaterEqual(then, sum(i % 7 for i in range(1, 701)))
        self.assertEqual(sum(int(balance) for _, balance in found["balances_then"]), then)

    def test_cloud_events(self):
        found = self.twice("cloud_events.sql")
        self.assertEqual({name: len(rows) for name, rows in found.items()}, {"users": 50, "prices": 30})

    def test_follow(self):
        file = self.folder / "follow.duckdb"
        fixtures.needs(EXAMPLES / "follow.sql").prepare(self.server.url)
        self.program(EXAMPLES / "follow.sh", file, "1")
        first = tables(file)
        self.assertEqual(len(first["events"]), 500)
        self.program(EXAMPLES / "follow.sh", file, "1")
        self.assertEqual(tables(file), first)
        with fixtures.Wire(self.server.url) as wire:
            fixtures.parse("more", "events stream=MEDIA_EVENTS count=300 seed=2").apply(wire)
        self.program(EXAMPLES / "follow.sh", file, "2")
        self.assertEqual(len(tables(file)["events"]), 800)

    def test_workers(self):
        with fixtures.Wire(self.server.url) as wire:
            for line in ("stream name=MEDIA_EVENTS subjects=playback.>", "events stream=MEDIA_EVENTS count=3000"):
                fixtures.parse(line, line).apply(wire)
        seen = []
        for _ in range(2):
            self.assertEqual(self.program(EXAMPLES / "workers" / "run.sh", self.folder).splitlines()[-1], "3000")
            seen.append({file.name: tables(file) for file in sorted(self.folder.glob("*.duckdb"))})
        self.assertEqual(*seen)
        self.assertEqual(list(seen[0]), ["all.duckdb", "part-1.duckdb", "part-2.duckdb", "part-3.duckdb"])
        parts = [row for name, found in seen[0].items() if name.startswith("part") for row in found["events"]]
        self.assertEqual(sorted(parts, key=repr), seen[0]["all.duckdb"]["events"])

    def test_workers_that_write_parquet(self):
        self.wire("stream name=MEDIA_EVENTS subjects=playback.>", "events stream=MEDIA_EVENTS count=3000")
        place, target = self.folder / "events", self.folder / "all.duckdb"
        worker, merge = EXAMPLES / "workers" / "parquet_worker.py", EXAMPLES / "workers" / "merge_parquet.py"
        seen = []
        for files in (1, 2):
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda _: self.program(sys.executable, worker, place), range(2)))
            self.assertEqual(self.program(sys.executable, merge, target, place).strip(), "3000")
            seen.append(tables(target)["events"])
            with duckdb.connect() as database:
                written = "SELECT count(*), count(DISTINCT correlation_key), count(DISTINCT day) FROM read_parquet(? || '/day=*/*.parquet')"
                found = database.execute(written, [str(place)]).fetchone()
            self.assertEqual(found[:2], (3000 * files, 3000))
            self.assertGreater(found[2], 1)
            # As if no acknowledgement had arrived: all of it is given once more.
            with fixtures.Wire(self.server.url) as wire:
                wire.request("CONSUMER.DELETE.MEDIA_EVENTS.parquet")
        self.assertEqual(*seen)
        self.assertEqual(list((place / "staged").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
