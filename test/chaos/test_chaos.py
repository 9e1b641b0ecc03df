"""The fault suite in short: some seconds of it against one server and against three; `make chaos` is the long form."""

import os
import unittest

from chaos.model import EXACT, WRONG
from chaos.place import Kind
from chaos.run import Round, Tally

VERSION = os.environ["NATS_JS_TEST_SERVER"]
SEED = 20
# Each with the seconds in which faults may begin.
SHORT = ((Kind(VERSION, 1, "file", 1), 6), (Kind(VERSION, 1, "memory", 1), 2), (Kind(VERSION, 3, "file", 3), 6))


class Chaos(unittest.TestCase):
    def test_no_answer_is_wrong(self):
        for kind, seconds in SHORT:
            with self.subTest(place=kind.name):
                tally = Tally()
                Round(SEED, kind, tally, seconds).run()
                self.assertEqual(tally.wrong, [])
                self.assertGreater(sum(tally.faults.values()), 3)
                verdicts = [verdict for _, _, verdict in tally.answers.elements()]
                self.assertNotIn(WRONG, verdicts)
                self.assertIn(EXACT, verdicts)


if __name__ == "__main__":
    unittest.main()
