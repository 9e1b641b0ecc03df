"""In which way nats_last asks: the past by whichever way costs less, and a stream that goes away between two questions is an error."""

import os
import unittest

import duckdb

from fixtures.wire import Wire
from integration.host import connect
from integration.proxy import Proxy
from integration.streams import fill
from scripts.nats_server import Server

BATCHES = b'"batch":'
LAST_OF_SEVERAL = b'"multi_last":'


class LastWays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))

    def setUp(self):
        self.proxy = self.enterContext(Proxy(self.server.url))
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def asked(self, statement: str) -> tuple[list[tuple], set[bytes]]:
        """The rows of a statement, and the ways in which the server was asked."""
        seen = []
        self.proxy.sent = seen.append
        rows = self.connection.execute(statement.format(url=self.proxy.url)).fetchall()
        self.proxy.sent = lambda data: None
        return rows, {way for way in (BATCHES, LAST_OF_SEVERAL) if way in b"".join(seen)}

    def newest(self, stream: str, up_to: int) -> list[tuple]:
        """The right answer, from all messages."""
        return self.connection.execute(
            f"SELECT subject, max(seq) FROM nats_scan('{stream}', end_seq := {up_to}, url := '{self.server.url}') GROUP BY ALL ORDER BY 2"
        ).fetchall()

    def past(self, stream: str, up_to: int, subject: str = "'>'") -> tuple[list[tuple], set[bytes]]:
        return self.asked(f"SELECT subject, seq FROM nats_last('{stream}', {subject}, up_to_seq := {up_to}, url := '{{url}}') ORDER BY 2")

    def test_the_past_of_many_subjects_is_read(self):
        fill(self.server.url, "stream name=MANY subjects=many.>", "messages stream=MANY subject=many.{i%3000} count=9000")
        rows, ways = self.past("MANY", 7000)
        self.assertEqual(len(rows), 3000)
        self.assertEqual(rows, self.newest("MANY", 7000))
        self.assertEqual(ways, {BATCHES})
        # The present needs no look at the past.
        rows, ways = self.asked("SELECT count(*) FROM nats_last('MANY', '>', url := '{url}')")
        self.assertEqual((rows, ways), ([(3000,)], {LAST_OF_SEVERAL}))

    def test_the_past_of_few_subjects_with_many_messages_is_asked_for(self):
        fill(self.server.url, "stream name=FEW subjects=few.>", "messages stream=FEW subject=few.{i%3} count=9000")
        rows, ways = self.past("FEW", 7000)
        self.assertEqual(rows, self.newest("FEW", 7000))
        # The two messages behind the oldest row are read, as proof.
        self.assertEqual(ways, {LAST_OF_SEVERAL, BATCHES})

    def test_the_past_of_named_subjects_is_asked_for(self):
        fill(self.server.url, "stream name=NAMED subjects=named.>", "messages stream=NAMED subject=named.{i%3000} count=9000")
        rows, ways = self.past("NAMED", 7000, "['named.1', 'named.2', 'named.nowhere']")
        self.assertEqual(rows, [row for row in self.newest("NAMED", 7000) if row[0] in ("named.1", "named.2")])
        self.assertEqual(ways, {LAST_OF_SEVERAL})

    def test_the_past_comes_in_the_order_of_sequences(self):
        """Also where a server is asked for one subject at a time, and too many messages stand behind the oldest row."""
        server = self.enterContext(Server("2.10.26"))
        fill(server.url, "stream name=O subjects=o.>", "message stream=O subject=o.b payload=x", "messages stream=O subject=o.a count=500", "message stream=O subject=o.c payload=x")
        sql = f"SELECT seq FROM nats_last('O', ['o.c', 'o.a', 'o.b'], up_to_seq := 502, url := '{server.url}')"
        self.assertEqual(self.connection.execute(sql).fetchall(), [(1,), (501,), (502,)])

    def test_a_stream_that_goes_away_between_two_questions(self):
        """The subjects are listed, and asked for in groups: before the second group is asked for, the stream is gone."""
        for name, action, words in (
            ("deleted", lambda wire, stream: None, "not_found"),
            ("made anew", lambda wire, stream: wire.request(f"STREAM.CREATE.{stream}", {"name": stream, "subjects": [f"{stream}.>"], "allow_direct": True}), "replaced"),
        ):
            with self.subTest(name):
                stream = name.replace(" ", "_").upper()
                fill(self.server.url, f"stream name={stream} subjects={stream}.>", f"messages stream={stream} subject={stream}.{{i}} count=3000")
                groups = []

                def gone(data: bytes, groups=groups, stream=stream, action=action) -> None:
                    # The first is about all subjects, which are too many for one answer; then come the groups.
                    if LAST_OF_SEVERAL not in data:
                        return
                    groups.append(data)
                    if len(groups) == 3:
                        with Wire(self.server.url) as wire:
                            wire.request(f"STREAM.DELETE.{stream}")
                            action(wire, stream)

                self.proxy.sent = gone
                with self.assertRaises(duckdb.Error) as caught:
                    self.connection.execute(f"SELECT count(*) FROM nats_last('{stream}', '>', url := '{self.proxy.url}')").fetchall()
                self.proxy.sent = lambda data: None
                self.assertGreaterEqual(len(groups), 3)
                self.assertIn(f"[{words}]", str(caught.exception))

    def test_a_message_that_is_found_when_it_is_asked_for_again(self):
        """A leader that has no message of a subject and counts one is asked again: what it gives then is a row, and a failure is an error."""
        nothing = (404, 10037, "no message found")
        for version in ("2.10.26", os.environ["NATS_JS_TEST_SERVER"]):
            server = self.enterContext(Server(version))
            fill(server.url, "stream name=L subjects=l.*", "messages stream=L subject=l.{i%7} count=70")
            newest = [(f"l.{n}", 64 + (n + 6) % 7) for n in range(7)]
            rows = lambda proxy: f"SELECT subject, seq FROM nats_last('L', '>', url := '{proxy.url}') ORDER BY 1"
            # Servers from 2.11 answer for all subjects at once.
            if version == "2.10.26":
                with self.subTest(version=version, form="table"):
                    self.assertEqual(self.with_answers(server, [nothing], rows), newest)
                    with self.assertRaisesRegex(duckdb.Error, "a storage that fails"):
                        self.with_answers(server, [nothing, (500, 10077, "a storage that fails")], rows)
            with self.subTest(version=version, form="scalar"):
                one = lambda proxy: f"SELECT (nats_last('L', 'l.3', {{'url': '{proxy.url}'}})).seq"
                self.assertEqual(self.with_answers(server, [nothing, nothing], one), [(newest[3][1],)])

    def with_answers(self, server: Server, errors: list[tuple], statement) -> list[tuple]:
        """The rows of a statement, while the first answers about `l.3` are these errors."""
        left = list(errors)

        def rule(frame):
            line, _, body = frame.partition(b"\r\n")
            words = line.split()
            if not left or b'"subject":"l.3"' not in body and b"Nats-Subject: l.3\r\n" not in body:
                return [frame]
            code, number, text = left.pop(0)
            if words[0] == b"HMSG":
                head = b"NATS/1.0 404 Message Not Found\r\n\r\n"
                return [b" ".join([*words[:-2], b"%d %d" % (len(head), len(head))]) + b"\r\n" + head + b"\r\n"]
            answer = b'{"error":{"code":%d,"err_code":%d,"description":"%s"}}' % (code, number, text.encode())
            return [b" ".join([*words[:-1], b"%d" % len(answer)]) + b"\r\n" + answer + b"\r\n"]

        with Proxy(server.url, rule) as proxy:
            found = self.connection.execute(statement(proxy)).fetchall()
        self.assertEqual(left, [], "the answers were not used")
        return found


if __name__ == "__main__":
    unittest.main()
