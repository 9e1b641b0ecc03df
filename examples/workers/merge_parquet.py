"""Merges what the workers wrote as Parquet into one table, on the key: every event once. Run it as often as you like.

    python examples/workers/merge_parquet.py all.duckdb events

The same statement merges into a table in DuckLake, which several machines can write.
"""

import sys

import duckdb

target, place = sys.argv[1:]
database = duckdb.connect(target)
database.execute(
    "CREATE TABLE IF NOT EXISTS events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, event_type VARCHAR, user_id BIGINT, day DATE)"
)
database.execute(
    """MERGE INTO events USING (
        FROM read_parquet(? || '/day=*/*.parquet', hive_partitioning := true)
        SELECT correlation_key, seq, event_type, user_id, day
        QUALIFY row_number() OVER (PARTITION BY correlation_key ORDER BY seq) = 1
    ) AS written USING (correlation_key)
    WHEN NOT MATCHED THEN INSERT""",
    [place],
)
print(database.execute("SELECT count(*) FROM events").fetchone()[0])
