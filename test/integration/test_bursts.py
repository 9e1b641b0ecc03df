"""Events that come in bursts, by groups side by side, and into a table that is slow: each of them once in the table, none delivered twice.
How fast that is at least is in `BENCH_ONLY=floors make bench`."""

import os
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from integration.host import connect
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
READ = (
    "INSERT INTO {} SELECT correlation_key, seq FROM nats_ingest(?, url := ?, durable := ?, subject := ?, correlation_key := '{{id}}', "
    "columns := {{'id': 'VARCHAR'}}, max_messages := ?, max_wait := INTERVAL 300 MILLISECONDS) ON CONFLICT DO NOTHING"
)
ACKNOWLEDGE = "SELECT nats_ack('{0}', '{1}', list(u.seq), {{'url': ?}}) FROM nats_unsettled('{0}', '{1}', url := ?) u SEMI JOIN {2} USING (correlation_key)"


class Bursts(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def table(self, name: str) -> None:
        self.database.execute(f"CREATE TABLE {name} (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT)")

    def take(self, stream: str, durable: str, table: str, most: int = 1000, subject: str = ">", pause: float = 0) -> None:
        """All that a durable has, batch by batch: inserted, and then acknowledged. `pause`: what storing a batch takes besides."""
        database = self.database.cursor()
        while True:
            [(rows,)] = database.execute(READ.format(table), [stream, URL, durable, subject, most]).fetchall()
            if not rows:
                return
            time.sleep(pause)
            database.execute(ACKNOWLEDGE.format(stream, durable, table), [URL, URL]).fetchall()

    def check(self, table: str, count: int) -> None:
        found = self.database.execute(f"SELECT count(*), count(DISTINCT seq), count(DISTINCT correlation_key) FROM {table}").fetchall()
        self.assertEqual(found, [(count, count, count)])

    def publish(self, subject: str, first: int, count: int) -> None:
        self.database.cursor().execute(
            f"SELECT count(nats_publish('{subject}', {{'id': '{subject}-' || i}}::JSON, NULL, {{'url': ?}})) FROM range({first}, {first + count}) t(i)", [URL]
        ).fetchall()

    def settled(self, stream: str) -> None:
        lag = self.database.execute("SELECT sum(num_pending + num_ack_pending) FROM nats_consumers(?, url := ?)", [stream, URL]).fetchall()
        self.assertEqual(lag, [(0,)])
        again = self.database.execute("SELECT value FROM nats_stats() WHERE name = 'redelivered'").fetchall()
        self.assertEqual(again, [(0,)])

    def test_five_bursts_of_200(self):
        fill(URL, "stream name=BURST subjects=burst.>")
        self.table("bursts")
        for number in range(5):
            self.publish("burst.a", 200 * number, 200)
            self.take("BURST", "d", "bursts", most=70)
            self.check("bursts", 200 * (number + 1))
        self.settled("BURST")

    def test_ten_groups_of_1000(self):
        fill(URL, "stream name=GROUPS subjects=groups.>")
        for number in range(10):
            self.table(f"group_{number}")
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(lambda n: self.publish(f"groups.{n}", 0, 1000), range(10)))
            list(pool.map(lambda n: self.take("GROUPS", f"d{n}", f"group_{n}", subject=f"groups.{n}"), range(10)))
        for number in range(10):
            self.check(f"group_{number}", 1000)
        self.settled("GROUPS")

    def test_ten_thousand_appends(self):
        fill(URL, "stream name=APPENDS subjects=appends.>")
        self.table("appended")
        self.publish("appends.a", 0, 10_000)
        self.take("APPENDS", "d", "appended")
        self.check("appended", 10_000)
        self.settled("APPENDS")

    def test_a_table_that_takes_50_ms_for_100_rows(self):
        fill(URL, "stream name=SLOW subjects=slow.>")
        self.table("slow")
        self.publish("slow.a", 0, 1000)
        self.take("SLOW", "d", "slow", most=100, pause=0.05)
        self.check("slow", 1000)
        self.settled("SLOW")


if __name__ == "__main__":
    unittest.main()
