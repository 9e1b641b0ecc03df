"""Merges the files of the workers on the key: every event once.

    python examples/workers/merge.py all.duckdb part-1.duckdb part-2.duckdb ...

For more than one machine: parquet_worker.py and merge_parquet.py, the same by way of Parquet.
"""

import sys

import duckdb

target, *parts = sys.argv[1:]
database = duckdb.connect(target)
database.execute(
    "CREATE TABLE IF NOT EXISTS events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, event_type VARCHAR, user_id BIGINT)"
)
for part in parts:
    database.execute(f"ATTACH '{part}' AS part (READ_ONLY)")
    database.execute("INSERT INTO events FROM part.events ON CONFLICT DO NOTHING")
    database.execute("DETACH part")
print(database.execute("SELECT count(*) FROM events").fetchone()[0])
