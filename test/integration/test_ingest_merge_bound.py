"""What `merge` may hold in memory: a range that needs more is an error, which says how to read it, and reading it so works."""

import os
import unittest

import duckdb

from fixtures import publish
from fixtures.wire import Message
from integration.host import connect
from integration.memory import reset_most, resident_mib
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
# Two portions of texts that are too large together, and fit one at a time: 126 and 63 MiB.
PORTION, SIZE = 66, 1_000_000
COUNT = 2 * PORTION
MEMORY_MIB = 128
# A few keys with a long text that changes often: 286 MiB pass by, of which 3 MiB stay.
CHANGES, KEYS = 300, 3
READ = "nats_ingest('{stream}', url := '{url}', correlation_key := '{{{key}}}', columns := {{'pad': 'VARCHAR'}}, merge := {{'pad': 'max'}}{bounds})"
WRITE = """INSERT INTO t BY NAME SELECT correlation_key, octet_length(pad::BLOB) AS size, seq FROM {read}
    ON CONFLICT (correlation_key) DO UPDATE SET size = greatest(t.size, excluded.size), seq = greatest(t.seq, excluded.seq)"""


def read(stream: str, bounds: str = "", key: str = "i") -> str:
    return READ.format(stream=stream, url=URL, key=key, bounds=bounds)


class MergeBound(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, "stream name=LARGE subjects=large")
        cls.checkpoints = []
        with connect() as database:
            for first in (1, PORTION + 1):
                fill(URL, f"messages stream=LARGE subject=large first={first} count={PORTION} size={SIZE} kind=json")
                cls.checkpoints += database.execute(f"SELECT nats_checkpoint('LARGE', '{URL}')").fetchone()
        fill(URL, "stream name=CHANGES subjects=changes.*")
        # Each text is greater than all before it.
        texts = ((i, b'{"i":%d,"pad":"%06d%b"}' % (i, i, b"x" * SIZE)) for i in range(1, CHANGES + 1))
        with fixtures.Wire(URL) as wire:
            publish.into(wire, "CHANGES", (Message(f"changes.{i % KEYS}", text) for i, text in texts))

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def fails(self, bounds: str = "") -> str:
        """The error of a read that needs too much; memory stays bounded meanwhile."""
        # What a read takes once, whatever it reads.
        self.database.execute(f"SELECT count(*) FROM {read('LARGE', ', end_seq := 1')}").fetchall()
        reset_most()
        before = resident_mib("VmRSS")
        with self.assertRaises(duckdb.Error) as caught:
            self.database.execute(f"SELECT count(*) FROM {read('LARGE', bounds)}").fetchall()
        self.assertLess(resident_mib("VmHWM") - before, MEMORY_MIB)
        return str(caught.exception)

    def table(self, *parts: str) -> list[tuple]:
        self.database.execute("CREATE OR REPLACE TABLE t (correlation_key VARCHAR PRIMARY KEY, size BIGINT, seq UBIGINT)")
        for part in parts:
            self.database.execute(WRITE.format(read=read("LARGE", part)))
        return self.database.execute("SELECT count(*), count(DISTINCT correlation_key), min(size) > 990000, max(seq) FROM t").fetchall()

    def test_1_more_is_an_error_and_memory_is_bounded(self):
        error = self.fails()
        self.assertIn("stream 'LARGE'", error)
        self.assertIn("the keys of this read, and what is merged for them, take more than 80 MiB", error)
        self.assertIn("[unsupported]", error)
        for words in ("upto", "end_seq", "durable"):
            self.assertIn(words, error)
        upto = self.checkpoints[1]
        self.assertIn("take more than 80 MiB", self.fails(f", after := NULL, upto := '{upto}'"))

    def test_2_parts_by_checkpoints_make_the_table(self):
        first, second = self.checkpoints
        found = self.table(f", after := NULL, upto := '{first}'", f", after := '{first}', upto := '{second}'")
        self.assertEqual(found, [(COUNT, COUNT, True, COUNT)])

    def test_2_parts_by_sequences_make_the_table(self):
        found = self.table(f", end_seq := {PORTION}", f", start_seq := {PORTION + 1}")
        self.assertEqual(found, [(COUNT, COUNT, True, COUNT)])

    def test_2_calls_on_a_durable_make_the_table(self):
        calls = 0
        self.database.execute("CREATE OR REPLACE TABLE t (correlation_key VARCHAR PRIMARY KEY, size BIGINT, seq UBIGINT)")
        while True:
            self.database.execute(WRITE.format(read=read("LARGE", ", durable := 'd'")))
            [(acked,)] = self.database.execute(f"SELECT acked FROM nats_ack('LARGE', 'd', url := '{URL}')").fetchall()
            if acked == 0:
                break
            calls += 1
        self.assertGreater(calls, 1)
        self.assertEqual(self.database.execute("SELECT count(*), max(seq) FROM t").fetchone(), (COUNT, COUNT))

    def test_3_what_was_replaced_counts_no_more(self):
        """A key needs its folded value alone, however many values came before; neither is it an error, nor is memory taken for them."""
        sql = f"SELECT correlation_key, last_seq, pad[:6], octet_length(pad::BLOB) FROM {read('CHANGES', key='subject')} ORDER BY last_seq"
        reset_most()
        before = resident_mib("VmRSS")
        expected = [(f"changes.{i % KEYS}", i, f"{i:06}", SIZE + 6) for i in range(CHANGES - KEYS + 1, CHANGES + 1)]
        self.assertEqual(self.database.execute(sql).fetchall(), expected)
        self.assertLess(resident_mib("VmHWM") - before, MEMORY_MIB)


if __name__ == "__main__":
    unittest.main()
