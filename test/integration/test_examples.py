"""Every example that fills tables, run twice against one server and one database file: the second run changes nothing."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import duckdb

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
        self.assertEqual({row[5].count("{event_type}") for row in found["playback_audit"]}, {1})
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

    def test_event_sourcing(self):
        found = self.twice("event_sourcing.sql")
        self.assertEqual(len(found["ledger"]), 1000)
        self.assertEqual(sum(int(balance) for _, balance in found["balances_then"]), sum(i % 7 for i in range(1, 701)))

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
        self.program(sys.executable, EXAMPLES / "follow.py", file, "2")
        self.assertEqual(len(tables(file)["events"]), 800)

    def test_workers(self):
        with fixtures.Wire(self.server.url) as wire:
            for line in ("stream name=MEDIA_EVENTS subjects=playback.>", "events stream=MEDIA_EVENTS count=3000"):
                fixtures.parse(line, line).apply(wire)
        for _ in range(2):
            self.assertEqual(self.program(EXAMPLES / "workers" / "run.sh", self.folder).splitlines()[-1], "3000")
        self.assertEqual(len(tables(self.folder / "all.duckdb")["events"]), 3000)


if __name__ == "__main__":
    unittest.main()
