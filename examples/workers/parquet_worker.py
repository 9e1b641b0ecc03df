"""One of several workers on one durable that writes Parquet, a folder for each day; ends when nothing comes for a second.

    NATS_URL=nats://localhost:4222 python examples/workers/parquet_worker.py events

A batch is written beside the days and then moved into them, so a worker that dies leaves no half of a file where others read.
Only what the files in their place hold is acknowledged. Merge on the key, as merge_parquet.py does: a worker that dies between the two leaves
events that another will be given, too.
"""

import os
import shutil
import sys
import uuid
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[2]
EXTENSION = os.environ.get("NATS_JS_EXTENSION", str(ROOT / "build/release/nats_js.duckdb_extension"))
COPY = """COPY (
    SELECT correlation_key, seq, event_type, user_id, started_at::DATE AS day
    FROM nats_ingest('MEDIA_EVENTS', durable := 'parquet', max_messages := 500, max_wait := INTERVAL 1 SECOND,
        columns := {{'event_type': 'VARCHAR', 'user_id': 'BIGINT', 'started_at': 'TIMESTAMP'}}, correlation_key := '{{event_id}}')
) TO '{}' (FORMAT parquet, PARTITION_BY (day))"""
ACK = """SELECT nats_ack('MEDIA_EVENTS', 'parquet', list(u.seq))
    FROM nats_unsettled('MEDIA_EVENTS', 'parquet') u SEMI JOIN read_parquet(?) USING (correlation_key)"""

place = Path(sys.argv[1])
database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{EXTENSION}'")
acked = 1
while acked:
    batch = uuid.uuid4().hex
    staged = place / "staged" / batch
    staged.parent.mkdir(parents=True, exist_ok=True)
    database.execute(COPY.format(staged))
    placed = []
    for number, file in enumerate(sorted(staged.glob("day=*/*.parquet"))):
        day = place / file.parent.name
        day.mkdir(exist_ok=True)
        placed.append(str(file.rename(day / f"{batch}-{number}.parquet")))
    shutil.rmtree(staged, ignore_errors=True)
    acked = database.execute(ACK, [placed]).fetchone()[0] if placed else 0
    print(f"{place}: {acked}", flush=True)
