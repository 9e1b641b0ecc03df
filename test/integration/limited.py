"""Statements in a DuckDB that has little memory and no disk to spill to, in a process of their own: it must live."""

import subprocess
import sys

MESSAGES = 60_000
SIZE = 1_500
FIXTURES = ("stream name=S subjects=s storage=memory", f"messages stream=S subject=s count={MESSAGES} size={SIZE}")

# Runs the statements given as arguments; after each failure the stream must still be readable whole.
PROGRAM = """
import sys, tempfile
import duckdb
from integration.host import connect

with connect() as connection, tempfile.TemporaryDirectory() as folder:
    connection.execute(f"SET temp_directory = '{folder}'")
    connection.execute("SET memory_limit = '60MB'")
    connection.execute("SET max_temp_directory_size = '1MB'")
    connection.execute("SET threads = 2")
    connection.execute("SET enable_progress_bar = false")
    *statements, count = sys.argv[1:]
    for statement in statements:
        try:
            connection.execute(statement).fetchall()
            print("passed")
        except duckdb.OutOfMemoryException:
            print("out of memory")
        print(connection.execute(count).fetchall())
"""


def run(url: str, *statements: str) -> list[str]:
    """For each statement whether it passed or ran out of memory, then the count of the stream S, read afterwards. A
    process that is ended by a signal is an error."""
    count = f"SELECT count(*) FROM nats_scan('S', url := '{url}')"
    finished = subprocess.run([sys.executable, "-c", PROGRAM, *statements, count], capture_output=True, text=True)
    if finished.returncode != 0:
        raise AssertionError(f"exit code {finished.returncode}\n{finished.stdout}\n{finished.stderr}")
    return finished.stdout.splitlines()


COUNT = f"[({MESSAGES},)]"
