"""Store times that step back, as after a change of leader or when a clock is set: bounds of time miss nothing.

The clock of a server cannot be set here; a proxy gives each message another time on its way to the reader.
"""

import os
import unittest
from datetime import datetime, timedelta

import duckdb

from integration.host import connect
from integration.proxy import Proxy, stamped
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 1000
BASE = datetime(2025, 1, 15, 10, 0, 0)
SEQUENCES = [seq for seq in range(1, COUNT + 1) if seq % 10]


def steady(seq: int) -> datetime:
    """A message every half second."""
    return BASE + timedelta(seconds=seq / 2)


def skewed(seq: int) -> datetime:
    """Three leaders in turn, the second 59 s behind the first, and some clocks of single messages behind by less."""
    back = 59 if 400 <= seq < 700 else 20 if seq % 13 == 0 else 0
    return steady(seq) - timedelta(seconds=back)


def broken(seq: int) -> datetime:
    """A clock that was 61 s ahead for a while."""
    return steady(seq) + timedelta(seconds=61.5 if 300 <= seq < 600 else 0)


class StoreTimes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for name, direct in (("S", "true"), ("INDIRECT", "false")):
            fill(
                URL, f"stream name={name} subjects={name}.> allow_direct={direct}",
                f"messages stream={name} subject={name}.{{i%4}} count={COUNT}", f"holes stream={name} every=10",
            )

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def serve(self, clock) -> str:
        """The URL of the server, whose messages were stored when the clock says."""
        return self.enterContext(Proxy(URL, lambda frame: [stamped(frame, lambda seq: clock(seq).isoformat() + "Z")])).url

    def rows(self, sql: str, *values) -> list:
        return self.database.execute(sql, list(values)).fetchall()

    def test_windows_side_by_side(self):
        for stream, clock, seconds in (("S", skewed, 7), ("INDIRECT", skewed, 50), ("S", steady, 50)):
            # The short ones where the leaders change.
            start, until = (120, 360) if seconds == 7 else (-70, COUNT / 2 + 1)
            url, at, width, found = self.serve(clock), BASE + timedelta(seconds=start), timedelta(seconds=seconds), []
            while at < BASE + timedelta(seconds=until):
                end = at + width - timedelta(microseconds=1)
                rows = self.rows(f"SELECT seq, ts_nats FROM nats_scan('{stream}', url := '{url}', start_time := ?, end_time := ?)", at, end)
                expected = [(seq, clock(seq)) for seq in SEQUENCES if at <= clock(seq) <= end]
                self.assertEqual(rows, expected)
                found += [seq for seq, _ in rows]
                at += width
            if seconds != 7:
                self.assertEqual(sorted(found), SEQUENCES)

    def test_one_bound_and_what_counts(self):
        url = self.serve(skewed)
        for seconds in (150, 190, 340):
            at = BASE + timedelta(seconds=seconds)
            later = [seq for seq in SEQUENCES if skewed(seq) >= at]
            earlier = [seq for seq in SEQUENCES if skewed(seq) <= at]
            scan = f"SELECT seq FROM nats_scan('S', url := '{url}', "
            self.assertEqual(self.rows(scan + "start_time := ?)", at), [(seq,) for seq in later])
            self.assertEqual(self.rows(scan + "end_time := ?)", at), [(seq,) for seq in earlier])
            self.assertEqual(self.rows(scan + "end_time := ?, last_n := 5)", at), [(seq,) for seq in earlier[-5:]])
            self.assertEqual(self.rows(scan + "start_time := ?, max_messages := 5)", at), [(seq,) for seq in later[:5]])
            filtered = [(seq,) for seq in earlier if seq % 4 == 1]
            self.assertEqual(self.rows(scan + "end_time := ?, subject := 'S.1')", at), filtered)

    def test_the_newest_as_of_a_moment(self):
        url = self.serve(skewed)
        for seconds in (190, 340):
            at = BASE + timedelta(seconds=seconds)
            last = max(seq for seq in SEQUENCES if skewed(seq) <= at)
            expected = [max(seq for seq in SEQUENCES if seq <= last and seq % 4 == rest) for rest in range(4)]
            rows = self.rows(f"SELECT seq FROM nats_last('S', 'S.*', url := '{url}', as_of := ?) ORDER BY seq", at)
            self.assertEqual(rows, [(seq,) for seq in sorted(expected)])

    def test_a_step_that_is_too_large_is_an_error(self):
        url = self.serve(broken)
        words = "nats_scan: stream 'S', sequence 6\\d\\d, server .* before sequence 5\\d\\d, which stands in front of it: bounds of time need"
        with self.assertRaisesRegex(duckdb.Error, words):
            self.rows(f"SELECT count(*) FROM nats_scan('S', url := '{url}', start_time := ?)", BASE + timedelta(seconds=290))
        # Without such bounds times mean nothing.
        self.assertEqual(self.rows(f"SELECT count(*) FROM nats_scan('S', url := '{url}')"), [(len(SEQUENCES),)])


if __name__ == "__main__":
    unittest.main()
