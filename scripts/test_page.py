"""Which SQL of a page is run, and what a comment before it says."""

import unittest
from pathlib import Path

import duckdb

from scripts import page

PAGE = """# A page
<!-- run: CREATE TABLE t (i INTEGER);
INSERT INTO t VALUES (1); -->
```sql
FROM t;
```

```result
i
1
```
```sh
make
```
<!-- fails: no such table -->
```sql
FROM u;
```
<!-- not run: it is a synopsis -->
```sql
f(a [, b])
```
"""


class Blocks(unittest.TestCase):
    def test_in_order_with_their_comments(self):
        shown, failing, left_out = list(page.blocks(PAGE))[1:]
        self.assertEqual((shown.line, shown.sql, shown.fails, shown.reason), (4, "FROM t;\n", None, None))
        self.assertEqual((failing.sql, failing.fails), ("FROM u;\n", "no such table"))
        self.assertEqual(left_out.reason, "it is a synopsis")

    def test_a_result_belongs_to_the_block_before_it(self):
        shown, failing, _ = list(page.blocks(PAGE))[1:]
        self.assertEqual((shown.result, failing.result), ("i\n1\n", None))

    def test_a_result_is_what_the_last_statement_gives(self):
        with duckdb.connect() as connection:
            sql = "CREATE OR REPLACE TABLE t AS SELECT 1; SELECT 7 AS n, NULL AS nothing;"
            page.check_result(connection, sql, "n | nothing\n7 | NULL\n")
            for wrong in ("n | nothing\n8 | NULL\n", "n | nothing\n", "m | nothing\n7 | NULL\n", "n | nothing\n7 | NULL\n7 | NULL\n"):
                with self.assertRaisesRegex(page.PageError, "7 | NULL"):
                    page.check_result(connection, sql, wrong)

    def test_sql_in_a_comment_is_run(self):
        [hidden, *_] = page.blocks(PAGE)
        self.assertIn("INSERT INTO t VALUES (1);", hidden.sql)

    def test_load_names_the_built_file_whatever_it_is_called(self):
        built = Path("/b/jetstream.duckdb_extension")
        for line in ("LOAD 'build/release/nats_js.duckdb_extension';", "LOAD '/path/to/nats_js/build/release/v2.0.0/nats_js.duckdb_extension';"):
            self.assertEqual(page.prepared(f"FROM t;\n{line}", "", built), f"FROM t;\nLOAD '{built}';")
        self.assertEqual(page.prepared("LOAD httpfs;", "", built), "LOAD httpfs;")

    def test_a_comment_without_a_block_is_an_error(self):
        with self.assertRaisesRegex(page.PageError, "no block follows"):
            list(page.blocks("<!-- fails: x -->\n"))


if __name__ == "__main__":
    unittest.main()
