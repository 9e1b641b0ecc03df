"""Which SQL of a page is run, and what a comment before it says."""

import unittest

from scripts import page

PAGE = """# A page
<!-- run: CREATE TABLE t (i INTEGER);
INSERT INTO t VALUES (1); -->
```sql
FROM t;
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

    def test_sql_in_a_comment_is_run(self):
        [hidden, *_] = page.blocks(PAGE)
        self.assertIn("INSERT INTO t VALUES (1);", hidden.sql)

    def test_a_comment_without_a_block_is_an_error(self):
        with self.assertRaisesRegex(page.PageError, "no block follows"):
            list(page.blocks("<!-- fails: x -->\n"))


if __name__ == "__main__":
    unittest.main()
