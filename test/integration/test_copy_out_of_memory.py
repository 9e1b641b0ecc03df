"""DuckDB runs out of memory while COPY reads a stream or writes one: an error of the statement, and the process goes on."""

import os
import unittest

from integration import limited
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]


class CopyOutOfMemory(unittest.TestCase):
    def test_both_ways(self):
        fill(URL, *limited.FIXTURES, "stream name=T subjects=t storage=memory")
        read = f"SELECT payload FROM nats_scan('S', url := '{URL}') ORDER BY payload DESC"
        write = f"COPY ({read}) TO 'T' (FORMAT nats_js, url '{URL}', subject 't')"
        create = "CREATE OR REPLACE TABLE t (payload BLOB, seq UBIGINT)"
        load = f"COPY t FROM 'S' (FORMAT nats_js, url '{URL}', payload_column 'payload', seq_column 'seq')"
        outcomes = limited.run(URL, write, create, load, write, load)
        self.assertEqual(outcomes[::2], ["out of memory", "passed", *["out of memory"] * 3])
        self.assertEqual(outcomes[1::2], [limited.COUNT] * 5)


if __name__ == "__main__":
    unittest.main()
