"""The conditions of a query are true of the same rows through both doors: the second one reads less, the first one all.

Random conditions over the columns of messages, on every function that reads them, with options that may not be disturbed.
"""

import os
import random
import unittest

import duckdb

from integration.streams import fill
from scripts import doors, paths

ROUNDS = 5_000 if os.environ.get("NATS_JS_SOAK") else 1_200
SUBJECTS = ["a", "a.b", "a.b.c", "a.c", "b", "b.a.x", "ab.c", "a.b.d"]
MESSAGES = 400
SCANS = [
    "nats_scan('S', url := $url)",
    "nats_scan('S', url := $url, subject := 'a.>')",
    "nats_scan('S', url := $url, subject := 'a.*')",
    "nats_scan('S', url := $url, subject_contains := 'b')",
    "nats_scan('S', url := $url, start_seq := 50, end_seq := 300)",
    "nats_scan('S', url := $url, last_n := 40)",
    "nats_scan('S', url := $url, max_messages := 40)",
    "nats_scan('S', url := $url, columns := {'i': 'INTEGER'}, on_error := 'skip')",
    "nats_scan('S', url := $url, after := $half)",
    "nats_scan('S', url := $url, upto := $half)",
    "nats_scan('S', url := $url, subject := 'a.>', after := $half)",
    "nats_ingest('S', url := $url, after := $half)",
    "nats_ingest('S', url := $url, upto := $half, correlation_key := '{k}', columns := {'k': 'INTEGER'})",
    "nats_get('S', [7, 300, 12, 7, 399, 401], url := $url)",
    "nats_last('S', '>', url := $url)",
    "nats_last('S', ['a.>', 'b'], url := $url, up_to_seq := 200)",
    "nats_ingest('S', url := $url)",
    "nats_ingest('S', url := $url, correlation_key := '{k}', columns := {'k': 'INTEGER'})",
    "nats_ingest('S', url := $url, correlation_key := '{k}', columns := {'k': 'INTEGER'}, keep := 'last')",
    "nats_ingest('S', url := $url, correlation_key := '{k}', columns := {'k': 'INTEGER'}, keep := 'all')",
]


def opened(door: doors.Door) -> duckdb.DuckDBPyConnection:
    """A database of its own, in which the functions came through this door."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    [(platform,)] = connection.execute("PRAGMA platform").fetchall()
    connection.execute(f"LOAD '{paths.extension(os.environ['NATS_JS_PROFILE'], platform, door.folder)}'")
    return connection


def messages_read(connection: duckdb.DuckDBPyConnection) -> int:
    [(count,)] = connection.execute("SELECT value FROM nats_stats() WHERE name = 'messages_read'").fetchall()
    return count


@unittest.skipUnless(os.environ["NATS_JS_TEST_HOST"] == doors.V2_HOST, "this host has one door")
class Where(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ["NATS_JS_TEST_URL"]
        messages = "messages stream=S count={} subject={} payload='{{\"i\":{{i}},\"k\":{{i%9}}}}'"
        lines = [messages.format(MESSAGES // len(SUBJECTS), subject) for subject in SUBJECTS]
        cls.all, cls.less = opened(doors.V1), opened(doors.V2)
        middle = len(lines) // 2
        fill(cls.url, "stream name=S subjects=a,a.>,b,b.>,ab.>", *lines[:middle])
        [(cls.half,)] = cls.all.execute(f"SELECT nats_checkpoint('S', '{cls.url}')").fetchall()
        fill(cls.url, *lines[middle:], "holes stream=S every=7")
        [cls.times] = cls.all.execute(f"SELECT min(ts_nats), max(ts_nats) FROM nats_scan('S', url := '{cls.url}')").fetchall()

    def condition(self, chance: random.Random, depth: int) -> str:
        """One condition; most say something about a sequence, a time or a subject."""
        if depth and chance.random() < 0.4:
            word = chance.choice([" AND ", " OR "])
            parts = word.join(self.condition(chance, depth - 1) for _ in range(chance.randrange(1, 4)))
            return chance.choice(["", "", "", "NOT "]) + f"({parts})"
        by = chance.choice(["=", "<", "<=", ">", ">=", "<>"])
        number, subject = chance.randrange(-5, MESSAGES + 10), chance.choice(SUBJECTS)
        time = f"TIMESTAMP '{chance.choice(self.times)}' + INTERVAL ({chance.choice([chance.randrange(-90_000, 90_000), chance.randrange(-30, 30)])}) MILLISECOND"
        return chance.choice([
            f"seq {by} {number}",
            f"{number} {by} seq",
            f"seq BETWEEN {number} AND {number + chance.randrange(80)}",
            f"seq IN ({number}, {number + 3}, {number + 40})",
            f"seq {by} {number}.5",
            f"seq % 3 = {chance.randrange(3)}",
            f"ts_nats {by} {time}",
            f"ts_nats {by} ({time})::TIMESTAMPTZ",
            f"ts_nats BETWEEN {time} AND {time}",
            f"subject {by} '{subject}'",
            f"subject IN ('{subject}', '{chance.choice(SUBJECTS)}')",
            f"subject LIKE '{subject}{chance.choice(['%', '.%', '', '_', '.b%'])}'",
            f"starts_with(subject, '{subject[:chance.randrange(4)]}')",
            f"upper(subject) = '{subject.upper()}'",
            "seq IS NOT NULL",
        ])

    def test_random_conditions(self):
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        rows = 0
        for round_ in range(ROUNDS):
            scan = chance.choice(SCANS).replace("$url", f"'{self.url}'").replace("$half", f"'{self.half}'")
            condition = self.condition(chance, 2)
            zone = chance.choice(["UTC", "UTC", "America/New_York", "Asia/Kolkata"])
            query = f"SELECT seq, subject FROM {scan} WHERE {condition}"
            with self.subTest(seed=seed, round=round_, zone=zone, query=query):
                for connection in (self.all, self.less):
                    connection.execute(f"SET TimeZone = '{zone}'")
                expected = self.all.execute(query).fetchall()
                self.assertEqual(self.less.execute(query).fetchall(), expected)
                rows += len(expected)
        self.assertGreater(rows, ROUNDS, "the conditions leave too little to compare")
        self.assertLess(messages_read(self.less), 0.9 * messages_read(self.all), "no condition has spared a read")

    def test_uses_of_one_stream_do_not_disturb_each_other(self):
        scan = f"nats_scan('S', url := '{self.url}')"
        queries = [
            f"SELECT (SELECT count(*) FROM {scan} WHERE seq > 390), (SELECT count(*) FROM {scan} WHERE seq < 9), (SELECT count(*) FROM {scan})",
            f"WITH s AS (FROM {scan}) SELECT count(*) FROM s x JOIN s y ON x.subject = y.subject AND x.seq < 50 AND y.seq > 380",
            f"SELECT count(*), count(b.seq) FROM {scan} a LEFT JOIN {scan} b ON a.seq = b.seq + 1 AND b.subject = 'a.b'",
            f"SELECT count(*) FROM {scan} WHERE seq > 10 UNION ALL SELECT count(*) FROM {scan} WHERE subject = 'a' AND seq > 10",
            f"SELECT count(*) FROM {scan} a WHERE EXISTS (FROM {scan} b WHERE b.seq = a.seq + 7 AND b.seq > 200) AND a.seq < 300",
            f"SELECT seq FROM {scan} WHERE seq > 20 EXCEPT SELECT seq FROM {scan} WHERE seq > 40 ORDER BY 1",
            f"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT max(seq) FROM {scan} WHERE seq < 9)) SELECT max(n) FROM r",
        ]
        for query in queries:
            with self.subTest(query=query):
                self.assertEqual(self.less.execute(query).fetchall(), self.all.execute(query).fetchall())

    def test_the_newest_of_a_long_stream(self):
        fill(self.url, "stream name=L subjects=l", "messages stream=L subject=l count=100000 kind=text")
        query = f"SELECT count(*), max(seq) FROM nats_scan('L', url := '{self.url}') WHERE seq > 100000 - 10"
        before = messages_read(self.less)
        self.assertEqual(self.less.execute(query).fetchall(), [(10, 100_000)])
        self.assertEqual(messages_read(self.less) - before, 10)

    def test_parameters_count_each_time(self):
        self.less.execute(f"PREPARE newer AS SELECT count(*) FROM nats_scan('S', url := '{self.url}') WHERE seq > ? AND subject <> ''")
        for bound in (390, 10, 200, 390):
            [(expected,)] = self.all.execute(f"SELECT count(*) FROM nats_scan('S', url := '{self.url}') WHERE seq > {bound}").fetchall()
            self.assertEqual(self.less.execute(f"EXECUTE newer({bound})").fetchall(), [(expected,)])
