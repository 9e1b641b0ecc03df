"""Merging rows of one key: whatever the batches, and whatever is rolled back and comes again, one table comes of it."""

import os
import random
import unittest

from integration.host import connect
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 900
READ = """nats_ingest('S', url := '{url}', {source}, correlation_key := '{{key}}',
    columns := {{'pct': 'INTEGER', 'rev': 'INTEGER', 'low': 'INTEGER', 'first_title': 'VARCHAR', 'title': 'VARCHAR'}}, {merge})"""
TRUTH = """SELECT key AS correlation_key, max(pct) AS pct, min(low) AS low, min_by(title, seq) AS first_title, max_by(title, seq) AS title,
        min(seq) AS first_seq, max(seq) AS seq
    FROM nats_scan('S', url := '{url}', columns := {{'key': 'VARCHAR', 'pct': 'INTEGER', 'low': 'INTEGER', 'title': 'VARCHAR'}}) GROUP BY ALL"""
NEWEST = """SELECT key AS correlation_key, max_by(title, rev * 100000 + seq) AS title, max(rev) AS rev, max_by(seq, rev * 100000 + seq) AS seq
    FROM nats_scan('S', url := '{url}', columns := {{'key': 'VARCHAR', 'rev': 'INTEGER', 'title': 'VARCHAR'}}) GROUP BY ALL"""
MERGED = """INSERT INTO target BY NAME SELECT correlation_key, pct, low, first_title, title, first_seq, seq FROM {read}
    ON CONFLICT (correlation_key) DO UPDATE SET pct = greatest(target.pct, excluded.pct), low = least(target.low, excluded.low),
    first_title = CASE WHEN excluded.first_seq < target.first_seq THEN excluded.first_title ELSE target.first_title END,
    first_seq = least(target.first_seq, excluded.first_seq),
    title = CASE WHEN excluded.seq > target.seq THEN excluded.title ELSE target.title END, seq = greatest(target.seq, excluded.seq)"""
ORDERED = """INSERT INTO target BY NAME SELECT correlation_key, title, rev, seq FROM {read}
    ON CONFLICT (correlation_key) DO UPDATE SET title = excluded.title, rev = excluded.rev, seq = excluded.seq
    WHERE excluded.rev > target.rev OR (excluded.rev = target.rev AND excluded.seq > target.seq)"""
MERGES = [
    (MERGED, "merge := {'pct': 'max', 'low': 'min', 'first_title': 'first', 'title': 'last'}", TRUTH,
     "correlation_key VARCHAR PRIMARY KEY, pct INTEGER, low INTEGER, first_title VARCHAR, title VARCHAR, first_seq UBIGINT, seq UBIGINT"),
    (ORDERED, "keep := 'last', order_by := 'rev'", NEWEST,
     "correlation_key VARCHAR PRIMARY KEY, title VARCHAR, rev INTEGER, seq UBIGINT"),
]


class Merges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        payload = '{"key":"k{i%41}","pct":{i%89},"low":{i%53},"rev":{i%17},"title":"t{i}","first_title":"t{i}"}'
        fill(URL, "stream name=S subjects=s", f"messages stream=S subject=s count={COUNT} payload='{payload}'")

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def run_sql(self, statement: str) -> list[tuple]:
        return self.database.execute(statement).fetchall()

    def prepare(self, columns: str) -> None:
        self.run_sql(f"CREATE OR REPLACE TABLE target ({columns})")

    def differences(self, truth: str) -> int:
        [(count,)] = self.run_sql(f"""SELECT count(*) FROM ((FROM target EXCEPT SELECT * FROM ({truth.format(url=URL)}))
            UNION ALL (SELECT * FROM ({truth.format(url=URL)}) EXCEPT FROM target))""")
        return count

    def test_a_range_in_parts_that_overlap_and_come_in_any_order(self):
        numbers = random.Random(15)
        for write, merge, truth, columns in MERGES:
            self.prepare(columns)
            size = numbers.randrange(100, 700)
            parts = [(start, start + size - 1 + numbers.randrange(0, 40)) for start in range(1, COUNT + 1, size)]
            numbers.shuffle(parts)
            for start, end in parts:
                source = f"start_seq := {start}, end_seq := {end}"
                self.run_sql(write.format(read=READ.format(url=URL, source=source, merge=merge)))
            self.assertEqual(self.differences(truth), 0, merge)

    def test_a_durable_whose_batches_are_rolled_back_and_come_again(self):
        """The evidence is a table of the sequences of each batch, written in the transaction that writes the rows."""
        numbers = random.Random(15)
        self.run_sql("CREATE TABLE seen (seq UBIGINT)")
        for index, (write, merge, truth, columns) in enumerate(MERGES):
            self.prepare(columns)
            durable, rolled_back, given = f"d{index}", 0, 0
            acknowledge = f"""SELECT coalesce(nats_ack('S', '{durable}', list(u.seq), '{URL}'), 0)
                FROM nats_unsettled('S', '{durable}', url := '{URL}') u SEMI JOIN seen USING (seq)"""
            for _ in range(400):
                source = f"durable := '{durable}', max_messages := {numbers.randrange(1, 200)}"
                self.run_sql("BEGIN")
                self.run_sql(write.format(read=READ.format(url=URL, source=source, merge=merge)))
                [(batch,)] = self.run_sql(f"SELECT count(*) FROM nats_unsettled('S', '{durable}', url := '{URL}')")
                self.run_sql(f"INSERT INTO seen SELECT seq FROM nats_unsettled('S', '{durable}', url := '{URL}')")
                fails = numbers.random() < 0.2
                self.run_sql("ROLLBACK" if fails else "COMMIT")
                self.assertEqual(self.run_sql(acknowledge), [(0 if fails else batch,)])
                self.run_sql("DELETE FROM seen")
                self.run_sql(f"FROM nats_nak('S', '{durable}', url := '{URL}')")
                rolled_back += batch if fails else 0
                given += 0 if fails else batch
                if given >= COUNT:
                    break
            self.assertEqual(given, COUNT)
            self.assertGreater(rolled_back, 0)
            with fixtures.Wire(URL) as wire:
                info = wire.request(f"CONSUMER.INFO.S.{durable}")
            self.assertEqual((info["num_pending"], info["num_ack_pending"]), (0, 0))
            self.assertEqual(self.differences(truth), 0, merge)

    def test_what_a_durable_holds_in_memory_is_bounded(self):
        """A call that holds its messages ends before it holds all; the next ones go on."""
        count, size = 150, 1_000_000
        fill(URL, "stream name=LARGE subjects=large", f"messages stream=LARGE subject=large count={count} size={size} kind=text")
        read = f"""SELECT count(*), sum(octet_length(payload))::BIGINT FROM nats_ingest('LARGE', url := '{URL}', durable := 'd', correlation_key := '{{seq}}',
            keep := 'last')"""
        [(first, held)] = self.run_sql(read)
        self.assertLess(held, 80 * 1024 * 1024)
        self.assertEqual(self.run_sql(f"SELECT acked FROM nats_ack('LARGE', 'd', url := '{URL}')"), [(first,)])
        rest = 0
        while True:
            [(more, _)] = self.run_sql(read)
            self.run_sql(f"FROM nats_ack('LARGE', 'd', url := '{URL}')")
            if more == 0:
                break
            rest += more
        self.assertEqual(first + rest, count)


if __name__ == "__main__":
    unittest.main()
