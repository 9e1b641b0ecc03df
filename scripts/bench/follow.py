"""How long after its publication an event can be queried in a table that follows its stream.

A process ingests, commits and acknowledges in a loop; `measure` publishes at a steady rate meanwhile, each event with the time at which
it was sent. Run as a program, this file is that process.
"""

import json
import secrets
import subprocess
import sys
import time

from scripts import paths
from scripts.bench.summary import percentile
from scripts.fixtures import Message, Wire

GIVE_UP_SECONDS = 60


def measure(url: str, stream: str, subject: str, environment: dict[str, str], extension: str, seconds: float, rate: float) -> dict:
    """Latencies in microseconds (p50_us, p95_us, p99_us) of the events, and their count. `stream` captures `subject` and is empty."""
    count = round(seconds * rate)
    command = [sys.executable, "-m", "scripts.bench.follow", stream, str(count), extension]
    with (
        subprocess.Popen(
            command, env={**environment, "NATS_URL": url}, cwd=paths.ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as follower,
        Wire(url) as wire,
    ):
        try:
            if follower.stdout.readline() == "ready\n":
                publish(wire, subject, count, rate)
            latencies = json.loads(follower.stdout.readline() or "[]")
        finally:
            follower.terminate()
    if len(latencies) != count:
        raise RuntimeError(f"{len(latencies)} of {count} events came")
    parts = {f"p{part}_us": percentile(latencies, part) for part in (50, 95, 99)}
    return {**parts, "count": count}


def publish(wire: Wire, subject: str, count: int, rate: float) -> None:
    """Events at the times at which they are due, each acknowledged."""
    started = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        wire.publish([Message(subject, json.dumps({"number": number, "sent_us": time.time_ns() // 1000}).encode())])


def step(stream: str, durable: str, max_wait: str) -> str:
    """The statement that takes in what has come."""
    columns, key = "{'sent_us': 'BIGINT'}", "{number}"
    return (
        "INSERT INTO events BY NAME SELECT correlation_key, seq, sent_us "
        f"FROM nats_ingest('{stream}', durable := '{durable}', max_messages := 1000, max_wait := INTERVAL {max_wait}, "
        f"columns := {columns}, correlation_key := '{key}') ON CONFLICT (correlation_key) DO NOTHING"
    )


def follow(stream: str, count: int, extension: str) -> list[int]:
    """The latency of each of `count` events."""
    from scripts.bench.child import connect

    connection = connect(":memory:", extension)
    connection.execute("CREATE TABLE events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, sent_us BIGINT)")
    durable = f"follow_{secrets.token_hex(4)}"
    # The first call makes the durable.
    connection.execute(step(stream, durable, "10 MILLISECONDS"))
    insert = step(stream, durable, "1 SECOND")
    print("ready", flush=True)
    latencies, seen, deadline = [], 0, time.monotonic() + GIVE_UP_SECONDS
    while len(latencies) < count and time.monotonic() < deadline:
        connection.execute(insert)
        now_us = time.time_ns() // 1000
        connection.execute(f"FROM nats_ack('{stream}', '{durable}')")
        rows = connection.execute("SELECT seq, sent_us FROM events WHERE seq > ?", [seen]).fetchall()
        latencies += [now_us - sent_us for _, sent_us in rows]
        seen = max([seen, *(seq for seq, _ in rows)])
    connection.execute(f"FROM nats_consumer_delete('{stream}', '{durable}', confirm := true)")
    return latencies


if __name__ == "__main__":
    print(json.dumps(follow(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
