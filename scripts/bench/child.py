"""One statement in a DuckDB of its own, as `run` asks for it on standard input; a line of JSON says how it went.

    PYTHONPATH=.tools/duckdb-2.0.0 .tools/venv/bin/python -m scripts.bench.child
"""

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

STATUS = Path("/proc/self/status")
# "5" makes the highest resident size what it is now (Linux, Documentation/filesystems/proc.rst).
RESET_PEAK = Path("/proc/self/clear_refs")


def resident_kib(field: str) -> int:
    """VmRSS or VmHWM."""
    return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith(field))


def cpu_seconds() -> float:
    """Of all threads of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def connect(database: str, extension: str | None) -> duckdb.DuckDBPyConnection:
    """A DuckDB with nothing that draws on the terminal; with our extension where one is named."""
    connection = duckdb.connect(database, config={"allow_unsigned_extensions": "true"})
    if extension:
        connection.execute(f"LOAD '{extension}'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def main() -> None:
    job = json.load(sys.stdin)
    connection = connect(job["database"] or ":memory:", job["extension"])
    for statement in job["setup"]:
        connection.execute(statement).fetchall()
    RESET_PEAK.write_text("5")
    before, cpu, seconds, rows = resident_kib("VmRSS"), cpu_seconds(), [], []
    for _ in range(job["repeat"]):
        if job["before"]:
            connection.execute(job["before"]).fetchall()
        started = time.perf_counter()
        rows = connection.execute(job["sql"]).fetchall()
        seconds.append(time.perf_counter() - started)
    cpu, peak = cpu_seconds() - cpu, resident_kib("VmHWM")
    checked = connection.execute(job["check"]).fetchall() if job["check"] else [[True]]
    print(json.dumps({
        "seconds": seconds, "cpu_seconds": cpu, "grown_kib": peak - before,
        "rows": [[str(value) for value in row] for row in rows], "checked": checked[0][0] is True,
    }))


if __name__ == "__main__":
    main()
