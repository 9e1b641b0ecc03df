"""Events that a table refuses: each is found, becomes a dead letter with the reason, and no other is lost, however often the
consumer delivers."""

import os
import random
import time
import unittest

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
WRITE = """INSERT INTO target SELECT correlation_key, id FROM nats_ingest('{stream}', url := '{url}', durable := 'd', {options},
    columns := {{'id': 'BIGINT'}}, correlation_key := '{{id}}') ON CONFLICT DO NOTHING"""
ACK = """SELECT nats_ack('{stream}', 'd', list(u.seq), '{url}') FROM nats_unsettled('{stream}', 'd', url := '{url}') u
    SEMI JOIN target USING (correlation_key)"""
RETURN = "FROM nats_nak('{stream}', 'd', url := '{url}', {options})"
LETTERS = "SELECT seq_of::UBIGINT, reason FROM (SELECT headers['Dlq-Sequence'][1] AS seq_of, headers['Dlq-Reason'][1] AS reason FROM nats_scan('DLQ', subject := 'dlq.{stream}', headers := true, url := '{url}'))"


class Poison(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, "stream name=DLQ subjects=dlq.>")

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def prepare(self, stream: str, count: int, poison: set[int]) -> None:
        self.stream = stream
        fill(URL, f"stream name={stream} subjects={stream}", f"messages stream={stream} subject={stream} count={count} " + """payload='{"id":{i}}'""")
        refused = ", ".join(map(str, poison))
        self.database.execute(f"CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT CHECK (id NOT IN ({refused})))")

    def run_sql(self, statement: str, options: str = "") -> list[tuple]:
        return self.database.execute(statement.format(stream=self.stream, url=URL, options=options)).fetchall()

    def consumer(self) -> dict:
        with fixtures.Wire(URL) as wire:
            return wire.request(f"CONSUMER.INFO.{self.stream}.d")

    def step(self, read: str) -> int | None:
        """What a follower does: the number of rows that were written; None when the statement failed."""
        try:
            self.run_sql(WRITE, read)
        except duckdb.ConstraintException as error:
            failed = str(error).splitlines()[0].replace("'", "")
            self.assertEqual(self.run_sql(ACK), [(0,)])
            self.run_sql(RETURN, f"reason := '{failed}', dlq_subject := 'dlq.{self.stream}'")
            return None
        (acked,) = self.run_sql(ACK)[0]
        self.assertEqual(self.run_sql(RETURN, "delay := INTERVAL 0 SECONDS"), [(0, None, 0, 0)])
        return acked

    def follow(self, read: str) -> list[int | None]:
        steps = []
        while not steps or steps[-1] != 0:
            self.assertLess(len(steps), 500)
            steps.append(self.step(read))
        return steps

    def check(self, count: int, poison: set[int]) -> None:
        self.assertEqual(self.run_sql("SELECT count(*), sum(id) FROM target"), [(count - len(poison), sum(set(range(1, count + 1)) - poison))])
        letters = self.run_sql(LETTERS)
        self.assertEqual(sorted(seq for seq, _ in letters), sorted(poison))
        self.assertTrue(all("CHECK constraint failed" in reason for _, reason in letters), letters)
        info = self.consumer()
        self.assertEqual((info["num_pending"], info["num_ack_pending"]), (0, 0))
        self.assertEqual(self.run_sql("SELECT value FROM nats_stats() WHERE name = 'given_up'"), [(0,)])

    def test_one_in_ten(self):
        """Three deliveries: the third return of the ten would be the last of all of them."""
        self.prepare("TEN", 10, {4})
        self.follow("max_deliver := 3")
        self.check(10, {4})

    def test_the_first_delivery_is_the_last(self):
        self.prepare("ONCE", 20, {1, 20})
        self.follow("max_deliver := 1, max_messages := 10")
        self.check(20, {1, 20})

    def test_random_poison(self):
        for seed, most in enumerate((2, 3, -1)):
            with self.subTest(max_deliver=most):
                chance = random.Random(seed)
                poison = set(chance.sample(range(1, 301), 5))
                self.database.execute("DROP TABLE IF EXISTS target")
                self.prepare(f"RANDOM{seed}", 300, poison)
                self.follow(f"max_deliver := {most}, max_messages := 64")
                self.check(300, poison)

    def test_the_rest_goes_on_at_full_size(self):
        self.prepare("FULL", 1_000, {100})
        steps = self.follow("max_messages := 200")
        self.assertEqual([step for step in steps if step == 200], [200] * 4)
        # The batch, the batch again, and its halves down to one: 100, 50, 25, 13 or 12, 7 or 6, ...
        self.assertEqual(steps[:2], [None, None])
        self.assertLess(len(steps), 25)
        self.check(1_000, {100})

    def test_what_is_kept_is_not_delivered_meanwhile(self):
        """Searching takes longer than ack_wait: the server is told that the messages are in hand."""
        self.prepare("SLOW", 40, {33})
        read = "max_messages := 40, max_deliver := 2, ack_wait := INTERVAL 2 SECONDS"
        steps, started = [], time.monotonic()
        while not steps or steps[-1] != 0:
            self.assertLess(len(steps), 100)
            steps.append(self.step(read))
            time.sleep(0.4)
        self.assertGreater(time.monotonic() - started, 4)
        self.check(40, {33})
        # Each message twice at most: the batch, and the batch again.
        self.assertLessEqual(self.consumer()["delivered"]["consumer_seq"], 80)

    def test_a_message_that_is_deleted_while_it_is_kept(self):
        self.prepare("GONE", 4, {2})
        for _ in range(2):
            self.assertIsNone(self.step("ack_wait := INTERVAL 20 SECONDS"))
        with fixtures.Wire(URL) as wire:
            for seq in (1, 2):
                wire.request("STREAM.MSG.DELETE.GONE", {"seq": seq})
        self.assertEqual(self.follow("ack_wait := INTERVAL 20 SECONDS"), [2, 0])
        self.assertEqual(self.run_sql("SELECT list(id ORDER BY id) FROM target"), [([3, 4],)])
        info = self.consumer()
        self.assertEqual((info["num_pending"], info["num_ack_pending"]), (0, 0))

    def test_an_error_of_our_own_isolates_too(self):
        """A message that is no event fails every statement that reads it: the others are written, and it waits."""
        self.prepare("OWN", 20, {0})
        fill(URL, "message stream=OWN subject=OWN payload=poison", "messages stream=OWN subject=OWN first=21 count=20 " + """payload='{"id":{i}}'""")
        for _ in range(40):
            try:
                self.run_sql(WRITE, "max_deliver := 4")
                self.run_sql(ACK)
                self.run_sql(RETURN, "delay := INTERVAL 1 HOUR")
            except duckdb.InvalidInputException as error:
                self.assertIn("sequence 21", str(error))
        self.assertEqual(self.run_sql("SELECT count(*) FROM target"), [(40,)])
        self.assertEqual(self.consumer()["num_ack_pending"], 1)


if __name__ == "__main__":
    unittest.main()
