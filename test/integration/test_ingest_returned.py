"""What a failed statement returns to the server, the next statement is given."""

import os
import subprocess
import sys
import unittest

import duckdb

from integration import host
from integration.damage import flip
from integration.streams import fill
from scripts.nats_server import Server

COUNT = 1000
# The server has to be slow for the next statement to overtake what it returns: each round is one chance.
ROUNDS = 25
VERSIONS = ("2.10.26", "2.12.8", os.environ["NATS_JS_TEST_SERVER"])


class Returned(unittest.TestCase):
    def busy(self) -> None:
        """A program that takes a processor."""
        program = self.enterContext(subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True))
        self.addCleanup(program.kill)

    def test_the_next_statement_has_all_of_it(self):
        """The last message is damaged, which shows when all others have come: the statement fails, once, and gives none of them."""
        for _ in range(3):
            self.busy()
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            fill(server.url, "stream name=S subjects=s", f"messages stream=S subject=s count={COUNT} size=100")
            server.stop()
            flip(server.store, b"message %d." % COUNT)
            server.start()
            database = host.connect()
            self.addCleanup(database.close)
            for number in range(ROUNDS):
                with self.subTest(version=version, round=number):
                    sql = f"SELECT seq FROM nats_ingest('S', url := '{server.url}', durable := 'd{number}', keep := 'all')"
                    with self.assertRaisesRegex(duckdb.Error, rf"sequence {COUNT}: .*\[damaged\]"):
                        database.execute(sql).fetchall()
                    self.assertEqual(len(database.execute(sql).fetchall()), COUNT - 1)


if __name__ == "__main__":
    unittest.main()
