"""COPY to a stream stores its rows in that stream, or is an error that says where they went."""

import os
import unittest

import duckdb

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

EXPECTED = "Nats-Expected-Stream"
CONFIG = """
jetstream { store_dir: $STORE_DIR }
accounts {
  APP {
    jetstream: enabled
    mappings { "s.moved": "t.moved", "u.a": "s.mapped" }
    users [
      { user: any, password: pw },
      { user: sender, password: pw, permissions { publish: ["s.>", "t.>"], subscribe: ["_INBOX.>"] } }
    ]
  }
}
"""


class CopyTarget(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"], CONFIG))
        self.urls = {user: self.server.url.replace("//", f"//{user}:pw@") for user in ("any", "sender")}
        with fixtures.Wire(self.urls["any"]) as wire:
            for line in ("stream name=S subjects=s.>", "stream name=T subjects=t.>"):
                fixtures.parse(line, line).apply(wire)
        self.database = connect()
        self.addCleanup(self.database.close)

    def copy(self, *subjects: str, user: str = "any") -> None:
        rows = ", ".join(f"('{subject}', 'x')" for subject in subjects)
        self.database.execute(f"COPY (VALUES {rows}) TO 'S' (FORMAT nats_js, url '{self.urls[user]}')")

    def stored(self, stream: str) -> list[tuple]:
        """The subjects, and the stream that the message was to be in, by its header."""
        sql = f"SELECT subject, headers['{EXPECTED}'] FROM nats_scan('{stream}', url := ?, headers := true) ORDER BY seq"
        return self.database.execute(sql, [self.urls["any"]]).fetchall()

    def test_rows_that_the_stream_captures_are_stored_as_they_are(self):
        self.copy("s.a", "s.b")
        self.assertEqual(self.stored("S"), [("s.a", None), ("s.b", None)])

    def test_a_user_who_may_not_ask_for_the_subjects_names_the_stream(self):
        self.copy("s.a", user="sender")
        self.assertEqual(self.stored("S"), [("s.a", ["S"])])
        with self.assertRaisesRegex(duckdb.Error, "stream 'S'.*subject 't.a'.*expected stream does not match"):
            self.copy("t.a", user="sender")
        self.assertEqual(self.stored("T"), [])

    def test_a_subject_that_the_server_maps_into_the_stream_is_stored(self):
        self.copy("u.a")
        self.assertEqual(self.stored("S"), [("s.mapped", ["S"])])

    def test_a_row_that_another_stream_stored_is_an_error_that_names_it(self):
        with self.assertRaisesRegex(
            duckdb.Error, "stream 'S'.*subject 's.moved', row 2: stream 'T' stored it, as sequence 1.*2 rows were stored: 1, 3"
        ):
            self.copy("s.a", "s.moved", "s.b")
        self.assertEqual(self.stored("S"), [("s.a", None), ("s.b", None)])
        self.assertEqual(self.stored("T"), [("t.moved", None)])


if __name__ == "__main__":
    unittest.main()
