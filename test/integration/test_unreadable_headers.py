"""Headers that the client library cannot read do not hide a message, nor those behind it."""

import os
import unittest
from pathlib import Path

from fixtures.wire import Wire
from integration.host import connect
from integration.identities import NKey
from integration.streams import fill, state

LATIN1 = b"NATS/1.0\r\nTitle: Am\xe9lie\r\n\r\n"


class UnreadableHeaders(unittest.TestCase):
    def test_a_scan_reads_on(self):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=S subjects=s", "messages stream=S subject=s count=600")
        with Wire(url) as wire:
            wire._send(b"HPUB s %d %d\r\n%bpayload\r\n" % (len(LATIN1), len(LATIN1) + 7, LATIN1))
        while state(url, "S")["last_seq"] < 601:
            pass
        fill(url, "messages stream=S subject=s count=2000")
        seed = Path(os.environ["NATS_JS_TEST_DIR"]) / "user.nk"
        seed.write_text(NKey("user").seed)
        connection = connect()
        self.addCleanup(connection.close)
        # By the extension's own reader of replies, and by async-nats, which hangs up on them: then by MSG.GET.
        for options, fallbacks in (("", range(0, 10)), (f", nkey := '{seed}'", range(1000, 10_000))):
            with self.subTest(options=options):
                scan = f"nats_scan('S', url := '{url}', headers := true{options})"
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


if __name__ == "__main__":
    unittest.main()
