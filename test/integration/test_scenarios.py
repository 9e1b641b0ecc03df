"""What an event platform is expected to do, a test for each expectation. Nothing sleeps to be in time: what takes its time is asked for
until it is there."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import duckdb

from integration.host import connect
from integration.streams import fill, state
from scripts import paths

URL = os.environ["NATS_JS_TEST_URL"]
SECONDS = 30

# Reads until it is told to end; says after each batch what its table holds.
READER = """
import signal, sys
from integration.host import connect
ended = False
def end(*_):
    global ended
    ended = True
signal.signal(signal.SIGTERM, end)
database, url, file = connect(sys.argv[2]), sys.argv[1], sys.argv[2]
database.execute("CREATE TABLE IF NOT EXISTS t (correlation_key VARCHAR PRIMARY KEY)")
while not ended:
    database.execute("INSERT INTO t SELECT correlation_key FROM nats_ingest('GRACE', url := ?, durable := 'd', max_messages := 50, "
                     "max_wait := INTERVAL 200 MILLISECONDS, correlation_key := '{id}', columns := {'id': 'VARCHAR'}) ON CONFLICT DO NOTHING", [url])
    database.execute("SELECT nats_ack('GRACE', 'd', list(u.seq), {'url': ?}) FROM nats_unsettled('GRACE', 'd', url := ?) u SEMI JOIN t USING (correlation_key)", [url, url])
    print(database.execute("SELECT count(*) FROM t").fetchone()[0], flush=True)
"""


def take(stream: str, durable: str) -> list[int]:
    """Everything that this process gets of a durable, acknowledged batch by batch."""
    database, mine = connect(), []
    read = "SELECT seq FROM nats_ingest(?, url := ?, durable := ?, max_messages := 2, max_wait := INTERVAL 500 MILLISECONDS)"
    while rows := database.execute(read, [stream, URL, durable]).fetchall():
        mine += [seq for (seq,) in rows]
        database.execute("FROM nats_ack(?, ?, url := ?)", [stream, durable, URL])
    return mine


class Scenarios(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def rows(self, sql: str, *values) -> list[tuple]:
        return self.database.execute(sql, list(values)).fetchall()

    def until(self, found, what: str):
        """What `found` gives, once that is something."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if answer := found():
                return answer
            time.sleep(0.02)
        self.fail(f"{what}: not within {SECONDS} s")

    def test_what_is_published_is_read_back(self):
        fill(URL, "stream name=BACK subjects=back")
        [(sequence,)] = self.rows("SELECT nats_publish('back', 'hello', MAP {'A': 'b'}, {'url': ?}).seq", URL)
        read = "SELECT seq, subject, payload, headers['A'] FROM nats_scan('BACK', url := ?, headers := true)"
        self.assertEqual(self.rows(read, URL), [(sequence, "back", b"hello", ["b"])])

    def test_what_a_table_refused_is_delivered_again(self):
        fill(URL, "stream name=AGAIN subjects=again", 'messages stream=AGAIN subject=again count=10 payload=\'{"id":{i}}\'')
        self.rows("FROM nats_consumer_ensure('AGAIN', 'd', url := ?)", URL)
        self.rows("CREATE TABLE few (id INTEGER CHECK (id < 5), correlation_key VARCHAR)")
        self.rows("CREATE TABLE all_of_it (id INTEGER, correlation_key VARCHAR PRIMARY KEY)")
        insert = "INSERT INTO {} SELECT id, correlation_key FROM nats_ingest('AGAIN', url := ?, durable := 'd', columns := {{'id': 'INTEGER'}})"
        with self.assertRaises(duckdb.ConstraintException):
            self.rows(insert.format("few"), URL)
        acknowledge = "SELECT nats_ack('AGAIN', 'd', list(u.seq), {{'url': ?}}) FROM nats_unsettled('AGAIN', 'd', url := ?) u SEMI JOIN {} USING (correlation_key)"
        self.rows(acknowledge.format("few"), URL, URL)
        self.rows("FROM nats_nak('AGAIN', 'd', url := ?)", URL)
        self.until(lambda: self.rows(insert.format("all_of_it") + " ON CONFLICT DO NOTHING", URL) and self.rows("SELECT 1 FROM all_of_it HAVING count(*) = 10"), "ten rows")
        self.rows(acknowledge.format("all_of_it"), URL, URL)
        self.assertEqual(self.rows("SELECT num_pending + num_ack_pending FROM nats_consumers('AGAIN', url := ?)", URL), [(0,)])

    def test_two_workers_share_ten_events(self):
        fill(URL, "stream name=GROUP subjects=group", "messages stream=GROUP subject=group count=10")
        self.rows("FROM nats_consumer_ensure('GROUP', 'd', url := ?)", URL)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(take, ["GROUP", "GROUP"], ["d", "d"]))
        self.assertEqual(Counter(parts[0] + parts[1]), Counter(range(1, 11)))

    def test_retention_by_age(self):
        self.rows("FROM nats_stream_ensure('AGED', subjects := ['aged'], max_age := INTERVAL 1 SECOND, duplicate_window := INTERVAL 1 SECOND, url := ?)", URL)
        fill(URL, "messages stream=AGED subject=aged count=20")
        self.until(lambda: state(URL, "AGED")["messages"] == 0, "the messages expire")
        self.assertEqual(self.rows("SELECT count(*) FROM nats_scan('AGED', url := ?)", URL), [(0,)])
        self.assertEqual(self.rows("SELECT nats_last_seq('AGED', {'url': ?})", URL), [(20,)])

    def test_retention_by_size_removes_the_oldest(self):
        self.rows("FROM nats_stream_ensure('SIZED', subjects := ['sized'], max_bytes := 20000, url := ?)", URL)
        self.rows("SELECT count(nats_publish('sized', repeat('x', 1000), NULL, {'url': ?})) FROM range(100)", URL)
        found = [sequence for (sequence,) in self.rows("SELECT seq FROM nats_scan('SIZED', url := ?) ORDER BY seq", URL)]
        self.assertTrue(0 < len(found) < 20, found)
        self.assertEqual(found, list(range(101 - len(found), 101)))

    def test_an_event_that_fails_again_and_again_becomes_a_dead_letter(self):
        fill(URL, "stream name=POISON subjects=poison", "stream name=DEAD subjects=dead.>",
             'messages stream=POISON subject=poison count=8 payload=\'{"id":{i}}\'')
        self.rows("FROM nats_consumer_ensure('POISON', 'd', max_deliver := 3, url := ?)", URL)
        self.rows("CREATE TABLE good (id INTEGER CHECK (id <> 4), correlation_key VARCHAR PRIMARY KEY)")

        def round_of_reading() -> bool:
            try:
                self.rows("INSERT INTO good SELECT id, correlation_key FROM nats_ingest('POISON', url := ?, durable := 'd', max_wait := INTERVAL 200 MILLISECONDS, "
                          "columns := {'id': 'INTEGER'}) ON CONFLICT DO NOTHING", URL)
            except duckdb.ConstraintException:
                self.rows("FROM nats_nak('POISON', 'd', delay := INTERVAL 0 SECONDS, reason := 'refused', dlq_subject := 'dead.poison', url := ?)", URL)
                return False
            self.rows("SELECT nats_ack('POISON', 'd', list(u.seq), {'url': ?}) FROM nats_unsettled('POISON', 'd', url := ?) u SEMI JOIN good USING (correlation_key)", URL, URL)
            return self.rows("SELECT num_pending + num_ack_pending FROM nats_consumers('POISON', url := ?)", URL) == [(0,)]

        self.until(round_of_reading, "all is settled")
        self.assertEqual(self.rows("SELECT list(id ORDER BY id) FROM good"), [([1, 2, 3, 5, 6, 7, 8],)])
        [(payload,)] = self.rows("SELECT payload FROM nats_scan('DEAD', url := ?)", URL)
        self.assertEqual(json.loads(payload), {"id": 4})

    def test_a_window_of_the_past_is_replayed(self):
        fill(URL, "stream name=PAST subjects=past", 'messages stream=PAST subject=past count=100 payload=\'{"id":{i}}\'')
        self.rows("CREATE TABLE past (id INTEGER PRIMARY KEY)")
        [(begin,)] = self.rows("SELECT ts_nats FROM nats_get('PAST', 40, url := ?)", URL)
        replay = ("INSERT INTO past SELECT id FROM nats_scan('PAST', url := ?, start_time := ?::TIMESTAMP, columns := {'id': 'INTEGER'}) WHERE seq <= 60 "
                  "ON CONFLICT DO NOTHING")
        for _ in range(2):
            self.rows(replay, URL, begin)
            [(least, most, count)] = self.rows("SELECT min(id), max(id), count(*) FROM past")
            self.assertEqual((most, most - least + 1), (60, count))
            self.assertLessEqual(least, 40)

    def test_a_rollup_leaves_the_newest_of_its_subject(self):
        self.rows("FROM nats_stream_ensure('ROLLED', subjects := ['rolled.*'], allow_rollup := true, url := ?)", URL)
        self.rows("SELECT count(nats_publish('rolled.' || (i % 2), i::VARCHAR, NULL, {'url': ?})) FROM range(10) t(i)", URL)
        self.rows("SELECT nats_publish('rolled.0', 'all of it', MAP {'Nats-Rollup': 'sub'}, {'url': ?})", URL)
        read = "SELECT subject, count(*), max(decode(payload)) FROM nats_scan('ROLLED', url := ?) GROUP BY ALL ORDER BY ALL"
        self.assertEqual(self.rows(read, URL), [("rolled.0", 1, "all of it"), ("rolled.1", 5, "9")])

    def test_a_reader_that_is_told_to_end_leaves_nothing_behind(self):
        fill(URL, "stream name=GRACE subjects=grace", 'messages stream=GRACE subject=grace count=1000 payload=\'{"id":{i}}\'')
        self.rows("FROM nats_consumer_ensure('GRACE', 'd', url := ?)", URL)
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "t.duckdb")
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(paths.ROOT / "test"), str(paths.ROOT), os.environ.get("PYTHONPATH", "")])}
            with subprocess.Popen([sys.executable, "-c", READER, URL, file], stdout=subprocess.PIPE, text=True, env=environment) as reader:
                self.assertGreater(int(reader.stdout.readline()), 0)
                reader.send_signal(signal.SIGTERM)
                self.assertEqual(reader.wait(SECONDS), 0)
            with duckdb.connect(file) as database:
                [(held,)] = database.execute("SELECT count(*) FROM t").fetchall()
        # What the table holds is acknowledged, and nothing else was taken.
        self.assertEqual(self.rows("SELECT num_pending, num_ack_pending FROM nats_consumers('GRACE', url := ?)", URL), [(1000 - held, 0)])

    def test_counters_tell_what_was_done(self):
        fill(URL, "stream name=COUNTED subjects=counted")
        read = "SELECT name, value FROM nats_stats()"
        before = dict(self.rows(read))
        self.rows("SELECT count(nats_publish('counted', 'x', NULL, {'url': ?})) FROM range(7)", URL)
        self.rows("SELECT count(*) FROM nats_scan('COUNTED', url := ?)", URL)
        after = dict(self.rows(read))
        grown = {name for name in after if after[name] - before[name] == 7}
        self.assertTrue(any("publish" in name for name in grown), after)
        self.assertTrue(any("read" in name or "message" in name for name in grown), after)


if __name__ == "__main__":
    unittest.main()
