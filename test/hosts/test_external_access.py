"""What a host that tells no extension its settings has instead of enable_external_access: a variable of the environment."""

import os
import unittest
from unittest import mock

import duckdb

from integration import host


class Variable(unittest.TestCase):
    def test_it_forbids_every_server(self):
        connection = host.connect()
        self.addCleanup(connection.close)
        url = os.environ["NATS_JS_TEST_URL"]
        ping = f"SELECT count(*) FROM nats_ping(url := '{url}')"
        self.assertEqual(connection.execute(ping).fetchall(), [(1,)])
        with mock.patch.dict(os.environ, {"NATS_JS_EXTERNAL_ACCESS": "false"}):
            with self.assertRaisesRegex(duckdb.Error, "the environment variable NATS_JS_EXTERNAL_ACCESS"):
                connection.execute(ping)
        self.assertEqual(connection.execute(ping).fetchall(), [(1,)])


if __name__ == "__main__":
    unittest.main()
