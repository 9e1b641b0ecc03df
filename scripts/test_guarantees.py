"""docs/guarantees.md names a test for each promise: the file is there, and so is each test that it names by its words."""

import re
import unittest

from scripts import paths

PAGE = paths.ROOT / "docs" / "guarantees.md"
INTEGRATION = paths.ROOT / "test" / "integration"
ROW = re.compile(r"^\| (?P<promise>.+) \| (?P<shown_by>.+) \|$")


def rows() -> list[tuple[str, str]]:
    """The promises of the page, with what shows them."""
    found = [ROW.match(line) for line in PAGE.read_text().splitlines()]
    tables = [(row["promise"], row["shown_by"]) for row in found if row]
    return [row for row in tables if "test_" in row[1] or "src/" in row[1] or "plan::" in row[1]]


def named(shown_by: str) -> list[tuple[str, list[str]]]:
    """The Python tests that a cell names, each with the words of the tests in it, where it says which."""
    tests = []
    for match in re.finditer(r"`(?:test/integration/)?(test_\w+?)(?:\.py)?`(?:: ([^`]*))?", shown_by):
        words = re.split(r";|, (?=with )", match[2].strip(" ;")) if match[2] else []
        tests.append((match[1], [word.strip() for word in words if word.strip()]))
    return tests


class Guarantees(unittest.TestCase):
    def test_every_test_that_is_named_is_there(self):
        count = 0
        for promise, shown_by in rows():
            for file, words in named(shown_by):
                with self.subTest(promise=promise[:60], file=file):
                    text = (INTEGRATION / f"{file}.py").read_text()
                    for word in words:
                        self.assertIn(f"def test_{re.sub(r'[^a-z0-9]+', '_', word.lower())}(", text)
                    count += 1
        self.assertGreater(count, 40)

    def test_files_of_the_source_are_there(self):
        for path in re.findall(r"`((?:src|test)/[\w/]+\.(?:rs|py))`", PAGE.read_text()):
            self.assertTrue((paths.ROOT / path).is_file(), path)

    def test_a_table_row_is_read(self):
        self.assertEqual(named("`test_a`: one; two; `test/integration/test_b.py`"), [("test_a", ["one", "two"]), ("test_b", [])])


if __name__ == "__main__":
    unittest.main()
