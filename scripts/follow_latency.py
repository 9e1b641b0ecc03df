"""How long it takes from the publication of an event until a query finds it, in a table that follows its stream.

A publisher sends events at a steady rate, each with the time at which it was sent. A follower in a process of its own does
what examples/follow.py does: ingest what is there, commit, acknowledge. An event's latency ends with its commit.
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from scripts import fixtures, paths

STREAM, DURABLE = "FOLLOW_LATENCY", "follow"
# The follower ends when this long nothing has come.
QUIET_SECONDS = 30
TABLE = "CREATE TABLE events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, sent BIGINT)"
INSERT = f"""INSERT INTO events BY NAME
    SELECT correlation_key, seq, sent FROM nats_ingest('{STREAM}', url := ?, durable := '{DURABLE}', max_messages := 1000,
        max_wait := INTERVAL 1 SECOND, columns := {{'sent': 'BIGINT'}}, correlation_key := '{{id}}')
    ON CONFLICT DO NOTHING"""


def measure(url: str, extension: Path, host_python_path: Path, seconds: float, rate: float) -> dict[str, float]:
    """Follows `rate` events a second for so many seconds: `p50` and `p95` of the latency in milliseconds, and the `count` of events.

    `host_python_path` is the folder of the DuckDB that follows, and `extension` the file that it loads. The stream of the
    measurement is made and deleted.
    """
    count = max(2, round(seconds * rate))
    with fixtures.Wire(url) as wire:
        wire.request(f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": [STREAM], "storage": "file"})
        try:
            follower = subprocess.Popen(
                [sys.executable, "-m", "scripts.follow_latency", url, str(extension), str(count)], cwd=paths.ROOT,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(host_python_path), str(paths.ROOT)])},
                stdout=subprocess.PIPE, text=True,
            )
            with follower:
                # It says when it follows, so that its start is in no figure.
                if follower.stdout.readline().strip() != "following":
                    raise RuntimeError("the follower did not start")
                publisher = threading.Thread(target=publish, args=(url, count, rate))
                publisher.start()
                answer = follower.stdout.read()
                publisher.join()
            if follower.returncode != 0:
                raise RuntimeError("the follower ended by an error")
        finally:
            wire.request(f"STREAM.DELETE.{STREAM}")
    latencies = json.loads(answer)
    if len(latencies) != count:
        raise RuntimeError(f"{len(latencies)} of {count} events arrived")
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    return {"p50": cuts[49], "p95": cuts[94], "count": count}


def publish(url: str, count: int, rate: float) -> None:
    """Sends the events, each when it is due; one that is late is sent at once."""
    with fixtures.Wire(url) as wire:
        start = time.monotonic()
        for number in range(count):
            time.sleep(max(0, start + number / rate - time.monotonic()))
            event = json.dumps({"id": number, "sent": time.time_ns(), "user_id": number % 50, "title": f"title {number % 200}"})
            wire.publish([fixtures.Message(STREAM, event.encode())])


def follow(url: str, extension: str, count: int) -> list[float]:
    """The latencies of `count` events in milliseconds, in the order of the stream."""
    import duckdb

    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    database.execute(f"LOAD '{extension}'")
    database.execute(TABLE)
    print("following", flush=True)
    latencies: list[float] = []
    progress = time.monotonic()
    while len(latencies) < count and time.monotonic() < progress + QUIET_SECONDS:
        database.execute(INSERT, [url])
        committed = time.time_ns()
        database.execute("FROM nats_ack(?, ?, url := ?)", [STREAM, DURABLE, url])
        new = database.execute("SELECT sent FROM events ORDER BY seq OFFSET ?", [len(latencies)]).fetchall()
        if new:
            latencies += [(committed - sent) / 1e6 for (sent,) in new]
            progress = time.monotonic()
    return latencies


if __name__ == "__main__":
    print(json.dumps(follow(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
