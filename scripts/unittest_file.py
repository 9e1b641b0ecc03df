"""Runs one file of unittest tests, for the matrix: exit code 0 (passed), 1 (failed, or no test in it), 77 (some were skipped).

    PYTHONPATH=.tools/duckdb-2.0.0 .tools/venv/bin/python -m scripts.unittest_file test/integration/test_x.py
"""

import sys
import unittest
from pathlib import Path

from scripts.nats_server import end_on_sigterm

SKIPPED = 77


def main(file: Path) -> int:
    end_on_sigterm()
    # The folder test/ is on PYTHONPATH itself: as a package its name is taken by Python's own tests.
    module = ".".join(file.with_suffix("").parts).removeprefix("test.")
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    result = unittest.TextTestRunner(stream=sys.stdout).run(suite)
    if not result.wasSuccessful():
        return 1
    if not result.testsRun:
        print("the file tests nothing")
        return 1
    for test, reason in result.skipped:
        print(f"skipped {test}: {reason}")
    return SKIPPED if result.skipped else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
