"""What waits for something new: nats_tail, nats_subscribe, nats_kv_history with max_wait. Ends by what comes, or by its bound."""

import gzip
import os
import threading
import time
import unittest

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts.nats_server import Server

LONG = "INTERVAL 60 SECONDS"
PACKED = gzip.compress(b'{"a":3}', mtime=0)


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.url = self.server.url
        self.stream = self.id().rsplit(".", 1)[1].upper()
        fill(self.url, f"stream name={self.stream} subjects={self.stream}.>")

    def sql(self, text: str) -> list[tuple]:
        return self.database.cursor().sql(text).fetchall()

    def publish(self, subject: str, count: int = 1) -> None:
        fill(self.url, f"messages stream={self.stream} subject={self.stream}.{subject} count={count}")

    def later(self, action, *arguments) -> threading.Timer:
        """Acts in a moment, while the statement waits."""
        timer = threading.Timer(0.5, action, arguments)
        timer.start()
        self.addCleanup(timer.join)
        return timer

    def tail(self, more: str = "", columns: str = "seq", wait: str = LONG) -> list[tuple]:
        return self.sql(f"SELECT {columns} FROM nats_tail('{self.stream}', max_wait := {wait}, url := '{self.url}' {more})")

    def checkpoint(self) -> str:
        return self.sql(f"SELECT nats_checkpoint('{self.stream}', '{self.url}')")[0][0]

    def test_tail_gives_what_comes(self):
        self.publish("a", 5)
        self.later(self.publish, "a")
        started = time.monotonic()
        self.assertEqual(self.tail(), [(6,)])
        # Far below its bound: it came back by what came.
        self.assertLess(time.monotonic() - started, 30)

    def test_tail_waits_for_a_subject(self):
        self.publish("a", 5)
        self.later(self.publish, "a", 3)
        timer = threading.Timer(1.0, self.publish, ("b", 2))
        timer.start()
        self.addCleanup(timer.join)
        subjects = f", subject := ['{self.stream}.b', '{self.stream}.c'], max_messages := 1"
        self.assertEqual(self.tail(subjects, columns="subject"), [(f"{self.stream}.b",)])

    def test_tail_after_a_checkpoint(self):
        self.publish("a", 5)
        before = self.checkpoint()
        self.publish("a", 3)
        self.assertEqual(self.tail(f", after := '{before}'"), [(6,), (7,), (8,)])
        self.assertEqual(self.tail(", after := NULL, max_messages := 2"), [(1,), (2,)])
        self.assertEqual(self.tail(f", after := '{self.checkpoint()}'", wait="INTERVAL '100 milliseconds'"), [])
        # A loop over checkpoints sees every message once.
        seen, after = [], before
        for count in (2, 1, 4):
            self.later(self.publish, "a", count).join()
            self.tail(f", after := '{after}', max_messages := 1")
            upto = self.checkpoint()
            scan = f"nats_scan('{self.stream}', after := '{after}', upto := '{upto}', url := '{self.url}')"
            seen += self.sql(f"SELECT seq FROM {scan}")
            after = upto
        self.assertEqual(seen, [(sequence,) for sequence in range(6, 16)])

    def test_tail_of_another_stream(self):
        self.publish("a", 5)
        before = self.checkpoint()
        self.sql(f"FROM nats_stream_delete('{self.stream}', confirm := true, url := '{self.url}')")
        fill(self.url, f"stream name={self.stream} subjects={self.stream}.>")
        self.publish("a", 9)
        with self.assertRaisesRegex(duckdb.Error, "replaced"):
            self.tail(f", after := '{before}'")

    def test_subscribe_gives_what_comes(self):
        def publish() -> None:
            headers = "MAP {'A': ['1', '2']}"
            self.sql(f"SELECT nats_publish('{self.stream}.' || n, 'm' || n, {headers}, '{self.url}') FROM range(5) t(n) ORDER BY n")

        self.later(publish)
        rows = self.sql(
            "SELECT subject, decode(payload), headers['A'], reply_to IS NOT NULL, ts_received > TIMESTAMP '2020-01-01' "
            f"FROM nats_subscribe('{self.stream}.*', max_messages := 3, max_wait := {LONG}, url := '{self.url}')"
        )
        expected = [(f"{self.stream}.{n}", f"m{n}", "2", True, True) for n in range(3)]
        self.assertEqual(rows, expected)

    def hear(self, more: str) -> list[tuple]:
        packed = "unhex('" + PACKED.hex() + "')"
        payloads = ["encode('{\"a\":1}')", "encode('caf')||unhex('E9')", packed, "encode('no JSON')"]

        def publish() -> None:
            for number, payload in enumerate(payloads):
                headers = "MAP {'Content-Encoding': ['gzip']}" if payload == packed else "NULL"
                self.sql(f"SELECT nats_publish('{self.stream}.{number}', {payload}, {headers}, '{self.url}')")

        publishing = self.later(publish)
        try:
            return self.sql(
                f"SELECT subject[-1]::INTEGER, payload, typeof(payload) FROM nats_subscribe('{self.stream}.*', "
                f"max_messages := {len(payloads)}, max_wait := {LONG}, url := '{self.url}'{more})"
            )
        finally:
            publishing.join()

    def test_subscribe_gives_payloads_of_a_type(self):
        one, latin, packed, text = '{"a":1}', b"caf\xe9", PACKED, "no JSON"
        stored = [one.encode(), latin, packed, text.encode()]
        for more in ("", ", payload_type := 'blob', on_error := 'skip'"):
            self.assertEqual(self.hear(more), [(number, payload, "BLOB") for number, payload in enumerate(stored)])
        for kind, name, last in (("text", "VARCHAR", text), ("json", "JSON", None)):
            rows = [(0, one, name), (1, None, name), (2, '{"a":3}', name), (3, last, name)]
            self.assertEqual(self.hear(f", payload_type := '{kind}', on_error := 'null'"), rows)
            kept = [row for row in rows if row[1] is not None]
            self.assertEqual(self.hear(f", payload_type := '{kind}', on_error := 'skip'"), kept)
        with self.assertRaisesRegex(duckdb.Error, rf"subject '{self.stream}\.1': the payload is not UTF-8 at byte 3.*on_error := 'null'"):
            self.hear(", payload_type := 'text'")

    def test_subscribe_without_permission(self):
        config = "authorization { users: [ { user: u, password: p, permissions: { subscribe: ['_INBOX.>'] } } ] }"
        with Server(os.environ["NATS_JS_TEST_SERVER"], config) as server:
            url = server.url.replace("://", "://u:p@")
            with self.assertRaisesRegex(duckdb.Error, "no permission to subscribe to secret"):
                self.sql(f"FROM nats_subscribe('secret', max_wait := {LONG}, url := '{url}')")

    def test_history_waits(self):
        of = f"url := '{self.url}'"
        self.sql(f"FROM nats_kv_bucket_ensure('B', history := 10, {of})")
        put = f"SELECT nats_kv_put('B', '%s', '%s', '{self.url}')"
        self.assertEqual([self.sql(put % ("a", n))[0][0] for n in range(3)], [1, 2, 3])
        history = f"SELECT key, decode(value), revision FROM nats_kv_history('B', {of}, after_revision := %d%s)"
        self.assertEqual(self.sql(history % (1, ", up_to_revision := 2")), [("a", "1", 2)])
        self.later(self.sql, put % ("b", "x"))
        self.assertEqual(self.sql(history % (3, f", keys := ['b', 'c'], max_wait := {LONG}")), [("b", "x", 4)])
        self.assertEqual(self.sql(history % (4, ", max_wait := INTERVAL '50 milliseconds'")), [])
        with self.assertRaisesRegex(duckdb.Error, "max_wait needs after_revision"):
            self.sql(f"FROM nats_kv_history('B', {of}, max_wait := {LONG})")


if __name__ == "__main__":
    unittest.main()
