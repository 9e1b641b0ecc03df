"""examples/archive with an object store and with a lake as its target: the archive and the stream are one relation, a killed archiver leaves nothing that is seen, and of two
archivers at once one is refused."""

import os
import subprocess
import sys
import threading
import time
import unittest

import duckdb

from integration.streams import fill, state
from lake import place
from scripts import fixtures, paths
from scripts.nats_server import Server

FOLDER = paths.ROOT / "examples/archive"
sys.path.insert(0, str(FOLDER))
# Kills itself before or after one step, and leaves the rest as it is.
DYING = """
import os, signal, sys
sys.path.insert(0, {folder!r})
import archive, archive_lake
kind = {kind}
step, after = {step!r}, {after!r}
real = getattr(kind, step)
def dying(*arguments):
    if after:
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(kind, step, dying)
sys.argv = {arguments!r}
archive.main()
"""


class Stores:
    """What holds for each target; `target`, `kind`, `STEPS`, `VIEW` and `session` say which one."""

    @classmethod
    def setUpClass(cls):
        cls.store = cls.enterClassContext(place.Store())

    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        os.environ["NATS_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "NATS_URL")
        fill(self.server.url, "stream name=S subjects=s.> max_age=0s")
        self.published = 0
        self.environment = os.environ | {"NATS_JS_EXTENSION": str(place.EXTENSION), "ARCHIVE_DATA_PATH": f"s3://lake/{self.id()}/"}

    def arguments(self, *more: str) -> list[str]:
        before = [part for statement in place.before(self.store) for part in ("--before", statement)]
        return [str(FOLDER / "archive.py"), "S", self.target, *before, *more]

    def archive(self) -> None:
        finished = subprocess.run([sys.executable, *self.arguments()], env=self.environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(finished.returncode, 0, finished.stderr)

    def publish(self, count: int) -> None:
        first = self.published + 1
        with fixtures.Wire(self.server.url) as wire:
            wire.publish(fixtures.Message(f"s.{n % 3}", f'{{"n":{n}}}'.encode()) for n in range(first, first + count))
        self.published += count

    def session(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        self.addCleanup(database.close)
        for statement in (f"LOAD '{place.EXTENSION}'", *place.before(self.store), "SET VARIABLE archive_stream = 'S'", *self.ATTACHED):
            database.execute(statement.replace("$target", self.target))
        database.execute((FOLDER / self.VIEW).read_text())
        return database

    def assert_whole(self, database: duckdb.DuckDBPyConnection) -> None:
        database.execute("SET VARIABLE archive = archive_now()")
        found = database.execute("SELECT count(*), count(DISTINCT seq), sum(seq)::BIGINT, sum((decode(payload)::JSON->>'n')::INTEGER)::BIGINT FROM events").fetchone()
        total = self.published * (self.published + 1) // 2
        self.assertEqual(found, (self.published, self.published, total, total))

    def archived(self, database: duckdb.DuckDBPyConnection) -> int:
        database.execute("SET VARIABLE archive = archive_now()")
        return database.execute("SELECT getvariable('archive').last").fetchone()[0]

    def test_killed_at_every_step(self):
        self.archive()
        database = self.session()
        for after in (False, True):
            for step in self.STEPS:
                with self.subTest(step=step, after=after):
                    self.publish(50)
                    program = DYING.format(folder=str(FOLDER), kind=self.KIND, step=step, after=after, arguments=self.arguments())
                    died = subprocess.run([sys.executable, "-c", program], env=self.environment, capture_output=True, text=True, timeout=120)
                    self.assertEqual(died.returncode, -9, died.stderr)
                    self.assert_whole(database)
        self.archive()
        self.assertEqual(self.archived(database), self.published)
        with fixtures.Wire(self.server.url) as wire:
            wire.request("STREAM.PURGE.S")
        self.assert_whole(database)

    def test_readers_while_retention_removes(self):
        with fixtures.Wire(self.server.url) as wire:
            config = wire.request("STREAM.INFO.S")["config"]
            wire.request("STREAM.UPDATE.S", config | {"max_msgs": 4_000})
        self.archive()
        archiver = subprocess.Popen([sys.executable, *self.arguments("--every", "0.05")], env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (archiver.kill(), archiver.wait()))
        stop = threading.Event()

        def write() -> None:
            while not stop.wait(0.1):
                self.publish(100)

        writer = threading.Thread(target=write)
        database = self.session()
        writer.start()
        try:
            exact, deadline = 0, time.monotonic() + 90
            while (exact < 20 or state(self.server.url, "S")["first_seq"] == 1) and time.monotonic() < deadline:
                before = self.published
                try:
                    database.execute("SET VARIABLE archive = archive_now()")
                    rows, distinct, first, last = database.execute("SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM events").fetchone()
                except duckdb.Error as error:
                    self.assertRegex(str(error), r"\[gap\]|between them is gone")
                    continue
                if rows:
                    self.assertEqual((rows, distinct, first), (last, last, 1))
                self.assertGreaterEqual(rows, before)
                exact += 1
        finally:
            stop.set()
            writer.join()
        self.assertGreaterEqual(exact, 20)
        self.assertGreater(state(self.server.url, "S")["first_seq"], 1, "retention removed nothing")
        archiver.kill()
        archiver.wait()
        self.archive()
        self.assert_whole(database)

    def test_of_two_archivers_one_is_refused(self):
        import archive

        self.publish(100)
        os.environ |= {name: self.environment[name] for name in ("NATS_JS_EXTENSION", "ARCHIVE_DATA_PATH")}
        one, two = (archive.opened("S", self.target, place.before(self.store)) for _ in range(2))
        record = one.record

        def overtaken(*arguments):
            two.step()
            record(*arguments)

        one.record = overtaken
        with self.assertRaises((duckdb.Error, RuntimeError)) as refused:
            one.step()
        self.assertRegex(str(refused.exception), self.REFUSED)
        self.assertEqual(self.archived(self.session()), 100)
        self.assert_whole(self.session())


class ObjectStore(Stores, unittest.TestCase):
    KIND, STEPS, VIEW, REFUSED = "archive.StoreArchive", ("stage", "verify", "place", "record"), "view.sql", "another archiver"
    ATTACHED = ["SET VARIABLE archive_folder = '$target'"]

    def setUp(self):
        super().setUp()
        self.target = f"s3://lake/{self.id()}"


class Lake(Stores, unittest.TestCase):
    KIND, STEPS, VIEW, REFUSED = "archive_lake.LakeArchive", ("write", "verify", "record"), "view_lake.sql", "onflict"
    ATTACHED = ["ATTACH '$target' AS lake"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = cls.enterClassContext(place.Postgres())

    def setUp(self):
        super().setUp()
        base = self.id().rsplit(".", 1)[1]
        self.postgres.sql(f"CREATE DATABASE {base}")
        self.target = "ducklake:" + self.postgres.catalogue.replace("dbname=postgres", f"dbname={base}")


if __name__ == "__main__":
    unittest.main()
