"""Replies that do not arrive: what is missing is asked for again, or the read fails. It is never shorter."""

import os
import random
import time
import unittest

import duckdb

from integration.host import connect
from integration.proxy import Proxy, headers
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 5000
SEQUENCES = [seq for seq in range(1, COUNT + 1) if seq % 10]
PASS = lambda frame: [frame]


def setUpModule():
    for name, direct in (("S", "true"), ("INDIRECT", "false")):
        fill(
            URL, f"stream name={name} subjects={name} allow_direct={direct}",
            f"messages stream={name} subject={name} count={COUNT} size=100", f"holes stream={name} every=10",
        )
    fill(URL, "stream name=MANY subjects=many.>", "messages stream=MANY subject=many.{i%100} count=200")


class LostFrames(unittest.TestCase):
    """Over the extension's own reader of replies."""

    # Whether the proxy lets one connection through at a time.
    alone = False

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def stat(self, name: str) -> int:
        return self.connection.execute("SELECT value FROM nats_stats() WHERE name = ?", [name]).fetchone()[0]

    def read(self, rule, stream: str = "S", seconds: int = 2) -> list[int]:
        with Proxy(URL, rule, self.alone) as proxy:
            scan = f"SELECT seq FROM nats_scan('{stream}', url := '{proxy.url}', timeout := to_seconds({seconds}))"
            return [seq for (seq,) in self.connection.execute(scan).fetchall()]

    def fails(self, rule, words: str, stream: str = "S") -> None:
        started = time.monotonic()
        with self.assertRaisesRegex(duckdb.Error, words):
            self.read(rule, stream, 1)
        self.assertLess(time.monotonic() - started, 30)

    def test_nothing_is_lost(self):
        for stream in ("S", "INDIRECT"):
            self.assertEqual(self.read(PASS, stream), SEQUENCES)

    def test_one_message(self):
        for sequence in (1, 2, 255, 256, 257, 1234, 4998, 4999):
            with self.subTest(sequence=sequence):
                left = [sequence]

                def rule(frame):
                    if left and headers(frame).get("Nats-Sequence") == str(left[0]):
                        left.clear()
                        return []
                    return [frame]

                before = self.stat("retries")
                self.assertEqual(self.read(rule), SEQUENCES)
                self.assertEqual(left, [])
                self.assertGreater(self.stat("retries"), before)

    def test_a_run_of_messages(self):
        lost = set(range(700, 1300))

        def rule(frame):
            sequence = int(headers(frame).get("Nats-Sequence", 0))
            if sequence in lost:
                lost.discard(sequence)
                return []
            return [frame]

        self.assertEqual(self.read(rule), SEQUENCES)

    def test_the_same_message_every_time(self):
        self.fails(
            lambda frame: [] if headers(frame).get("Nats-Sequence") == "1234" else [frame],
            "nats_scan: stream 'S'.*(replies are missing from a batch at sequence 1234|no answer to DIRECT.GET.S)",
        )

    def test_every_end_of_a_batch(self):
        # The end of a batch says nothing when the span's last message has come; otherwise nothing can be known.
        try:
            self.assertEqual(self.read(lambda frame: [] if headers(frame).get("status") == "204" else [frame]), SEQUENCES)
        except duckdb.Error as error:
            self.assertIn("no answer to DIRECT.GET.S within 2.0 s", str(error))

    def test_the_tail_of_the_last_batch(self):
        def rule(frame):
            found = headers(frame)
            tail = int(found.get("Nats-Sequence", 0)) > 4990 or (found.get("status") == "204" and found["Nats-Num-Pending"] == "0")
            return [] if tail else [frame]

        self.fails(rule, "no answer to DIRECT.GET.S within 1.0 s|replies are missing from a batch at sequence")

    def test_one_in_a_hundred(self):
        for seed in range(5):
            chance = random.Random(seed)
            with self.subTest(seed=seed):
                try:
                    self.assertEqual(
                        self.read(lambda frame: [] if headers(frame) and chance.random() < 0.01 else [frame]), SEQUENCES
                    )
                except duckdb.Error as error:
                    self.assertRegex(str(error), "no answer to|replies are missing")

    def test_one_in_a_hundred_comes_twice(self):
        chance = random.Random(1)
        try:
            rule = lambda frame: [frame] * (2 if headers(frame) and chance.random() < 0.01 else 1)
            self.assertEqual(self.read(rule), SEQUENCES)
        except duckdb.Error as error:
            self.assertIn("stream 'S'", str(error))

    def test_an_answer_without_direct_get(self):
        left = [b'"seq":1234,']

        def once(frame):
            if left and left[0] in frame:
                left.clear()
                return []
            return [frame]

        # An answer that is lost once is asked for again, within the same timeout.
        self.assertEqual(self.read(once, "INDIRECT"), SEQUENCES)
        self.assertEqual(left, [])

        def always(frame):
            return [] if b'"seq":1234,' in frame else [frame]

        self.fails(always, "no answer to STREAM.MSG.GET.INDIRECT within 1.0 s", "INDIRECT")

    def test_the_connection_breaks_in_the_middle(self):
        for stream in ("S", "INDIRECT"):
            for after in (1, 300, 1500, 4000):
                with self.subTest(stream=stream, after=after):
                    left = [after]

                    def rule(frame):
                        left[0] -= 1
                        return None if left[0] == 0 else [frame]

                    before = self.stat("reconnects")
                    try:
                        self.assertEqual(self.read(rule, stream, 5), SEQUENCES)
                        self.assertGreater(self.stat("reconnects"), before)
                    except duckdb.Error as error:
                        # The very first request is not repeated.
                        self.assertEqual(after, 1, str(error))

    def test_the_connection_breaks_again_and_again(self):
        seen = [0]

        def rule(frame):
            seen[0] += 1
            return None if seen[0] % 700 == 0 else [frame]

        self.assertEqual(self.read(rule, seconds=10), SEQUENCES)

    def test_a_slow_connection(self):
        def rule(frame):
            if headers(frame).get("Nats-Sequence", "").endswith("1"):
                time.sleep(0.002)
            return [frame]

        self.assertEqual(self.read(rule), SEQUENCES)


class LostFramesOfTheClient(LostFrames):
    """Over async-nats, which reads where no second connection can be made."""

    alone = True


class LostFramesOfTheNewest(unittest.TestCase):
    """The newest message of each subject comes in one batch, which is read by a way of its own."""

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def newest(self, rule) -> list:
        with Proxy(URL, rule) as proxy:
            last = "SELECT seq FROM nats_last('MANY', 'many.>', url := ?, timeout := to_seconds(2))"
            return self.connection.execute(last, [proxy.url]).fetchall()

    def test_a_message_is_asked_for_again(self):
        whole = [(seq,) for seq in range(101, 201)]
        for lost in (101, 150, 200):
            with self.subTest(lost=lost):
                left = [str(lost)]

                def rule(frame):
                    found = headers(frame)
                    # Not the answer to a question for one message, which has no number of messages that follow.
                    if left and found.get("Nats-Sequence") == left[0] and "Nats-Num-Pending" in found:
                        left.clear()
                        return []
                    return [frame]

                self.assertEqual(self.newest(rule), whole)
                self.assertEqual(left, [], "nothing was lost")

    def test_a_message_that_is_lost_each_time_fails_the_read(self):
        rule = lambda frame: [] if headers(frame).get("Nats-Sequence") == "150" else [frame]
        with self.assertRaisesRegex(duckdb.Error, "nats_last: stream 'MANY'.*messages of the answer were lost on the way"):
            self.newest(rule)


if __name__ == "__main__":
    unittest.main()
