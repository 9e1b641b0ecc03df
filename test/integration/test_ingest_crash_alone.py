"""One worker at a time on one database file, killed at every step and started again, while the server goes away twice: at
the end every distinct key stands once, none is missing, nothing else is there."""

import unittest

from integration import crash
from integration.crash import STEPS, Size

SIZE = crash.size(Size(events=3_000, batch=200, kills=6, rounds=10), Size(events=100_000, batch=2_000, kills=24))


class Alone(unittest.TestCase):
    def test_every_key_stands_once(self):
        for round_ in crash.rounds(SIZE, workers=1):
            with self.subTest(seed=round_.seed):
                round_.run()
                # The round did what it is for: every step was a death, before it and in it, and the server went away.
                self.assertEqual(set(round_.deaths), {(step, inside) for step in STEPS for inside in (False, True)})
                self.assertEqual(round_.restarts, 2)
                rows = crash.rows(*round_.files())
                self.assertEqual(sorted(key for key, _, _ in rows), sorted(round_.keys))
                self.assertLessEqual({(key, n) for key, n, _ in rows}, set(round_.published))


if __name__ == "__main__":
    unittest.main()
