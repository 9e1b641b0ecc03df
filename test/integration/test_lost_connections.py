"""nats_get and nats_last go on over lost connections, and read messages whose headers break the rules."""

import os
import unittest

from fixtures.wire import Wire
from integration.host import connect
from integration.proxy import Proxy, headers
from integration.streams import fill, state

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 3000
# A space in a name, no colon, not UTF-8.
UNREADABLE = (b"Two Words: a", b"no colon at all", b"Title: Am\xe9lie")


def setUpModule():
    for name, direct in (("S", "true"), ("INDIRECT", "false")):
        fill(
            URL, f"stream name={name} subjects={name}.* allow_direct={direct}",
            f"messages stream={name} subject={name}.{{i%100}} count={COUNT} size=100",
        )
    fill(URL, "stream name=H subjects=h.*")
    with Wire(URL) as wire:
        for number, line in enumerate(UNREADABLE):
            head = b"NATS/1.0\r\n" + line + b"\r\n\r\n"
            wire._send(b"HPUB h.%d %d %d\r\n%bpayload\r\n" % (number, len(head), len(head) + 7, head))
    while state(URL, "H")["last_seq"] < len(UNREADABLE):
        pass


class LostConnections(unittest.TestCase):
    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def rows(self, query: str, url: str) -> list:
        return self.connection.execute(query.format(f"url := '{url}', timeout := to_seconds(5)")).fetchall()

    def hang_up_after(self, query: str, counts) -> None:
        """Breaks the connection after so many messages, each time once; what comes is what comes without."""
        expected = self.rows(query, URL)
        for after in counts:
            left = [after]

            def rule(frame):
                counts = bool(headers(frame)) or b'"message":' in frame
                left[0] -= counts
                return None if counts and left[0] == 0 else [frame]

            with Proxy(URL, rule) as proxy, self.subTest(query=query, after=after):
                self.assertEqual(self.rows(query, proxy.url), expected)
                self.assertLessEqual(left[0], 0, "the connection was not broken")

    def test_by_sequence(self):
        for stream in ("S", "INDIRECT"):
            self.hang_up_after(f"SELECT seq, payload FROM nats_get('{stream}', range(1, 2001), {{}})", (1, 2, 300, 1999))
            self.hang_up_after(f"SELECT seq, payload FROM nats_get('{stream}', [7, 9], {{}})", (1, 2))

    def test_the_newest(self):
        self.hang_up_after("SELECT subject, seq FROM nats_last('S', 'S.*', {})", (1, 2, 50))
        self.hang_up_after("SELECT subject, seq FROM nats_last('INDIRECT', 'INDIRECT.*', {})", (1, 50))
        self.hang_up_after("SELECT subject, seq FROM nats_last('S', 'S.*', up_to_seq := 2500, {})", (1, 50))

    def test_unreadable_headers(self):
        expected = [(seq, b"payload") for seq in range(1, len(UNREADABLE) + 1)]
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_get('H', [1, 2, 3], {})", URL), expected)
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_get('H', [1, 2, 3], headers := true, {})", URL), expected)
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_last('H', 'h.*', {}) ORDER BY seq", URL), expected)
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_last('H', 'h.1', headers := true, {})", URL), expected[1:2])
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_last('H', 'h.*', up_to_seq := 2, {}) ORDER BY seq", URL), expected[:2])
        self.assertEqual(self.rows("SELECT seq, payload FROM nats_scan('H', headers := true, {})", URL), expected)


if __name__ == "__main__":
    unittest.main()
