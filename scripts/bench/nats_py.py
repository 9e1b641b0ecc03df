"""nats-py fetches messages, pandas makes a DataFrame of them, and DuckDB a table of that.

    python -m scripts.bench.nats_py URL STREAM MESSAGES
"""

import asyncio
import json
import sys
import time

import duckdb
import nats
import pandas
from nats.js.api import AckPolicy, ConsumerConfig

FETCH = 1000
FETCH_SECONDS = 10


async def read(url: str, stream: str, messages: int) -> dict:
    """What was read and how long it took, once connected."""
    client = await nats.connect(url)
    subscription = await client.jetstream().pull_subscribe(
        "", stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
    )
    connection = duckdb.connect()
    started = time.perf_counter()
    rows = []
    while len(rows) < messages:
        for message in await subscription.fetch(min(FETCH, messages - len(rows)), timeout=FETCH_SECONDS):
            about = message.metadata
            rows.append((about.stream, message.subject, about.sequence.stream, about.timestamp, message.data))
    frame = pandas.DataFrame(rows, columns=["stream", "subject", "seq", "ts_nats", "payload"])
    connection.register("frame", frame)
    connection.execute("CREATE TABLE t AS FROM frame")
    seconds = time.perf_counter() - started
    [(count, distinct)] = connection.execute("SELECT count(*), count(DISTINCT seq) FROM t").fetchall()
    await subscription.unsubscribe()
    await client.close()
    return {"messages": min(count, distinct), "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
