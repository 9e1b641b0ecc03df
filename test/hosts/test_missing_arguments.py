"""A call without its arguments: every function either needs none, or DuckDB's binder names it and each of its forms. Nothing is asked of a server before that."""

import os
import re
import unittest
from unittest import mock

import duckdb

from integration import host

NOWHERE = "nats://127.0.0.1:1"
# What reads all that there is when nothing is named; through the first door some of these want a NULL.
WITHOUT = {"nats_accounts", "nats_connections", "nats_consumers", "nats_kv_buckets", "nats_object_stores", "nats_ping", "nats_reads", "nats_servers", "nats_stats", "nats_stream_info", "nats_streams", "nats_subjects"}
FEWEST = 40


class MissingArguments(unittest.TestCase):
    def test_the_binder_names_the_forms(self):
        connection = host.connect()
        self.addCleanup(connection.close)
        named = """SELECT DISTINCT function_name, function_type FROM duckdb_functions()
            WHERE starts_with(function_name, 'nats_') AND function_type IN ('table', 'scalar') ORDER BY ALL"""
        functions = connection.execute(named).fetchall()
        self.assertGreater(len(functions), FEWEST)
        with mock.patch.dict(os.environ, {"NATS_URL": NOWHERE}):
            for name, kind in functions:
                with self.subTest(name, kind=kind):
                    try:
                        connection.execute(f"FROM {name}()" if kind == "table" else f"SELECT {name}()").fetchall()
                        self.assertIn(name, WITHOUT)
                    except duckdb.InvalidInputException as error:
                        # It needs nothing but a server.
                        self.assertIn(name, WITHOUT)
                        self.assertIn("cannot connect", str(error))
                    except duckdb.BinderException as error:
                        # The words that docs/troubleshooting.md has, and a form with as many arguments as it needs.
                        self.assertIn(f"No function matches the given name and argument types '{name}()'", str(error))
                        self.assertRegex(str(error), rf"Candidate functions:\s+{re.escape(name)}\((?!\))")


if __name__ == "__main__":
    unittest.main()
