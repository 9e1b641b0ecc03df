"""examples/lake as people run it: several workers on one table of a lake, killed anywhere, while the catalogue, the object store and the NATS server fail.
Every key stands in the lake once, and none is lost.

NATS_JS_SOAK has so many rounds of 100 000 events; `make lake` sets it.
"""

import json
import os
import random
import tempfile
import time
import unittest
from pathlib import Path

import duckdb

from lake import place
from scripts import fixtures, paths
from scripts.nats_server import Server

SOAK = int(os.environ.get("NATS_JS_SOAK", 0))
EVENTS, BATCH, KILLS, OUTAGE_SECONDS, LIMIT_SECONDS = (100_000, 2_000, 20, 10, 1_800) if SOAK else (4_000, 100, 5, 1.5, 120)
PARTITIONS = 4
CONFIG = """
stream = "EVENTS"
durable = "lake{suffix}"
subject = {subject}
table = "events"
correlation_key = "{{id}}"
partitions = {partitions}
bucket = "{bucket}"
catalogue = "{catalogue}"
data_path = "s3://lake/{folder}/"
before = {before}
ack_wait_seconds = 4
batch_messages = {batch}
batch_seconds = 0.1
retry_first_seconds = 0.2
retry_max_seconds = 2
rest = false
[columns]
id = "VARCHAR"
n = "INTEGER"
"""


def published(seed: int) -> list[str]:
    """Keys in the order in which they are published; every fourth event repeats an earlier one."""
    chance, keys, out = random.Random(seed), [], []
    for n in range(EVENTS):
        if keys and n % 4 == 3:
            out.append(chance.choice(keys))
        else:
            keys.append(f"k{n}")
            out.append(keys[-1])
    return out


class LakeWorkers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(place.Postgres())
        cls.store = cls.enterClassContext(place.Store())

    def round(self, seed: int, partitioned: bool = True) -> place.Workers:
        """A server with the events of this round, an empty lake, and workers that have not begun."""
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        self.folder = f"round{seed}{'p' if partitioned else 's'}"
        os.environ["NATS_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "NATS_URL", None)
        setup = (paths.ROOT / "examples/lake/setup.sql").read_text()
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as database:
            database.execute(f"LOAD '{place.EXTENSION}'")
            # A worker that was killed is missed after 10 s; here after 3.
            database.execute(setup.replace("partition(8,1)", f"partition({PARTITIONS},1)").replace("INTERVAL 10 SECOND", "INTERVAL 3 SECOND"))
        self.keys = published(seed)
        with fixtures.Wire(self.server.url) as wire:
            wire.publish(fixtures.Message(f"events.{key}", json.dumps({"id": key, "n": n}).encode()) for n, key in enumerate(self.keys))
        config = Path(self.enterContext(tempfile.TemporaryDirectory())) / "worker.toml"
        self.catalogue = self.database_of(self.folder)
        config.write_text(CONFIG.format(
            suffix="-{partition}" if partitioned else "", subject='"events.{partition}.*"' if partitioned else '""',
            partitions=PARTITIONS if partitioned else 1, bucket="lake_owners" if partitioned else "", catalogue=self.catalogue, folder=self.folder,
            before=json.dumps(place.before(self.store)), batch=BATCH,
        ))
        workers = place.Workers(config, self.server.url)
        self.addCleanup(workers.close)
        return workers

    def database_of(self, name: str) -> str:
        """A new database in the PostgreSQL."""
        self.postgres.sql(f"CREATE DATABASE {name}")
        return self.postgres.catalogue.replace("dbname=postgres", f"dbname={name}")

    def lake(self) -> duckdb.DuckDBPyConnection:
        return place.attach(self.catalogue, f"s3://lake/{self.folder}/", self.store)

    def check(self) -> None:
        """Every key once, and of those that were published each, by another connection."""
        with self.lake() as database:
            rows = database.execute("SELECT correlation_key FROM lake.events").fetchall()
        self.assertEqual(sorted(key for (key,) in rows), sorted(set(self.keys)))

    def rows(self) -> int:
        try:
            with self.lake() as database:
                return database.execute("SELECT count(*) FROM lake.events").fetchone()[0]
        except duckdb.Error:
            return 0

    def until(self, rows: int, workers: place.Workers) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.rows() < rows:
            if time.monotonic() > deadline:
                self.fail(f"fewer than {rows} rows: {workers.lines[-20:]}")
            time.sleep(0.1)

    def test_whatever_is_killed_every_key_stands_once(self):
        for seed in range(1, max(1, SOAK) + 1):
            with self.subTest(seed=seed):
                chance, began = random.Random(seed), time.monotonic()
                workers = self.round(seed)
                for _ in range(3):
                    workers.start("--once")
                distinct = len(set(self.keys))
                faults = [self.crash_postgres, self.shut_store, self.restart_nats] + [self.kill_worker] * KILLS
                for number, fault in enumerate(faults):
                    self.until(min(distinct - 1, distinct * (number + 1) // (2 * len(faults))), workers)
                    fault(workers, chance)
                workers.wait(LIMIT_SECONDS)
                self.check()
                # The jobs change no row, and leave no file that is not of the lake.
                with self.lake() as database:
                    for statement in (paths.ROOT / "examples/lake/maintenance.sql").read_text().split(";"):
                        if statement.strip():
                            database.execute(statement.replace("INTERVAL 7 DAY", "INTERVAL 0 SECOND"))
                    files = {file for (file,) in database.execute(f"SELECT file FROM glob('s3://lake/{self.folder}/**')").fetchall()}
                    known = {file for (file,) in database.execute("SELECT data_file FROM ducklake_list_files('lake', 'events')").fetchall()}
                    self.assertLessEqual(known, files)
                self.check()
                if SOAK:
                    print(f"round {seed}: exact in {time.monotonic() - began:.0f} s", flush=True)

    def kill_worker(self, workers: place.Workers, chance: random.Random) -> None:
        time.sleep(chance.random() * 0.3)
        if running := workers.running():
            workers.kill(chance.choice(running))
        workers.start("--once")

    def crash_postgres(self, workers: place.Workers, chance: random.Random) -> None:
        self.postgres.crash()
        self.postgres.start()

    def shut_store(self, workers: place.Workers, chance: random.Random) -> None:
        self.store.door.cut()
        time.sleep(OUTAGE_SECONDS)
        self.store.door.heal()

    def restart_nats(self, workers: place.Workers, chance: random.Random) -> None:
        self.server.kill()
        self.server.start()

    def test_a_shared_durable(self):
        """Without partitions: all workers on one durable and one fence. Exact, with retries."""
        workers = self.round(99, partitioned=False)
        for _ in range(2):
            workers.start("--once")
        workers.wait(LIMIT_SECONDS)
        self.check()


if __name__ == "__main__":
    unittest.main()
