"""Every recipe with a message in its stream that is none of what it reads: a clear error, nothing of it in a table, nothing lost; and once the
message is gone, the recipe comes to its end. Those that have dead letters of their own show the same by themselves."""

import os
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

import duckdb

from integration.host import connect
from integration.streams import fill, state
from scripts import fixtures, paths
from scripts.nats_server import Server

EXAMPLES = paths.ROOT / "examples"


@dataclass(frozen=True)
class Wrong:
    """A message with `payload` to `subject`, which `stream` captures; what the error says beside its sequence; and the tables that must be empty
    afterwards."""

    recipe: str
    stream: str
    subject: str
    payload: bytes = b'{"no": JSON'
    error: str = "JSON"
    empty: tuple[str, ...] = ()


CASES = (
    Wrong("quickstart.sql", "MEDIA_EVENTS", "playback.plex.movie"),
    Wrong("follow.sql", "MEDIA_EVENTS", "playback.plex.movie", empty=("events",)),
    Wrong("follow.sql", "MEDIA_EVENTS", "playback.plex.movie", b'{"event_id":"x","user_id":"nobody"}', "user_id", ("events",)),
    Wrong("media_audit.sql", "PLAYS", "plays.plex", empty=("plays", "discarded")),
    Wrong("media_audit.sql", "PLAYS", "plays.plex", b'{"session":"s","user":1,"item":"i","at":"2024-01-15T10:34:58Z"}', "event_id", ("plays", "discarded")),
    Wrong("dead_letters.sql", "DLQ_EVENTS", "dlq.orders", empty=("letters",)),
    Wrong("cloud_events.sql", "SERVICES", "auth.user.created", b'{"type":"user.created","source":"auth","organization_id":"org1"}', "id", ("users", "prices")),
    Wrong("cloud_events_1_0.sql", "CLOUD", "cloud.orders", empty=("cloud_events",)),
    Wrong("event_sourcing.sql", "ACCOUNTS", "accounts.1", b'{"account":1,"entry":1001,"amount":"much"}', "amount"),
)


class WrongInput(unittest.TestCase):
    def start(self) -> duckdb.DuckDBPyConnection:
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        os.environ["NATS_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "NATS_URL", None)
        return self.session()

    def session(self) -> duckdb.DuckDBPyConnection:
        file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "a.duckdb"
        database = connect(str(file))
        self.addCleanup(database.close)
        return database

    def publish(self, subject: str, payload: bytes) -> None:
        with fixtures.Wire(self.server.url) as wire:
            wire.publish([fixtures.Message(subject, payload)])

    def count(self, database: duckdb.DuckDBPyConnection, table: str) -> int:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def run_with(self, case: Wrong) -> None:
        database, text = self.start(), (EXAMPLES / case.recipe).read_text()
        fixtures.needs(EXAMPLES / case.recipe).prepare(self.server.url)
        self.publish(case.subject, case.payload)
        wrong = state(self.server.url, case.stream)["last_seq"]
        with self.assertRaises(duckdb.Error) as caught:
            database.execute(text)
        self.assertRegex(str(caught.exception), case.error)
        self.assertIn(str(wrong), str(caught.exception))
        if database.execute("SELECT txid_current() IS NULL").fetchone()[0]:
            database.execute("ROLLBACK")
        self.assertEqual({table: self.count(database, table) for table in case.empty}, dict.fromkeys(case.empty, 0))
        self.assertGreaterEqual(state(self.server.url, case.stream)["messages"], wrong)
        database.execute(f"FROM nats_message_delete('{case.stream}', {wrong}, confirm := true)").fetchall()
        for (durable,) in database.execute(f"SELECT name FROM nats_consumers('{case.stream}')").fetchall():
            database.execute(f"FROM nats_nak('{case.stream}', '{durable}')").fetchall()
        database.execute(text)
        self.assertTrue(all(self.count(database, table) for table in case.empty if table != "discarded"))

    def test_a_message_that_is_none_of_what_is_read(self):
        for case in CASES:
            with self.subTest(recipe=case.recipe, payload=case.payload):
                self.run_with(case)

    def test_a_replay_goes_on_from_its_checkpoint(self):
        database, text = self.start(), (EXAMPLES / "replay.sql").read_text()
        fill(self.server.url, "stream name=PLAYS subjects=plays.>",
             'messages stream=PLAYS subject=plays.{i%2} count=999 payload=\'{"play":{i},"user":{i%10},"minutes":{i%7}}\'')
        self.publish("plays.0", b'{"play":"none"}')
        with self.assertRaisesRegex(duckdb.Error, "1000"):
            database.execute(text)
        database.execute("ROLLBACK")
        self.assertEqual((self.count(database, "minutes"), self.count(database, "checkpoints")), (400, 0))
        database.execute("FROM nats_message_delete('PLAYS', 1000, confirm := true)").fetchall()
        self.publish("plays.0", b'{"play":1000,"user":0,"minutes":6}')
        database.execute(text[text.index("-- A dry run"):])
        self.assertEqual((self.count(database, "minutes"), self.count(database, "checkpoints")), (1000, 2))

    def test_a_snapshot_of_what_is_no_event_is_none(self):
        database = self.start()
        fixtures.needs(EXAMPLES / "aggregate.sql").prepare(self.server.url)
        self.publish("baskets.b2", b"nothing")
        with self.assertRaisesRegex(duckdb.Error, "JSON"):
            database.execute((EXAMPLES / "aggregate.sql").read_text())
        self.assertEqual(self.count(database, "snapshot"), 0)
        # Both events that were appended before it are there.
        self.assertEqual(state(self.server.url, "BASKETS")["messages"], 3)

    def test_dead_letters_are_sent_again_as_they_are(self):
        database = self.start()
        fixtures.needs(EXAMPLES / "inspect.sql").prepare(self.server.url)
        self.publish("dlq.media", b"\xff\x00 no text")
        database.execute((EXAMPLES / "inspect.sql").read_text())
        read = "SELECT payload FROM nats_scan('MEDIA_EVENTS', subject := 'playback.replay.3')"
        self.assertEqual(database.execute(read).fetchall(), [(b"\xff\x00 no text",)])

    def test_a_projection_of_a_stream_that_is_gone_is_bad(self):
        database = self.start()
        fixtures.needs(EXAMPLES / "monitoring.sql").prepare(self.server.url)
        database.execute((EXAMPLES / "monitoring.sql").read_text())
        database.execute("INSERT INTO projections VALUES ('lost', 'GONE', 7)")
        self.assertEqual(database.execute("SELECT lag FROM lags WHERE name = 'lost'").fetchall(), [(None,)])
        self.assertEqual(database.execute("SELECT status FROM health WHERE what = 'lag of lost'").fetchall(), [("bad",)])

    def test_a_row_that_no_stream_takes_waits_in_the_outbox(self):
        database = self.start()
        fixtures.needs(EXAMPLES / "outbox.sql").prepare(self.server.url)
        database.execute((EXAMPLES / "outbox.sql").read_text())
        database.execute("INSERT INTO outbox (subject, payload) VALUES ('nobody.listens', 'x'), ('shop.order.1', 'y')")
        relay = "UPDATE outbox SET answer = nats_try_publish(subject, payload, MAP {'Nats-Msg-Id': 'outbox-' || id}) WHERE answer.seq IS NULL"
        database.execute(relay)
        [(error, right)] = database.execute("SELECT any_value(answer.error) FILTER (subject = 'nobody.listens'), count(answer.seq) FILTER (payload = 'y') FROM outbox").fetchall()
        self.assertIn("nobody.listens", error)
        self.assertEqual(right, 1)


if __name__ == "__main__":
    unittest.main()
