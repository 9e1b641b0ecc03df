"""One durable shared by processes and threads, a fork, and dead letters to the byte."""

import os
import threading
import unittest
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import duckdb

from integration.host import connect
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 4_000
SETTLED = "neither acknowledged nor returned|is reading this durable|is acknowledging or returning"


def fill(*lines: str) -> None:
    with fixtures.Wire(URL) as wire:
        for line in lines:
            fixtures.parse(line, line).apply(wire)


def drain(stream: str, durable: str) -> list[int]:
    """All sequences that this process gets, in batches that are acknowledged one after the other."""
    database, mine = connect(), []
    read = "SELECT seq FROM nats_ingest(?, url := ?, durable := ?, max_messages := 100, max_wait := INTERVAL 1 SECOND)"
    while rows := database.execute(read, [stream, URL, durable]).fetchall():
        mine += [seq for (seq,) in rows]
        acked = database.execute("SELECT acked FROM nats_ack(?, ?, url := ?)", [stream, durable, URL]).fetchone()
        if acked != (len(rows),):
            raise AssertionError(f"{acked} of {len(rows)} were acknowledged")
    database.close()
    return mine


class Share(unittest.TestCase):
    def test_two_processes_share_without_overlap(self):
        fill("stream name=TWO subjects=two", f"messages stream=TWO subject=two count={COUNT}")
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(drain, ["TWO", "TWO"], ["d", "d"]))
        self.assertEqual(Counter(parts[0] + parts[1]), Counter(range(1, COUNT + 1)))

    def test_eight_threads_with_a_durable_each(self):
        fill("stream name=EIGHT subjects=eight", f"messages stream=EIGHT subject=eight count={COUNT}")
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(drain, ["EIGHT"] * 8, [f"d{i}" for i in range(8)]))
        for part in parts:
            self.assertEqual(part, list(range(1, COUNT + 1)))

    def test_eight_threads_on_one_durable(self):
        """A process is one reader: whoever comes while another's batch is not settled is told so, and no row is lost."""
        fill("stream name=ONE subjects=one", f"messages stream=ONE subject=one count={COUNT}")
        taken: list[int] = []
        refused = Counter()
        database = connect()
        read = "SELECT seq FROM nats_ingest('ONE', url := ?, durable := 'd', max_messages := 100)"

        def work() -> None:
            cursor = database.cursor()
            while len(taken) < COUNT:
                try:
                    rows = cursor.execute(read, [URL]).fetchall()
                except duckdb.Error as error:
                    self.assertRegex(str(error), SETTLED)
                    refused["read"] += 1
                    continue
                if rows:
                    cursor.execute("FROM nats_ack('ONE', 'd', url := ?)", [URL]).fetchall()
                    taken.extend(seq for (seq,) in rows)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(Counter(taken), Counter(range(1, COUNT + 1)))
        self.assertGreater(refused["read"], 0)

    def test_a_statement_that_still_runs_cannot_be_acknowledged(self):
        fill("stream name=RUNS subjects=runs", "messages stream=RUNS subject=runs count=20000 size=2000")
        database = connect()
        database.execute("SET streaming_buffer_size = '100KB'")
        running = database.execute("FROM nats_ingest('RUNS', url := ?, durable := 'd')", [URL])
        rows = len(running.fetchmany(10))
        other = database.cursor()
        with self.assertRaisesRegex(duckdb.Error, "nats_ack: .*a statement of this process is still reading"):
            other.execute("FROM nats_ack('RUNS', 'd', url := ?)", [URL])
        while part := running.fetchmany(1000):
            rows += len(part)
        self.assertEqual(other.execute("SELECT acked FROM nats_ack('RUNS', 'd', url := ?)", [URL]).fetchone(), (rows,))

    def test_a_forked_child_owes_nothing_and_reads_for_itself(self):
        fill("stream name=FORK subjects=fork", "messages stream=FORK subject=fork count=30")
        database = connect()
        read = "SELECT seq FROM nats_ingest('FORK', url := ?, durable := 'd', max_messages := 10)"
        self.assertEqual(len(database.execute(read, [URL]).fetchall()), 10)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                own = connect()
                nothing = own.execute("SELECT count(*) FROM nats_unsettled('FORK', 'd', url := ?)", [URL]).fetchone()
                mine = own.execute(read, [URL]).fetchall()
                acked = own.execute("SELECT acked FROM nats_ack('FORK', 'd', url := ?)", [URL]).fetchone()
                code = 0 if (nothing, mine, acked) == ((0,), [(seq,) for seq in range(11, 21)], (10,)) else 2
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertEqual(database.execute("SELECT acked FROM nats_ack('FORK', 'd', url := ?)", [URL]).fetchone(), (10,))
        self.assertEqual(database.execute(read, [URL]).fetchall(), [(seq,) for seq in range(21, 31)])


class DeadLetters(unittest.TestCase):
    def test_kept_and_replayed_to_the_byte(self):
        payloads = [bytes(range(256)), b"", b"\xff\xfe{}", b"{" + b"x" * 900_000, "ü☃".encode(), b"\x00"]
        fill("stream name=RAW subjects=raw.>", "stream name=LETTERS subjects=letters.>")
        with fixtures.Wire(URL) as wire:
            wire.publish(
                fixtures.Message(f"raw.{i}", payload, (("Nats-Msg-Id", f"id{i}"), ("Trace", f"a: b;{i}"), ("X-Snow", "☃")))
                for i, payload in enumerate(payloads)
            )
        database = connect()
        read = """SELECT count(*) FROM nats_ingest('RAW', url := ?, columns := {'id': 'INTEGER'}, correlation_key := '{id}',
            on_error := 'dlq', dlq_subject := 'letters.raw')"""
        self.assertEqual(database.execute(read, [URL]).fetchone(), (0,))
        origin = "SELECT subject, payload, headers FROM nats_scan('RAW', url := ?, headers := true, start_seq := ?)"
        before = database.execute(origin, [URL, 1]).fetchall()
        self.assertEqual([payload for _, payload, _ in before], payloads)
        letters = "SELECT payload, headers FROM nats_scan('LETTERS', url := ?, headers := true)"
        for (subject, payload, headers), (kept, letter) in zip(before, database.execute(letters, [URL]).fetchall(), strict=True):
            self.assertEqual(kept, payload)
            self.assertEqual(letter["Dlq-Subject"], [subject])
            self.assertEqual(letter["Dlq-Nats-Msg-Id"], headers["Nats-Msg-Id"])
            self.assertEqual({name: letter[name] for name in ("Trace", "X-Snow")}, {n: headers[n] for n in ("Trace", "X-Snow")})
        # Replay is one statement; an id of its own keeps the server from taking the message for the one that failed.
        replay = """SELECT count((nats_publish(headers['Dlq-Subject'][1], payload, map_from_entries([
                {'key': h.key.replace('Dlq-Nats-Msg-Id', 'Nats-Msg-Id'),
                 'value': CASE WHEN h.key = 'Dlq-Nats-Msg-Id' THEN [h.value[1] || ':replay'] ELSE h.value END}
                FOR h IN map_entries(headers)
                IF NOT regexp_matches(h.key, '^(Nats-Msg-Id|Dlq-(Reason|Stream|Subject|Sequence|Time-Stamp))$')]), ?)).seq)
            FROM nats_scan('LETTERS', url := ?, headers := true)"""
        self.assertEqual(database.execute(replay, [URL, URL]).fetchone(), (len(payloads),))
        after = database.execute(origin, [URL, len(payloads) + 1]).fetchall()
        renamed = [
            (subject, payload, headers | {"Nats-Msg-Id": [headers["Nats-Msg-Id"][0] + ":replay"]})
            for subject, payload, headers in before
        ]
        self.assertEqual(after, renamed)


    def test_a_header_that_cannot_be_published_is_kept_in_another(self):
        fill("stream name=ODD subjects=odd", "stream name=KEPT subjects=kept")
        with fixtures.Wire(URL) as wire:
            wire.publish([fixtures.Message("odd", b"x", (("Ü", "snow: ☃"), ("A", "1")))])
        database = connect()
        read = """SELECT count(*) FROM nats_ingest('ODD', url := ?, columns := {'id': 'INTEGER'}, on_error := 'dlq',
            dlq_subject := 'kept')"""
        self.assertEqual(database.execute(read, [URL]).fetchone(), (0,))
        kept = "SELECT headers['Dlq-Header'], headers['A'] FROM nats_scan('KEPT', url := ?, headers := true)"
        self.assertEqual(database.execute(kept, [URL]).fetchone(), (["Ü: snow: ☃"], ["1"]))


class Limits(unittest.TestCase):
    def test_long_values_and_keys(self):
        fill("stream name=LONG subjects=long")
        # With its JSON around it a message of 1 MiB, the most that a server takes by default.
        long, key = "x" * ((1 << 20) - len('{"text":""}')), "k" * 10_000
        with fixtures.Wire(URL) as wire:
            wire.publish([
                fixtures.Message("long", f'{{"text":"{long}"}}'.encode()),
                fixtures.Message("long", f'{{"text":"a","key":"{key}y"}}'.encode()),
                fixtures.Message("long", f'{{"text":"b","key":"{key}z"}}'.encode()),
            ])
        database = connect()
        database.execute("CREATE TABLE t (correlation_key VARCHAR PRIMARY KEY, text VARCHAR)")
        for _ in range(2):
            database.execute(
                """INSERT INTO t BY NAME SELECT correlation_key, text FROM nats_ingest('LONG', url := ?,
                columns := {'text': 'VARCHAR'}, correlation_key := '{key|text}') ON CONFLICT DO NOTHING""", [URL],
            )
        rows = sorted(database.execute("FROM t").fetchall())
        self.assertEqual(rows, sorted([(long, long), (key + "y", "a"), (key + "z", "b")]))


if __name__ == "__main__":
    unittest.main()
