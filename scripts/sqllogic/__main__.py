"""Runs one test file in this process's DuckDB.

    PYTHONPATH=.tools/duckdb-2.0.0 .tools/venv/bin/python -m scripts.sqllogic [--profile release] FILE

`require-env` sees this process's environment. The exit code is 0 (passed), 1 (failed) or 77 (skipped), and the output says why.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from .host import Host
from .runner import Failure, Runner, Skip

SKIPPED = 77


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--profile", choices=["release", "debug"], default="release")
    arguments.add_argument("file", type=Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="nats_js-test-") as scratch:
        directory = Path(os.environ.get("NATS_JS_TEST_DIR", scratch))
        database = Host(chosen.profile)
        try:
            count = Runner(database, os.environ, directory).run(chosen.file.read_text())
        except Failure as failure:
            print(f"{chosen.file}:{failure.line}: {failure}")
            return 1
        except Skip as skip:
            print(skip)
            return SKIPPED
        finally:
            database.close()
    print(f"{count} checks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
