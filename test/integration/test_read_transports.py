"""The contract of the read transports: whichever way requests go out and replies come in, a read gives the same rows and the
same errors. Each test runs over a socket of the read's own, and over the shared client.
"""

import os
import unittest

import duckdb

from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 3000
HOLES = {seq for seq in range(1, COUNT + 1) if seq % 7 == 0}
# What a frame may look like: payloads of every kind, with no headers, some, or some twice.
MESSAGES = [
    ("forms.text", b"text", {}),
    ("forms.empty", b"", {}),
    ("forms.empty.headers", b"", {"a": ["1"]}),
    ("forms.line.ends", b"\r\n\r\nMSG x 1 0\r\n", {}),
    ("forms.bytes", bytes(range(256)), {"Content-Type": ["application/octet-stream"]}),
    ("forms.twice", b"x", {"k": ["1", "2"], "K": ["3"]}),
    ("forms.utf8", "grüße".encode(), {"name": ["grüße"]}),
    ("forms.long", b"0123456789abcdef" * 40_000, {"long": ["v" * 3000]}),
    ("forms.like.the.server", b"y", {"Description": ["EOB"], "Trace": ["Nats-Sequence: 1"]}),
]


def setUpModule():
    fill(
        URL, "stream name=T subjects=t.> allow_direct=true",
        f"messages stream=T subject=t.{{i%3}} count={COUNT} size=64", "holes stream=T every=7",
        "stream name=FORMS subjects=forms.> allow_direct=true", "stream name=EMPTY subjects=empty allow_direct=true",
    )
    with connect() as connection:
        for subject, payload, headers in MESSAGES:
            publish = "SELECT nats_publish($subject, $payload, $headers::MAP(VARCHAR, VARCHAR[]), {'url': $url})"
            connection.execute(publish, {"subject": subject, "payload": payload, "headers": headers, "url": URL})


class OverASocket(unittest.TestCase):
    """Over the extension's own reader of replies."""

    # Whether the proxy lets one connection through at a time, so that a read cannot open its own.
    alone = False

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)
        self.proxy = Proxy(URL, alone=self.alone)
        self.connects = 0
        self.proxy.sent = self.sent
        self.proxy.__enter__()
        self.addCleanup(self.proxy.__exit__)

    def sent(self, data: bytes) -> None:
        self.connects += data.count(b"CONNECT {")

    def rows(self, query: str) -> list:
        return self.connection.execute(query.replace("URL", f"url := '{self.proxy.url}'")).fetchall()

    def sequences(self, query: str) -> list[int]:
        return [seq for (seq,) in self.rows(query)]

    def assert_transport(self) -> None:
        if self.alone:
            self.assertEqual(self.connects, 1)
        else:
            self.assertGreater(self.connects, 1)

    def test_every_message_comes_once_and_in_order(self):
        self.assertEqual(
            self.sequences("SELECT seq FROM nats_scan('T', URL)"), [s for s in range(1, COUNT + 1) if s not in HOLES]
        )
        self.assert_transport()

    def test_a_message_comes_as_it_was_published(self):
        found = self.rows("SELECT subject, payload, headers FROM nats_scan('FORMS', headers := true, URL)")
        self.assertEqual(found, MESSAGES)
        self.assert_transport()

    def test_each_part_by_itself(self):
        # A part that is not wanted is not read from the frame; the others must not move.
        every = self.rows("SELECT subject, seq, ts_nats, payload FROM nats_scan('FORMS', URL)")
        self.assertEqual([seq for _, seq, _, _ in every], list(range(1, len(MESSAGES) + 1)))
        for position, column in enumerate(("subject", "seq", "ts_nats", "payload")):
            with self.subTest(column=column):
                found = self.rows(f"SELECT {column} FROM nats_scan('FORMS', URL)")
                self.assertEqual(found, [(row[position],) for row in every])
        self.assertEqual(self.rows("SELECT count(*) FROM nats_scan('FORMS', URL)"), [(len(MESSAGES),)])
        self.assert_transport()

    def test_a_filter(self):
        # Three subjects take turns.
        [(first,)] = self.rows("SELECT subject FROM nats_scan('T', end_seq := 1, URL)")
        own = [s for s in range(1, COUNT + 1) if s not in HOLES and (s - 1) % 3 == 0]
        self.assertEqual(self.sequences(f"SELECT seq FROM nats_scan('T', subject := '{first}', URL)"), own)
        self.assertEqual(self.sequences("SELECT seq FROM nats_scan('T', subject := 't.none', URL)"), [])
        self.assert_transport()

    def test_ends_of_ranges(self):
        for start, end, expected in (
            (1, 1, [1]), (7, 7, []), (6, 8, [6, 8]), (COUNT, COUNT + 10, [COUNT]), (COUNT + 1, COUNT + 10, []),
        ):
            with self.subTest(start=start, end=end):
                query = f"SELECT seq FROM nats_scan('T', start_seq := {start}, end_seq := {end}, URL)"
                self.assertEqual(self.sequences(query), expected)
        self.assertEqual(self.sequences("SELECT seq FROM nats_scan('EMPTY', URL)"), [])

    def test_a_read_that_stops_early_leaves_nothing_to_the_next(self):
        for start in range(1, 400, 40):
            expected = [s for s in range(start, start + 20) if s not in HOLES][:3]
            query = f"SELECT seq FROM nats_scan('T', start_seq := {start}, URL) LIMIT 3"
            self.assertEqual(self.sequences(query), expected)
        self.assert_transport()

    def test_reads_side_by_side(self):
        query = """SELECT count(*), sum(a.seq) FROM nats_scan('T', URL) a JOIN nats_scan('T', start_seq := 1001, URL) b USING (seq)"""
        common = [s for s in range(1001, COUNT + 1) if s not in HOLES]
        self.assertEqual(self.rows(query), [(len(common), sum(common))])
        self.assert_transport()

    def test_messages_by_their_sequences(self):
        wanted = [COUNT, 7, 1, 700, 2, COUNT + 5, 1]
        found = self.sequences(f"SELECT seq FROM nats_get('T', {wanted}, URL)")
        self.assertEqual(found, [COUNT, 1, 2, 1])
        many = [s for s in range(1, 1200) if s not in HOLES]
        self.assertEqual(self.sequences(f"SELECT seq FROM nats_get('T', {many}, URL)"), many)
        self.assert_transport()

    def test_the_newest_of_each_subject(self):
        newest = {}
        for s in (s for s in range(1, COUNT + 1) if s not in HOLES):
            newest[(s - 1) % 3] = s
        self.assertEqual(self.sequences("SELECT seq FROM nats_last('T', 't.>', URL)"), sorted(newest.values()))

    def test_a_stream_that_does_not_exist(self):
        with self.assertRaisesRegex(duckdb.Error, r"stream 'NONE'.*no such stream.*\[not_found\]"):
            self.rows("SELECT * FROM nats_scan('NONE', URL)")


class OverTheClient(OverASocket):
    """Over async-nats, which reads where no second connection can be made."""

    alone = True


if __name__ == "__main__":
    unittest.main()
