"""Two versions of DuckDB in one process: the second LOAD of the same file is refused, and the first goes on."""

import os
import subprocess
import sys
import unittest

from scripts import tools

# Imports one DuckDB, then another under the same name, and loads the extension into both.
PROGRAM = """
import sys

def host(folder):
    for name in [name for name in sys.modules if name.split(".")[0] in ("duckdb", "_duckdb")]:
        del sys.modules[name]
    sys.path.insert(0, folder)
    import duckdb
    return duckdb

file, url, *folders = sys.argv[1:]
first, second = map(host, folders)
assert first.__version__ != second.__version__, (first.__version__, second.__version__)
count = f"SELECT value FROM nats_stats() WHERE name = 'requests'"
one = first.connect(config={"allow_unsigned_extensions": "true"})
one.execute(f"LOAD '{file}'")
assert one.execute(f"SELECT count(*) FROM nats_ping(url := '{url}')").fetchone() == (1,)
two = second.connect(config={"allow_unsigned_extensions": "true"})
try:
    two.execute(f"LOAD '{file}'")
    print("loaded twice")
except Exception as error:
    print(error)
assert one.execute(f"SELECT count(*) FROM nats_ping(url := '{url}')").fetchone() == (1,)
again = first.connect(config={"allow_unsigned_extensions": "true"})
again.execute(f"LOAD '{file}'")
assert again.execute(f"SELECT count(*) FROM nats_ping(url := '{url}')").fetchone() == (1,)
print("alive")
"""


class TwoHosts(unittest.TestCase):
    def check(self, first: str, second: str) -> None:
        from scripts import package, paths

        file = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine())
        folders = [str(tools.duckdb(version).folder) for version in (first, second)]
        command = [sys.executable, "-c", PROGRAM, str(file), os.environ["NATS_JS_TEST_URL"], *folders]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        finished = subprocess.run(command, capture_output=True, text=True, env=environment)
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)
        self.assertIn(f"another DuckDB (v{first}) already, and this one is v{second}", finished.stdout)
        self.assertTrue(finished.stdout.endswith("alive\n"), finished.stdout)

    def test_the_newer_first(self):
        self.check("2.0.0", "1.3.2")

    def test_the_older_first(self):
        self.check("1.5.6", "2.0.0")


if __name__ == "__main__":
    unittest.main()
