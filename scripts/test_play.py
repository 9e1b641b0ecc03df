"""A shell to try things in: events keep coming, and nothing is left behind."""

import os
import re
import socket
import subprocess
import sys
import unittest

from scripts import paths
from scripts.play import STREAM, live

WAITED = 50_000_000


class Play(unittest.TestCase):
    def test_events_keep_coming_and_the_end_of_the_shell_ends_it_all(self):
        # The shell counts until another event has come; a sum of many numbers is how it waits.
        count = f"SELECT 'count', count(*) FROM nats_scan('{STREAM}');\n"
        wait = f"SELECT sum(i) FROM range({WAITED}) AS t(i);\n"
        played = subprocess.run(
            [sys.executable, "-m", "scripts.play"], cwd=paths.ROOT, input=".mode csv\n" + count + wait * 40 + count,
            env=os.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
        ).stdout
        first, last = (int(number) for number in re.findall(r"^count,(\d+)", played, re.MULTILINE))
        self.assertGreaterEqual(first, 3000)
        self.assertGreater(last, first)
        port = int(re.search(r"nats://127\.0\.0\.1:(\d+)", played)[1])
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)

    def test_events_are_of_now_and_keep_their_order(self):
        stop = next(event for event in live() if event["event_type"] == "stop")
        self.assertLess(stop["started_at"], stop["timestamp"])
        self.assertEqual(stop["stopped_at"], stop["timestamp"])


if __name__ == "__main__":
    unittest.main()
