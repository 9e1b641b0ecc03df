"""A database that has been closed is free: no lock and no write-ahead log stay behind, though the process lives on."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from integration.host import connect
from scripts import fixtures

READ = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('SELECT count(*) FROM t').fetchone()[0])"


class Close(unittest.TestCase):
    def test_another_process_opens_the_file(self):
        url = os.environ["NATS_JS_TEST_URL"]
        with fixtures.Wire(url) as wire:
            for line in ("stream name=S subjects=a", "messages stream=S subject=a count=100"):
                fixtures.parse(line, line).apply(wire)
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "a.db"
            connection = connect(str(file))
            connection.execute("CREATE TABLE t AS FROM nats_scan('S', url := ?)", [url])
            connection.close()
            self.assertEqual([path.name for path in Path(scratch).iterdir()], ["a.db"])
            other = subprocess.run([sys.executable, "-c", READ, file], capture_output=True, text=True)
            self.assertEqual((other.stdout, other.stderr), ("100\n", ""))


if __name__ == "__main__":
    unittest.main()
