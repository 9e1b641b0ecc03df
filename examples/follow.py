"""Makes a table follow a stream in one process: as follow.sh, without a start of DuckDB for each step.

    NATS_URL=nats://localhost:4222 python examples/follow.py follow.duckdb [STEPS]

SIGINT and SIGTERM end it after the step that runs, which takes at most as long as `max_wait` when nothing comes.
"""

import itertools
import os
import random
import signal
import sys
import threading
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
EXTENSION = os.environ.get("NATS_JS_EXTENSION", str(HERE.parent / "build/release/nats_js.duckdb_extension"))
MAX_PAUSE_SECONDS = 60


def step(database: duckdb.DuckDBPyConnection, statements: list[str]) -> bool:
    """One step of follow.sql; false when it failed. Its last statement acknowledges what the table holds, so it is right after
    a failure, too; what is left goes back to the server."""
    *write, acknowledge = statements
    failed = None
    try:
        for statement in write:
            database.execute(statement)
    except duckdb.Error as error:
        failed = error
    try:
        (acked,) = database.execute(acknowledge).fetchone()
        print(f"acknowledged {acked}", flush=True)
        # What fails again comes by itself in halves, so that one event does not hold up the others.
        database.execute("FROM nats_nak('MEDIA_EVENTS', 'follow')")
    except duckdb.Error as error:
        failed = failed or error
    if failed:
        print(failed, file=sys.stderr, flush=True)
    return failed is None


def main() -> None:
    stop = threading.Event()
    for word in (signal.SIGINT, signal.SIGTERM):
        signal.signal(word, lambda *_: stop.set())
    database = duckdb.connect(sys.argv[1], config={"allow_unsigned_extensions": "true"})
    database.execute(f"LOAD '{EXTENSION}'")
    statements = [statement.query for statement in duckdb.extract_statements((HERE / "follow.sql").read_text())]
    failures = 0
    for _ in range(int(sys.argv[2])) if len(sys.argv) > 2 else itertools.count():
        if stop.is_set():
            break
        failures = 0 if step(database, statements) else failures + 1
        if failures:
            # A message that fails every time, or a server that is away, must not be asked for without a pause.
            stop.wait(min(2 ** (failures - 1), MAX_PAUSE_SECONDS) * random.uniform(0.5, 1))


if __name__ == "__main__":
    main()
