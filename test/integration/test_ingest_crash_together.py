"""Three workers at once on one durable, each with a database of its own, killed at every step, while the server goes away
twice: no key is missing; one stands in two databases only where a worker died with a batch that was not acknowledged, or kept it too long, or
had it in hand when the server was restarted; merged on the key, every event stands once."""

import unittest

from integration import crash
from integration.crash import STEPS, Size

SIZE = crash.size(Size(events=4_000, batch=200, kills=6, rounds=10), Size(events=100_000, batch=2_000, kills=24))


class Together(unittest.TestCase):
    def test_merged_every_event_stands_once(self):
        for round_ in crash.rounds(SIZE, workers=3):
            with self.subTest(seed=round_.seed):
                round_.run()
                self.assertEqual(set(round_.deaths), {(step, inside) for step in STEPS for inside in (False, True)})
                self.assertEqual(round_.restarts, 2)
                self.check(round_)

    def check(self, round_: crash.Round) -> None:
        published = set(round_.published)
        places: dict[str, list[str]] = {}
        for file in round_.files():
            for key, n, batch in crash.rows(file):
                self.assertIn((key, n), published)
                places.setdefault(key, []).append(batch)
        self.assertEqual(set(places), set(round_.keys))
        self.assertTrue(round_.acked, "every acknowledgement came too late")
        # An event that was published twice under one key may be given to two workers; of the others:
        twice = {key: batches for key, batches in places.items() if len(batches) > 1 and round_.keys[key] == 1}
        for key, batches in twice.items():
            acked = [batch for batch in batches if batch in round_.acked]
            self.assertLessEqual(len(acked), 1, f"{key} was acknowledged in {batches}")
        self.assertEqual(sorted(key for key, _ in crash.merge(round_.files())), sorted(round_.keys))


if __name__ == "__main__":
    unittest.main()
