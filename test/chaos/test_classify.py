"""What the fault suite calls wrong: an answer that is shorter, longer, doubled, in another order, or of another history."""

import unittest
from datetime import datetime, timedelta

from chaos import model
from chaos.model import DECLARED, ERROR, EXACT, WRONG, Answer, Entry, World, classify, row_of, steady

ALL = {seq: Entry(seq, f"s.{seq % 3}", b"%d" % seq, datetime(2025, 1, 1) + timedelta(seconds=seq)) for seq in range(1, 31)}
OTHER = {seq: Entry(seq, entry.subject, b"other", entry.time) for seq, entry in ALL.items()}
ROWS = [row_of(entry) for entry in ALL.values()]
EVERYTHING = lambda entry: True


def part(*seqs: int) -> dict:
    return {seq: ALL[seq] for seq in seqs}


class Classify(unittest.TestCase):
    def verdict(self, fits, rows, *worlds: World) -> str:
        return classify(Answer(rows), fits, worlds or [steady(ALL)])

    def test_all(self):
        fits = model.all_of(EVERYTHING)
        self.assertEqual(self.verdict(fits, ROWS), EXACT)
        forged = [*ROWS[:5], (6, "s.0", b"7"), *ROWS[6:]]
        for rows in (ROWS[:-1], ROWS[1:], ROWS + ROWS[-1:], ROWS[::-1], [*ROWS, (31, "s.1", b"31")], forged, []):
            self.assertEqual(self.verdict(fits, rows), WRONG)

    def test_some_went_meanwhile(self):
        fits = model.all_of(EVERYTHING)
        world = World(part(*range(11, 31)), ALL)
        for rows, verdict in ((ROWS, EXACT), (ROWS[5:], EXACT), (ROWS[10:], EXACT), (ROWS[11:], WRONG), (ROWS[:3] + ROWS[11:], WRONG)):
            self.assertEqual(self.verdict(fits, rows, world), verdict)

    def test_two_histories_are_not_mixed(self):
        fits = model.all_of(EVERYTHING)
        others = [row_of(entry) for entry in OTHER.values()]
        worlds = steady(ALL), steady(OTHER)
        for rows, verdict in ((ROWS, EXACT), (others, EXACT), (ROWS[:7] + others[7:], WRONG)):
            self.assertEqual(self.verdict(fits, rows, *worlds), verdict)

    def test_what_the_server_says_is_gone(self):
        fits = model.all_of(EVERYTHING)
        worlds = steady(ALL), World(part(*range(1, 21)), ALL, declared=True)
        for rows, verdict in ((ROWS, EXACT), (ROWS[:20], DECLARED), (ROWS[:19], WRONG)):
            self.assertEqual(self.verdict(fits, rows, *worlds), verdict)

    def test_a_message_whose_subject_ends_elsewhere(self):
        fits = model.all_of(EVERYTHING)
        moved = model.moved(ALL[12], "s.01", b"2")
        self.assertEqual(row_of(moved), (12, "s.01", b"2"))
        self.assertIsNone(model.moved(ALL[12], "s.0", b"12"))
        self.assertIsNone(model.moved(ALL[12], "s.01", b"3"))
        given = [*ROWS[:11], row_of(moved), *ROWS[12:]]
        worlds = steady(ALL), model.with_moved(steady(ALL), {12: moved})
        for rows, verdict in ((ROWS, EXACT), (given, DECLARED), (ROWS[:11] + ROWS[12:], DECLARED), (given[:-1], WRONG), (ROWS[:10] + ROWS[12:], WRONG)):
            self.assertEqual(self.verdict(fits, rows, *worlds), verdict)

    def test_a_consumer_that_was_made_while_the_stream_was_filled(self):
        """Message 12 is deleted in the end. The consumer comes before any message, or when five are there."""
        left, removed = {seq: entry for seq, entry in ALL.items() if seq != 12}, part(12)
        before, later = ALL[1].time - timedelta(seconds=1), ALL[5].time
        fits = model.each_at_least_once(EVERYTHING)
        without = ROWS[:11] + ROWS[12:]
        for made, rows, verdict in (
            (before, [], EXACT), (before, ROWS[:3], EXACT), (before, ROWS[:14], EXACT), (before, without[:14], EXACT), (before, without, EXACT),
            (before, ROWS[:2] + ROWS[3:5], WRONG), (before, ROWS[1:3], WRONG),
            (later, [], WRONG), (later, ROWS[:4], WRONG), (later, ROWS[:5], EXACT), (later, ROWS[:7], EXACT), (later, ROWS[:6] + ROWS[7:9], WRONG),
        ):
            self.assertEqual(self.verdict(fits, rows, model.while_filled(left, removed, made, rows)), verdict, (made, len(rows)))

    def test_the_newest_and_the_oldest(self):
        left = World(part(*range(1, 29)), ALL)
        for rows, verdict in ((ROWS[-3:], EXACT), (ROWS[-4:], WRONG), (ROWS[-2:], WRONG), (ROWS[-4:-1], WRONG)):
            self.assertEqual(self.verdict(model.newest(EVERYTHING, 3), rows), verdict)
        # Two were deleted meanwhile, one after the other: what was the newest before, between the two, or is now.
        for rows, verdict in ((ROWS[27:28], EXACT), (ROWS[26:28], EXACT), (ROWS[25:28], EXACT), ([], WRONG), (ROWS[26:27], WRONG), (ROWS[24:27], WRONG), (ROWS[24:28], WRONG)):
            self.assertEqual(self.verdict(model.newest(EVERYTHING, 3), rows, left), verdict)
        left = World(part(*range(3, 31)), ALL)
        for rows, verdict in ((ROWS[2:3], EXACT), (ROWS[2:4], EXACT), (ROWS[2:5], EXACT), (ROWS[:3], EXACT), ([], WRONG), (ROWS[3:5], WRONG), (ROWS[2:6], WRONG)):
            self.assertEqual(self.verdict(model.oldest(EVERYTHING, 3), rows, left), verdict)
        gone = World({}, ALL)
        for rows, verdict in (([], EXACT), (ROWS[4:6], EXACT), (ROWS[4:8], WRONG)):
            self.assertEqual(self.verdict(model.newest(EVERYTHING, 3), rows, gone), verdict)
        for rows, verdict in ((ROWS[:3], EXACT), (ROWS[:2], WRONG), (ROWS[1:4], WRONG)):
            self.assertEqual(self.verdict(model.oldest(EVERYTHING, 3), rows), verdict)

    def test_the_newest_of_each_subject(self):
        fits = model.newest_by_subject(lambda entry: entry.subject != "s.0")
        for rows, verdict in ((ROWS[27:29], EXACT), (ROWS[28:29], WRONG), (ROWS[27:30], WRONG), (ROWS[24:26], WRONG), ([ROWS[27]] * 2, WRONG)):
            self.assertEqual(self.verdict(fits, rows), verdict)

    def test_by_sequence_by_number_and_at_least_once(self):
        fits = model.named([5, 2, 5, 40])
        for seqs, verdict in (([5, 2, 5], EXACT), ([5, 2], WRONG), ([2, 5, 5], WRONG), ([5, 2, 5, 5], WRONG)):
            self.assertEqual(self.verdict(fits, [ROWS[seq - 1] for seq in seqs]), verdict)
        for number, verdict in ((30, EXACT), (29, WRONG), (31, WRONG)):
            self.assertEqual(self.verdict(model.number_of(EVERYTHING), [(number,)]), verdict)
        for rows, verdict in ((ROWS + ROWS[3:5], EXACT), (ROWS[1:] + ROWS[3:5], WRONG), (ROWS + [(1, "s.1", b"2")], WRONG)):
            self.assertEqual(self.verdict(model.each_at_least_once(EVERYTHING), rows), verdict)

    def test_deleted_messages_that_a_server_gives_while_it_catches_up(self):
        fits, left = model.each_at_least_once(EVERYTHING), steady(part(*range(4, 31)))
        self.assertEqual(self.verdict(fits, ROWS, left), WRONG)
        world = model.with_deleted(left, part(1, 2, 3))
        forged = [(1, "s.1", b"2"), *ROWS[3:]]
        for rows, verdict in ((ROWS, DECLARED), (ROWS[3:], DECLARED), (ROWS[4:], WRONG), (forged, WRONG)):
            self.assertEqual(self.verdict(fits, rows, world), verdict)

    def test_errors(self):
        fits = model.all_of(EVERYTHING)
        self.assertEqual(classify(Answer(error="nats_scan: no answer"), fits, [steady(ALL)]), ERROR)
        self.assertEqual(classify(Answer(error="INTERNAL", broken=True), fits, [steady(ALL)]), WRONG)
        self.assertEqual(classify(Answer([]), fits, []), WRONG)


if __name__ == "__main__":
    unittest.main()
