"""The examples of client libraries print what the stream holds."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import duckdb

from clients import place
from scripts import paths, tools
from scripts.nats_server import Server

CLIENTS = paths.ROOT / "examples" / "clients"


class Libraries(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        place.fill(self.server, "stream name=ORDERS subjects=orders.>", place.ORDERS)

    def program(self, *command: str | Path, **more: str) -> str:
        """What a program prints."""
        ended = subprocess.run(
            [str(part) for part in command], env=place.variables(self.server) | more, cwd=self.folder, text=True, capture_output=True,
            timeout=place.SECONDS, check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def test_sqlalchemy(self):
        self.assertEqual(self.program(sys.executable, CLIENTS / "sqlalchemy_orders.py"), place.TOTALS)

    def test_polars(self):
        self.assertEqual(self.program(sys.executable, CLIENTS / "polars_orders.py"), place.TOTALS)

    def test_marimo(self):
        self.assertEqual(self.program(sys.executable, CLIENTS / "marimo_orders.py"), place.TOTALS)

    def dbt(self) -> list[tuple]:
        """Runs the model; the rows of its table, and how many checkpoints they carry."""
        project, database = CLIENTS / "dbt", self.folder / "shop.duckdb"
        self.program(
            sys.executable, "-m", "dbt.cli.main", "run", "--project-dir", project, "--profiles-dir", project, "--log-path", self.folder,
            DBT_DATABASE=str(database), DBT_TARGET_PATH=str(self.folder / "target"),
        )
        with duckdb.connect(str(database), read_only=True) as connection:
            return connection.execute("SELECT count(*), count(DISTINCT correlation_key), max(seq), count(DISTINCT checkpoint), sum(total) FROM orders").fetchone()

    def test_dbt_reads_from_checkpoint_to_checkpoint(self):
        self.assertEqual([str(value) for value in self.dbt()], ["30", "30", "30", "1", "480.00"])
        # Nothing is new.
        self.assertEqual([str(value) for value in self.dbt()], ["30", "30", "30", "1", "480.00"])
        # Two orders are new, and one comes again with another total.
        place.fill(
            self.server,
            """message stream=ORDERS subject=orders.1.new payload='{"order_id":"o31","customer":"c1","total":1}'""",
            """message stream=ORDERS subject=orders.1.new payload='{"order_id":"o32","customer":"c2","total":2}'""",
            """message stream=ORDERS subject=orders.1.new payload='{"order_id":"o30","customer":"c0","total":0.50}'""",
        )
        self.assertEqual([str(value) for value in self.dbt()], ["32", "32", "33", "2", "453.00"])

    def test_node(self):
        modules = tools.node_client().folder / "node_modules"
        if not tools.node_client().installed():
            self.skipTest("Node.js, or its client for DuckDB, is not installed")
        (self.folder / "node_modules").symlink_to(modules)
        program = self.folder / "orders.mjs"
        program.write_text((CLIENTS / "node" / "orders.mjs").read_text())
        self.assertEqual(self.program("node", program), place.TOTALS)


if __name__ == "__main__":
    unittest.main()
