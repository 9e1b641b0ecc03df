"""Headers that the client library cannot read do not hide a message, nor those behind it."""

import os
import unittest

from fixtures.wire import Wire
from integration.host import connect
from integration.streams import fill, state
from scripts.nats_server import Server

CONFIG = "jetstream { store_dir: $STORE_DIR }\nwebsocket { listen: '127.0.0.1:-1', no_tls: true }\n"
LATIN1 = b"NATS/1.0\r\nTitle: Am\xe9lie\r\n\r\n"


class UnreadableHeaders(unittest.TestCase):
    def test_a_scan_reads_on(self):
        server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"], CONFIG))
        url, [socket] = server.url, server.addresses["websocket"]
        fill(url, "stream name=S subjects=s", "messages stream=S subject=s count=600")
        with Wire(url) as wire:
            wire._send(b"HPUB s %d %d\r\n%bpayload\r\n" % (len(LATIN1), len(LATIN1) + 7, LATIN1))
        while state(url, "S")["last_seq"] < 601:
            pass
        fill(url, "messages stream=S subject=s count=2000")
        connection = connect()
        self.addCleanup(connection.close)
        # By the extension's own reader of replies, and by async-nats, which hangs up on them: then by MSG.GET.
        for address, fallbacks in ((url, range(0, 10)), (socket, range(1000, 10_000))):
            with self.subTest(address=address):
                scan = f"nats_scan('S', url := '{address}', headers := true)"
                asked = "SELECT value FROM nats_stats() WHERE name = 'msg_get_requests'"
                [before] = connection.execute(asked).fetchone()
                self.assertEqual(
                    connection.execute(f"SELECT count(*), min(seq), max(seq) FROM {scan}").fetchone(), (2601, 1, 2601)
                )
                [after] = connection.execute(asked).fetchone()
                self.assertIn(after - before, fallbacks)
                self.assertEqual(
                    connection.execute(
                        f"SELECT seq, payload, map_keys(headers) FROM {scan} WHERE len(map_keys(headers)) > 0"
                    ).fetchall(),
                    [(601, b"payload", ["Title"])],
                )

    def test_a_durable_reads_on(self):
        server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=10")
        with Wire(server.url) as wire:
            wire._send(b"HPUB s %d %d\r\n%bpayload\r\n" % (len(LATIN1), len(LATIN1) + 7, LATIN1))
        while state(server.url, "S")["last_seq"] < 11:
            pass
        fill(server.url, "messages stream=S subject=s count=10")
        connection = connect()
        self.addCleanup(connection.close)
        read = f"SELECT seq, payload, map_keys(headers) FROM nats_ingest('S', durable := 'd', url := '{server.url}', headers := true, payload := true)"
        rows = connection.execute(read).fetchall()
        self.assertEqual([row[0] for row in rows], list(range(1, 22)))
        self.assertEqual(rows[10][1:], (b"payload", ["Title"]))
        acknowledge = "SELECT nats_ack('S', 'd', list(seq), {'url': ?}) FROM nats_unsettled('S', 'd', url := ?)"
        self.assertEqual(connection.execute(acknowledge, [server.url, server.url]).fetchone(), (21,))


if __name__ == "__main__":
    unittest.main()
