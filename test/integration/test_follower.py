"""examples/service/follower.py, as people run it: whatever becomes of it, its database and the server, the table has every event
once in the end, and the stream waits for nothing."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts import doors, fixtures, package, paths
from scripts.nats_server import Server

FOLLOWER = paths.ROOT / "examples/service/follower.py"
COUNT = 3_000
LIMIT_SECONDS = 60
CONFIG = """
stream = "S"
durable = "{durable}"
database = "{folder}/{durable}.duckdb"
table = "events"
correlation_key = "{{id}}"
dead_letters = "dlq.{durable}"
ack_wait_seconds = 2
batch_messages = {messages}
batch_seconds = 0.1
retry_first_seconds = 0.2
metrics_file = "{folder}/{durable}.prom"
metrics_every_seconds = 0.2
[columns]
id = "BIGINT"
{columns}
"""


def no_larger_files() -> None:
    """As on a full disk, writing fails."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, resource.RLIM_INFINITY))


class Follower(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        payload = """payload='{"id":{i},"name":"n{i%7}","later":true}'"""
        fill(
            cls.server.url, "stream name=S subjects=s", "stream name=DLQ subjects=dlq.>",
            f"messages stream=S subject=s count={COUNT} {payload}", "message stream=S subject=s payload='no event'",
        )

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.durable = Path(folder.name), self._testMethodName
        self.database = self.folder / f"{self.durable}.duckdb"
        self.log: list[dict] = []
        self.configure()

    def configure(self, columns: str = "", messages: int = 400) -> None:
        text = CONFIG.format(folder=self.folder, durable=self.durable, columns=columns, messages=messages)
        (self.folder / "f.toml").write_text(text)

    def start(self, *options: str, **more) -> subprocess.Popen:
        extension = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine(), doors.tested().folder)
        process = subprocess.Popen(
            [sys.executable, str(FOLLOWER), str(self.folder / "f.toml"), *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"NATS_URL": self.server.url, "NATS_JS_EXTENSION": str(extension)}, **more,
        )
        # What a test waits for in vain ends with the process.
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        self.addCleanup(lambda: (limit.cancel(), process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
        return process

    def until(self, process: subprocess.Popen, event: str) -> dict:
        """The first line of the log that says `event`."""
        for line in process.stderr:
            if line.startswith("{"):
                self.log.append(json.loads(line))
                if self.log[-1]["event"] == event:
                    return self.log[-1]
        self.fail(f"ended without {event!r}")

    def drain(self, count: int = COUNT) -> list[dict]:
        """Follows to the end, and looks at what came of it; the lines of the log."""
        process = self.start("--once")
        _, log = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, log)
        with duckdb.connect(str(self.database)) as database:
            found = database.execute("SELECT count(*), count(DISTINCT id), sum(id) FROM events").fetchone()
        self.assertEqual(found, (count, count, count * (count + 1) // 2))
        with fixtures.Wire(self.server.url) as wire:
            info = wire.request(f"CONSUMER.INFO.S.{self.durable}")
            letters = wire.request("STREAM.INFO.DLQ", {"subjects_filter": f"dlq.{self.durable}"})["state"].get("subjects")
        self.assertEqual((info["num_pending"], info["num_ack_pending"]), (0, 0))
        self.assertEqual(letters, {f"dlq.{self.durable}": 1})
        return [json.loads(line) for line in log.splitlines() if line.startswith("{")]

    def test_once(self):
        dry = self.start("--dry-run").communicate(timeout=60)[0].splitlines()
        self.assertEqual((len(dry), json.loads(dry[1])["id"]), (11, 1))
        with fixtures.Wire(self.server.url) as wire:
            self.assertNotIn(self.durable, wire.request("CONSUMER.NAMES.S")["consumers"] or [])
        log = self.drain()
        self.assertEqual(sum(line.get("messages", 0) for line in log), COUNT + 1)
        metrics = (self.folder / f"{self.durable}.prom").read_text()
        labels = f'{{stream="S",durable="{self.durable}"}}'
        for line in (f"rows_total{labels} {COUNT}", f"acknowledged_total{labels} {COUNT + 1}", f"dead_letters_total{labels} 1", f"lag_messages{labels} 0"):
            self.assertIn(f"nats_follower_{line}\n", metrics)
        with duckdb.connect(str(self.database)) as database:
            self.assertEqual(database.execute("SELECT rest FROM events WHERE id = 8").fetchone(), ('{"name":"n1","later":true}',))

    def test_killed_and_ended(self):
        """kill -9 in the middle of it, then SIGTERM, then to the end."""
        process = self.start()
        self.until(process, "batch")
        process.kill()
        process.wait()
        time.sleep(2.1)
        process = self.start()
        self.until(process, "batch")
        process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        self.assertEqual(process.wait(30), 0)
        # Not a measure of speed: it is promised, and the supervisor kills what takes longer.
        self.assertLess(time.monotonic() - asked, 10)
        self.drain()

    def test_the_server_restarts(self):
        self.configure(messages=50)
        process = self.start()
        self.until(process, "batch")
        self.server.kill()
        self.assertIn(self.until(process, "failed")["kind"], ("unreachable", "timed_out", "unavailable"))
        self.server.start()
        self.until(process, "batch")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        time.sleep(2.1)
        self.drain()

    def test_another_process_has_the_database(self):
        with duckdb.connect(str(self.database)):
            process = self.start()
            self.assertEqual(self.until(process, "failed")["kind"], "IOException")
        self.until(process, "batch")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        self.drain()

    def test_a_full_disk(self):
        """Nothing is acknowledged that does not fit."""
        process = self.start(preexec_fn=no_larger_files)
        self.until(process, "failed")
        process.kill()
        process.wait()
        time.sleep(2.1)
        self.drain()

    def test_what_fails_every_time(self):
        """Without dead letters, a message that is no event is asked for with pauses, and SIGINT ends without a traceback."""
        text = (self.folder / "f.toml").read_text()
        (self.folder / "f.toml").write_text(text.replace(f'dead_letters = "dlq.{self.durable}"', 'start = { sequence = 3001 }'))
        process = self.start()
        for _ in range(3):
            self.until(process, "failed")
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, rest)
        self.assertNotIn("Traceback", rest)
        with fixtures.Wire(self.server.url) as wire:
            self.assertLess(wire.request(f"CONSUMER.INFO.S.{self.durable}")["delivered"]["consumer_seq"], 10)

    def test_a_new_column_and_poison(self):
        """SIGHUP reads the configuration again. What the table refuses becomes a dead letter, and holds up nobody."""
        with duckdb.connect(str(self.database)) as database:
            database.execute("CREATE TABLE events (correlation_key VARCHAR PRIMARY KEY, subject VARCHAR, seq UBIGINT, ts_nats TIMESTAMP, id BIGINT CHECK (id <> 2500))")
        process = self.start()
        self.until(process, "batch")
        self.configure('name = "VARCHAR"', messages=100)
        process.send_signal(signal.SIGHUP)
        self.until(process, "reloaded")
        while not any(line.get("dead_letters") for line in self.log):
            self.until(process, "returned")
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        process = self.start("--once")
        self.assertEqual((process.wait(60), process.returncode), (0, 0))
        with duckdb.connect(str(self.database)) as database:
            self.assertEqual(database.execute("SELECT count(*), count(name) > 0, count(*) FILTER (id = 2500) FROM events").fetchone(), (COUNT - 1, True, 0))

    def test_a_faulty_configuration_is_not_taken(self):
        """SIGHUP says what is wrong, and the follower goes on with the one that it has; at the start it is an end with 2."""
        process = self.start()
        self.until(process, "batch")
        good = (self.folder / "f.toml").read_text()
        for faulty, words in (("batch_messages = 0\n" + good.replace("batch_messages = 400\n", ""), "be above 0"), ("nonsense = 1\n" + good, "nonsense"), ("[", "f.toml")):
            (self.folder / "f.toml").write_text(faulty)
            process.send_signal(signal.SIGHUP)
            self.assertIn(words, self.until(process, "configuration")["error"])
        started = self.start()
        self.assertIn("f.toml", self.until(started, "configuration")["error"])
        self.assertEqual(started.wait(30), 2)
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        (self.folder / "f.toml").write_text(good)
        self.drain()


if __name__ == "__main__":
    unittest.main()
