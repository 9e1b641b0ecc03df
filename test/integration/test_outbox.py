"""An outbox of docs/outbox.md at the size of the trap that it avoids: 200 000 rows, one of which can never be stored."""

import os
import unittest

from integration.host import connect
from integration.streams import fill, state

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 200_000
BAD = 131_313
RELAY = f"""UPDATE outbox SET answer = nats_try_publish(subject, payload, MAP {{'Nats-Msg-Id': 'outbox-' || id}}, '{URL}')
    WHERE answer.seq IS NULL"""


class Outbox(unittest.TestCase):
    def setUp(self):
        fill(URL, "stream name=ORDERS subjects=orders.>")
        self.database = connect()
        self.addCleanup(self.database.close)
        self.database.execute(f"""CREATE TABLE outbox AS SELECT id, CASE WHEN id = {BAD} THEN 'orders.*' ELSE 'orders.' || (id % 7) END AS subject,
            '{{"id":' || id || '}}' AS payload, NULL::STRUCT(stream VARCHAR, seq UBIGINT, duplicate BOOLEAN, val VARCHAR, error VARCHAR) AS answer
            FROM range({COUNT}) t(id)""")

    def one(self, sql: str) -> tuple:
        return self.database.execute(sql).fetchone()

    def relay(self) -> int:
        """Runs the relay; how many messages it sent."""
        sent = "SELECT value FROM nats_stats() WHERE name = 'published'"
        before = self.one(sent)[0]
        self.database.execute(RELAY)
        return self.one(sent)[0] - before

    def marks(self) -> tuple:
        """Rows that are marked as stored, the sequences that they name, those that were duplicates, and those with an error."""
        return self.one("SELECT count(answer.seq), count(DISTINCT answer.seq), count(*) FILTER (answer.duplicate), count(answer.error) FROM outbox")

    def check_stored(self, count: int) -> None:
        """The stream holds each of so many rows once, and each row that is marked names its own message."""
        self.assertEqual(state(URL, "ORDERS")["messages"], count)
        self.assertEqual(state(URL, "ORDERS")["last_seq"], count)
        self.assertEqual(
            self.one(f"""SELECT count(*) FROM outbox JOIN nats_scan('ORDERS', url := '{URL}', columns := {{'id': 'BIGINT'}}) s
                ON s.seq = answer.seq AND s.id = outbox.id AND s.subject = outbox.subject"""),
            (count,),
        )

    def test_one_bad_subject_among_many(self):
        self.assertEqual(self.relay(), COUNT - 1)
        self.assertEqual(self.marks(), (COUNT - 1, COUNT - 1, 0, 1))
        self.check_stored(COUNT - 1)
        [bad], text = self.one("SELECT list(id), any_value(answer.error) FROM outbox WHERE answer.error IS NOT NULL")
        self.assertEqual(bad, BAD)
        self.assertRegex(text, r"subject 'orders\.\*': .*wildcard.* \[misuse\]$")
        # Again, with nothing that could be stored: nothing is sent.
        self.assertEqual(self.relay(), 0)
        self.assertEqual(self.marks(), (COUNT - 1, COUNT - 1, 0, 1))
        self.check_stored(COUNT - 1)
        # Once the row is mended, it is sent alone.
        self.database.execute(f"UPDATE outbox SET subject = 'orders.7' WHERE id = {BAD}")
        self.assertEqual(self.relay(), 1)
        self.assertEqual(self.marks(), (COUNT, COUNT, 0, 0))
        self.check_stored(COUNT)


if __name__ == "__main__":
    unittest.main()
