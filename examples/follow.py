"""Makes a table follow a stream in one process: as follow.sh, without a start of DuckDB for each step.

    NATS_URL=nats://localhost:4222 python examples/follow.py follow.duckdb [STEPS]
"""

import itertools
import os
import sys
import time
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
EXTENSION = os.environ.get("NATS_JS_EXTENSION", str(HERE.parent / "build/release/nats_js.duckdb_extension"))


def main() -> None:
    database = duckdb.connect(sys.argv[1], config={"allow_unsigned_extensions": "true"})
    database.execute(f"LOAD '{EXTENSION}'")
    step = (HERE / "follow.sql").read_text()
    for _ in range(int(sys.argv[2])) if len(sys.argv) > 2 else itertools.count():
        try:
            print(database.execute(step).fetchone(), flush=True)
        except duckdb.Error as error:
            # The INSERT is undone, or it stands and is not acknowledged. Returned, the messages come at once, and the key
            # keeps those that stand from standing twice.
            print(error, file=sys.stderr, flush=True)
            try:
                database.execute("FROM nats_nak('MEDIA_EVENTS', 'follow')")
            except duckdb.Error:
                time.sleep(1)


if __name__ == "__main__":
    main()
