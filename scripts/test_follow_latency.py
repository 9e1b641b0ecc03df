"""The measurement of latency counts every event, and leaves no stream behind."""

import os
import unittest

from scripts import fixtures, package, paths, tools
from scripts.follow_latency import STREAM, measure

URL = os.environ["NATS_JS_TEST_URL"]


class FollowLatency(unittest.TestCase):
    def test_every_event_has_a_latency(self):
        extension = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine())
        found = measure(URL, extension, tools.duckdb(os.environ["NATS_JS_TEST_HOST"]).folder, seconds=1, rate=50)
        self.assertEqual(found["count"], 50)
        self.assertGreater(found["p50"], 0)
        self.assertGreaterEqual(found["p95"], found["p50"])
        with fixtures.Wire(URL) as wire, self.assertRaisesRegex(fixtures.WireError, "stream not found"):
            wire.request(f"STREAM.INFO.{STREAM}")


if __name__ == "__main__":
    unittest.main()
