"""Durables that another client made: read as they are with any deliver policy and any filters, or refused by the name of what cannot be read soundly."""

import os
import unittest

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 9
BASE = {"ack_policy": "explicit", "deliver_policy": "all", "replay_policy": "instant"}
# What another client asked for beside BASE, and the sequences that it delivers of 1 to 9, of which i is of the subject s.{i%3}.
READ = {
    "all": ({}, range(1, 10)),
    "last": ({"deliver_policy": "last"}, [9]),
    "last_per_subject": ({"deliver_policy": "last_per_subject", "filter_subject": "s.>"}, [7, 8, 9]),
    "last_of_one_subject": ({"deliver_policy": "last_per_subject", "filter_subject": "s.1"}, [7]),
    "new": ({"deliver_policy": "new"}, []),
    "by_start_sequence": ({"deliver_policy": "by_start_sequence", "opt_start_seq": 6}, [6, 7, 8, 9]),
    "by_start_time": ({"deliver_policy": "by_start_time", "opt_start_time": None}, [4, 5, 6, 7, 8, 9]),
    "one_filter": ({"filter_subject": "s.2"}, [2, 5, 8]),
    "several_filters": ({"filter_subjects": ["s.0", "s.2"]}, [2, 3, 5, 6, 8, 9]),
    "filters_and_a_start": ({"filter_subjects": ["s.0", "s.2"], "deliver_policy": "by_start_sequence", "opt_start_seq": 5}, [5, 6, 8, 9]),
    "few_in_hand": ({"max_ack_pending": 4}, [1, 2, 3, 4]),
    "small_batches": ({"max_batch": 2}, range(1, 10)),
}
REFUSED = {
    "none": ({"ack_policy": "none"}, "ack_policy is 'none', which acknowledges what no table has, not explicit"),
    "every": ({"ack_policy": "all"}, "ack_policy is 'all', which acknowledges what came before as well, not explicit"),
    "original": ({"replay_policy": "original"}, "replay_policy is original, not instant"),
    "headers": ({"headers_only": True}, "headers_only is true, not false"),
    "push": ({"deliver_subject": "to.nobody"}, "its kind is push, not pull"),
    "pinned": ({"priority_policy": "pinned_client", "priority_groups": ["g"]}, "priority_policy is pinned_client, not none"),
    "overflow": ({"priority_policy": "overflow", "priority_groups": ["g"]}, "priority_policy is overflow, not none"),
    "prioritized": ({"priority_policy": "prioritized", "priority_groups": ["g"]}, "priority_policy is prioritized, not none"),
    "two": ({"ack_policy": "all", "headers_only": True}, "ack_policy is 'all', which acknowledges what came before as well, not explicit, headers_only is true"),
}


class ForeignConsumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, "stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%3}} count={COUNT}")

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def make(self, name: str, config: dict) -> None:
        with fixtures.Wire(URL) as wire:
            if "opt_start_time" in config:
                config = config | {"opt_start_time": wire.request("STREAM.MSG.GET.S", {"seq": 4})["message"]["time"]}
            wire.request(f"CONSUMER.DURABLE.CREATE.S.{name}", {"stream_name": "S", "config": BASE | config | {"durable_name": name}})

    def info(self, name: str) -> dict:
        with fixtures.Wire(URL) as wire:
            return wire.request(f"CONSUMER.INFO.S.{name}")

    def test_read_as_they_are(self):
        for name, (config, expected) in READ.items():
            with self.subTest(consumer=name):
                self.make(name, config)
                before = self.info(name)["config"]
                rows = self.database.execute(f"SELECT seq FROM nats_ingest('S', url := '{URL}', durable := '{name}')").fetchall()
                self.assertEqual([seq for (seq,) in rows], list(expected))
                [(acked,)] = self.database.execute(f"SELECT acked FROM nats_ack('S', '{name}', url := '{URL}')").fetchall()
                self.assertEqual(acked, len(rows))
                info = self.info(name)
                self.assertEqual((info["num_ack_pending"], info["config"]), (0, before))

    def test_refused_by_name(self):
        for name, (config, words) in REFUSED.items():
            with self.subTest(consumer=name):
                self.make(name, config)
                before = self.info(name)
                with self.assertRaises(duckdb.Error) as caught:
                    self.database.execute(f"FROM nats_ingest('S', url := '{URL}', durable := '{name}')").fetchall()
                self.assertIn(f"the consumer '{name}' exists with another configuration: {words}", str(caught.exception))
                self.assertIn("[conflict]", str(caught.exception))
                after = self.info(name)
                # Nothing was taken from who reads it, and nothing changed.
                self.assertEqual((after["delivered"]["consumer_seq"], after["num_ack_pending"]), (before["delivered"]["consumer_seq"], before["num_ack_pending"]))
                self.assertEqual(after["config"], before["config"])


if __name__ == "__main__":
    unittest.main()
