"""One of several workers on one durable, with a DuckDB file of its own; ends when nothing comes for a second.

    NATS_URL=nats://localhost:4222 python examples/workers/worker.py part-1.duckdb
"""

import os
import sys
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[2]
EXTENSION = os.environ.get("NATS_JS_EXTENSION", str(ROOT / "build/release/nats_js.duckdb_extension"))
TABLE = "CREATE TABLE IF NOT EXISTS events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, event_type VARCHAR, user_id BIGINT)"
INSERT = """INSERT INTO events BY NAME
    SELECT correlation_key, seq, event_type, user_id
    FROM nats_ingest('MEDIA_EVENTS', durable := 'workers', max_messages := 500, max_wait := INTERVAL 1 SECOND,
        columns := {'event_type': 'VARCHAR', 'user_id': 'BIGINT'}, correlation_key := '{event_id}')
    ON CONFLICT DO NOTHING"""
ACK = """SELECT nats_ack('MEDIA_EVENTS', 'workers', list(u.seq))
    FROM nats_unsettled('MEDIA_EVENTS', 'workers') u SEMI JOIN events USING (correlation_key)"""

database = duckdb.connect(sys.argv[1], config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{EXTENSION}'")
database.execute(TABLE)
acked = 1
while acked:
    # Commit, then acknowledge what the table holds. A worker that dies between the two leaves rows that another will be given, too: merge on the key.
    database.execute(INSERT)
    (acked,) = database.execute(ACK).fetchone()
    print(f"{sys.argv[1]}: {acked}", flush=True)
