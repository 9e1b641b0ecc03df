"""What happens to a durable behind the back of who reads it: messages that cannot be read, consumers that are made anew or moved."""

import os
import unittest

import duckdb

from fixtures.wire import Wire
from integration import few_rights, host
from integration.damage import flip
from integration.proxy import Proxy
from integration.streams import fill
from scripts.nats_server import Server

COUNT = 1500
PAGE = 500
VERSIONS = ("2.10.26", "2.12.8", os.environ["NATS_JS_TEST_SERVER"])
CONFIG = {"durable_name": "d", "ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant", "ack_wait": 30_000_000_000, "max_ack_pending": 100_000}


class BehindItsBack(unittest.TestCase):
    def setUp(self):
        self.database = host.connect()
        self.addCleanup(self.database.close)

    def serve(self, version: str = VERSIONS[-1], *more: str) -> Server:
        server = self.enterContext(Server(version))
        fill(server.url, "stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%2}} count={COUNT} size=100", *more)
        return server

    def read(self, url: str, durable: str = "d", options: str = "", keep: str = "all") -> list[int]:
        """One call, acknowledged."""
        sql = f"SELECT seq FROM nats_ingest('S', url := '{url}', durable := '{durable}', max_messages := {PAGE}, keep := '{keep}'{options})"
        rows = self.database.execute(sql).fetchall()
        self.database.execute(f"FROM nats_ack('S', '{durable}', url := '{url}')").fetchall()
        return [seq for (seq,) in rows]

    def drain(self, url: str, durable: str = "d", options: str = "", keep: str = "all") -> tuple[list[int], list[str]]:
        """Calls until nothing more comes; what came, and the errors on the way."""
        got, errors = [], []
        while True:
            try:
                page = self.read(url, durable, options, keep)
            except duckdb.Error as error:
                errors.append(str(error))
                self.assertLess(len(errors), 10, errors)
                continue
            if not page:
                return got, errors
            got += page

    def test_messages_that_cannot_be_read(self):
        """Each is named by an error, once; what can be read comes."""
        damaged = [1, 700, 701, COUNT]
        for version, keep in (*((version, "all") for version in VERSIONS), (VERSIONS[-1], "last")):
            server = self.serve(version, "holes stream=S seqs=2,600,702-710")
            server.stop()
            flip(server.store, *(b"message %d." % seq for seq in damaged))
            server.start()
            with self.subTest(version=version, keep=keep):
                got, errors = self.drain(server.url, keep=keep)
                left = set(range(1, COUNT + 1)) - set(damaged) - {2, 600, *range(702, 711)}
                self.assertEqual(set(got), left)
                for words in ("sequence 1:", "sequences 700 and 701:", f"sequence {COUNT}:"):
                    self.assertEqual(sum(words in error and "[damaged]" in error for error in errors), 1, errors)

    def test_nothing_is_said_of_what_was_deleted(self):
        server = self.serve(VERSIONS[-1], "holes stream=S seqs=1-20,500,777-900,1490-1500")
        self.assertEqual(self.drain(server.url), ([*range(21, 500), *range(501, 777), *range(901, 1490)], []))
        self.assertEqual(self.drain(server.url, "filtered", ", subject := 's.1'")[1], [])

    def call(self, server: Server, api: str, body: dict | None = None) -> dict:
        with Wire(server.url) as wire:
            return wire.request(api, body)

    def test_made_anew(self):
        """In the middle of a call, and between two."""
        for version in VERSIONS:
            server = self.serve(version)
            left = [PAGE // 2]

            def anew():
                self.call(server, "CONSUMER.DELETE.S.d")
                self.call(server, "CONSUMER.DURABLE.CREATE.S.d", {"stream_name": "S", "config": CONFIG})

            def rule(frame):
                left[0] -= b"$JS.ACK" in frame
                if left[0] == 0:
                    left[0] = -10 * COUNT
                    anew()
                return [frame]

            with self.subTest(version=version), Proxy(server.url, rule) as proxy:
                with self.assertRaisesRegex(duckdb.Error, "the consumer 'd' (was deleted, or deleted and made anew|stopped: Consumer Deleted)"):
                    self.read(proxy.url)
                    self.fail("no error")
                self.assertLess(left[0], 0)
                for _ in range(2):
                    try:
                        first = self.read(server.url)
                        break
                    except duckdb.Error as error:
                        self.assertIn("was deleted since", str(error))
                self.assertEqual(first[0], 1)
                anew()
                with self.assertRaisesRegex(duckdb.Error, "the consumer 'd' was deleted since this process read it"):
                    self.read(server.url)

    def test_moved_forward(self):
        """A consumer that another client moves on leaves messages out."""
        server = self.serve()
        self.assertEqual(len(self.read(server.url)), PAGE)
        self.call(server, "CONSUMER.RESET.S.d", {"seq": 2 * PAGE + 1})
        got, errors = self.drain(server.url)
        self.assertEqual((got[-1], len(errors)), (COUNT, 1), errors)
        self.assertIn(f"sequence {PAGE + 1}", errors[0])
        self.assertIn("left out 500 messages", errors[0])

    def test_a_user_of_the_consumer_alone(self):
        """Who reads by a filter needs no right for the stream itself."""
        server = self.enterContext(Server(VERSIONS[-1], few_rights.CONFIG))
        fill(server.url, "stream name=S subjects=s.*", "messages stream=S subject=s.{i%2} count=10 size=100")
        self.assertEqual(self.drain(few_rights.url(server), options=", subject := 's.1'"), ([1, 3, 5, 7, 9], []))


if __name__ == "__main__":
    unittest.main()
