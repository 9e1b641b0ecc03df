"""DuckDB runs out of memory while it takes what we give: an error of the statement, and the process goes on."""

import os
import tempfile
import unittest

from integration import limited
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]


class OutOfMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, *limited.FIXTURES)

    def fails(self, statement: str) -> None:
        """Twice, since what is left of one failure could be what the next one meets."""
        self.assertEqual(limited.run(URL, *[statement] * 2), ["out of memory", limited.COUNT] * 2)

    def test_a_table_is_filled(self):
        self.fails(f"CREATE OR REPLACE TABLE t AS SELECT * FROM nats_scan('S', url := '{URL}', headers := true)")

    def test_payloads_are_counted(self):
        self.fails(f"SELECT count(DISTINCT payload) FROM nats_scan('S', url := '{URL}')")

    def test_a_join_is_built(self):
        scan = f"nats_scan('S', url := '{URL}')"
        self.fails(f"SELECT count(*) FROM {scan} a JOIN {scan} b USING (payload)")

    def test_rows_with_keys_are_kept(self):
        ingest = f"nats_ingest('S', url := '{URL}', correlation_key := '{{seq}}:{{subject}}-and-a-longer-text')"
        self.fails(f"CREATE OR REPLACE TABLE t AS SELECT *, repeat(correlation_key, 40) AS wide FROM {ingest}")

    def test_lists_are_filled(self):
        payload = '{"a":[' + ",".join(["1,null"] * 800) + "]}"
        fill(URL, "stream name=L subjects=l storage=memory", f"messages stream=L subject=l count=5000 payload='{payload}'")
        scan = f"nats_scan('L', url := '{URL}', columns := {{'a': 'BIGINT[]'}})"
        self.fails(f"CREATE OR REPLACE TABLE t AS SELECT a, a AS b FROM {scan}")

    def test_a_scalar_answers_with_long_texts(self):
        document = "'{\"x\":\"' || repeat('a', 1000000) || i || '\"}'"
        query = f"SELECT max(nats_correlation_key('{{x}}', {document})) FROM range(100) t(i)"
        # DuckDB before 1.4 does not count the memory of these texts.
        outcomes = limited.run(URL, query, query)
        self.assertEqual(outcomes[1::2], [limited.COUNT] * 2)
        self.assertLessEqual(set(outcomes[::2]), {"passed", "out of memory"})

    def test_rows_are_copied_out(self):
        with tempfile.TemporaryDirectory() as folder:
            query = f"SELECT payload, seq FROM nats_scan('S', url := '{URL}') ORDER BY payload DESC"
            self.fails(f"COPY ({query}) TO '{folder}/out.csv'")



if __name__ == "__main__":
    unittest.main()
