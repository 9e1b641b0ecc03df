"""Fixtures do what a test file asks, and fail where they cannot."""

import tempfile
import unittest
from pathlib import Path

from scripts import fixtures, matrix
from scripts.nats_server import Server

from fixtures import events  # scripts.fixtures puts it on the path


class Lines(unittest.TestCase):
    def needs(self, text: str) -> fixtures.Needs:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "x.test"
            file.write_text(text)
            return fixtures.needs(file)

    def test_both_kinds_of_comment(self):
        found = self.needs("# fixture: stream name=A\n-- fixture: message stream=A payload='two words'\nstatement ok\n")
        self.assertEqual([fixture.name for fixture in found.fixtures], ["stream", "message"])
        self.assertEqual(found.fixtures[1].arguments["payload"], "two words")

    def test_unknown_fixture(self):
        with self.assertRaisesRegex(fixtures.FixtureError, r"x.test:2: there is no fixture 'steam'"):
            self.needs("#\n# fixture: steam name=A\n")

    def test_argument_without_value(self):
        with self.assertRaisesRegex(fixtures.FixtureError, "'A' is not key=value"):
            self.needs("# fixture: stream A\n")

    def test_unknown_server(self):
        with self.assertRaisesRegex(fixtures.FixtureError, "there is no .*/nowhere.conf"):
            self.needs("# server: nowhere\n")


class Streams(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(matrix.NEWEST_SERVER))

    def apply(self, *lines: str) -> dict:
        """Applies fixtures; the state of stream S."""
        fixtures.Needs([fixtures.parse("here", line) for line in lines], None).prepare(self.server.url)
        with fixtures.Wire(self.server.url) as wire:
            return wire.request("STREAM.INFO.S", {"deleted_details": True})["state"]

    def test_messages_in_many_strides(self):
        state = self.apply("stream name=S subjects=a.>", "messages stream=S subject=a.{i%10} count=12345")
        self.assertEqual((state["messages"], state["last_seq"], state["num_subjects"]), (12345, 12345, 10))

    def test_listed_holes(self):
        state = self.apply(
            "stream name=S subjects=a", "messages stream=S subject=a count=10 kind=empty", "holes stream=S seqs=2,4-6"
        )
        self.assertEqual(state["deleted"], [2, 4, 5, 6])

    def test_regular_holes(self):
        state = self.apply("stream name=S subjects=a", "messages stream=S subject=a count=10", "holes stream=S every=4")
        self.assertEqual(state["deleted"], [4, 8])

    def test_purge(self):
        state = self.apply("stream name=S subjects=a", "messages stream=S subject=a count=10", "purge stream=S up_to_seq=4")
        self.assertEqual((state["first_seq"], state["messages"]), (5, 6))

    def test_expire(self):
        state = self.apply("stream name=S subjects=a", "messages stream=S subject=a count=10", "expire stream=S")
        self.assertEqual((state["messages"], state["last_seq"]), (0, 10))

    def test_events(self):
        state = self.apply("stream name=S subjects=playback.>", "events stream=S count=500")
        self.assertEqual(state["messages"], 500)

    def test_messages_that_no_stream_takes(self):
        with self.assertRaisesRegex(fixtures.FixtureError, "here: fixture messages: no answer"):
            self.apply("stream name=S subjects=a", "messages stream=S subject=b count=3")

    def test_messages_that_the_stream_drops(self):
        with self.assertRaisesRegex(fixtures.FixtureError, "maximum messages exceeded|stored 2 of 3"):
            self.apply("stream name=S subjects=a max_msgs=2 discard=new", "messages stream=S subject=a count=3")

    def test_configuration_that_the_server_does_not_take(self):
        with self.assertRaisesRegex(fixtures.FixtureError, "max_mgs"):
            self.apply("stream name=S subjects=a max_mgs=2")


class Events(unittest.TestCase):
    def test_a_seed_repeats(self):
        first, again, other = (list(events.generate(500, seed, ["plex"])) for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_they_come_in_the_order_of_their_time(self):
        times = [event["timestamp"] for event in events.generate(2000, 1, ["plex"])]
        self.assertEqual(times, sorted(times))


class SpecialServers(unittest.TestCase):
    def test_each_starts_and_lets_fixtures_in(self):
        for config in sorted(fixtures.SERVERS.glob("*.conf")):
            needs = fixtures.Needs([fixtures.parse("here", "stream name=S subjects=a")], config)
            with self.subTest(config.name), Server(matrix.NEWEST_SERVER, needs.config()) as server:
                if "jetstream {" in needs.config():
                    needs.prepare(server.url)
                else:
                    with self.assertRaisesRegex(fixtures.FixtureError, "no answer"):
                        needs.prepare(server.url)


if __name__ == "__main__":
    unittest.main()
