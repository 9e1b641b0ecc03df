"""What DuckLake does with two transactions that insert the same keys: both are committed, and each key stands twice. With a fence in each, one of them is refused."""

import tempfile
import unittest

import duckdb

from lake import place

MERGE = """MERGE INTO lake.t USING (SELECT 'k' || i AS k, {n} AS n FROM range(2000) r(i)) AS s ON t.k = s.k WHEN NOT MATCHED THEN INSERT"""


class Doubles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        postgres = cls.enterClassContext(place.Postgres())
        data = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.workers = [place.attach(postgres.catalogue, f"{data}/") for _ in range(2)]
        for worker in cls.workers:
            cls.addClassCleanup(worker.close)

    def setUp(self):
        self.workers[0].execute("CREATE OR REPLACE TABLE lake.t (k VARCHAR, n INTEGER)")

    def merge_at_once(self, *also: str) -> tuple[tuple[int, int], list[str]]:
        """Two transactions that both begin before either ends: rows and keys, and the errors of COMMIT."""
        for number, worker in enumerate(self.workers):
            worker.execute("BEGIN")
            worker.execute(MERGE.format(n=number))
            if number < len(also):
                worker.execute(also[number])
        errors = []
        for worker in self.workers:
            try:
                worker.execute("COMMIT")
            except duckdb.Error as error:
                errors.append(str(error))
        return self.workers[0].execute("SELECT count(*), count(DISTINCT k) FROM lake.t").fetchone(), errors

    def test_without_a_fence_every_key_stands_twice(self):
        """The fault that the fence is for. When this fails, DuckLake has learnt to see it, and the fence may go."""
        self.assertEqual(self.merge_at_once(), ((4000, 2000), []))

    def test_with_one_fence_one_of_them_is_refused(self):
        self.workers[0].execute("CREATE TABLE lake.fence_0 AS SELECT '' AS batch")
        found, errors = self.merge_at_once("UPDATE lake.fence_0 SET batch = 'a'", "UPDATE lake.fence_0 SET batch = 'b'")
        self.assertEqual((found, len(errors)), ((2000, 2000), 1))
        self.assertIn("Transaction conflict", errors[0])
        self.assertEqual(self.workers[1].execute("FROM lake.fence_0").fetchall(), [("a",)])

    def test_fences_of_two_partitions_do_not_meet(self):
        """Why a fence is a table of its own: rows of one table do meet."""
        for number in (1, 2):
            self.workers[0].execute(f"CREATE TABLE lake.fence_{number} AS SELECT '' AS batch")
        _, errors = self.merge_at_once("UPDATE lake.fence_1 SET batch = 'a'", "UPDATE lake.fence_2 SET batch = 'b'")
        self.assertEqual(errors, [])
        self.workers[0].execute("CREATE TABLE lake.fences AS SELECT i AS p, '' AS batch FROM range(2) r(i)")
        _, errors = self.merge_at_once("UPDATE lake.fences SET batch = 'a' WHERE p = 0", "UPDATE lake.fences SET batch = 'b' WHERE p = 1")
        self.assertEqual(len(errors), 1)

    def test_without_retries_any_other_commit_refuses_one(self):
        """The other way: no partitions are needed, and every commit of anybody is in the way."""
        for worker in self.workers:
            worker.execute("SET ducklake_max_retry_count = 0")
            self.addCleanup(worker.execute, "RESET ducklake_max_retry_count")
        found, errors = self.merge_at_once()
        self.assertEqual((found, len(errors)), ((2000, 2000), 1))
        self.assertIn("maximum retry count", errors[0])


if __name__ == "__main__":
    unittest.main()
