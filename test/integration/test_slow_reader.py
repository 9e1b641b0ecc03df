"""A query that is slower than the wire: what waits for it stays bounded, by bytes as well, and its connection stands."""

import os
import unittest

from integration.host import connect
from integration.memory import reset_most, resident_mib
from integration.streams import fill

COUNT = 6_000
SIZE = 64 * 1024
# Far below the stream's 375 MiB.
MEMORY_MIB = 96


class SlowReader(unittest.TestCase):
    def test_what_waits_is_bounded(self):
        url = os.environ["NATS_JS_TEST_URL"]
        fill(url, "stream name=S subjects=s storage=memory", f"messages stream=S subject=s count={COUNT} size={SIZE}")
        with connect() as connection:
            connection.execute("SET threads = 1")
            scan = f"nats_scan('S', url := '{url}')"
            reconnects = "SELECT value FROM nats_stats() WHERE name = 'reconnects'"
            before = connection.execute(reconnects).fetchone()
            self.assertEqual(connection.execute(f"SELECT count(*) FROM {scan}").fetchone(), (COUNT,))
            reset_most()
            resident = resident_mib("VmRSS")
            slow = f"SELECT count(*), count(DISTINCT sha256(sha256(payload) || payload)) FROM {scan}"
            self.assertEqual(connection.execute(slow).fetchone(), (COUNT, COUNT))
            self.assertLess(resident_mib("VmHWM") - resident, MEMORY_MIB)
            self.assertEqual(connection.execute(reconnects).fetchone(), before)


if __name__ == "__main__":
    unittest.main()
