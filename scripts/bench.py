"""`make bench`: what reading a stream costs, beside the least that it can cost and beside other ways to read it.

    python -m scripts.bench

Starts a nats-server of its own, publishes documents into it, and measures in turn, round after round, so that a change of
the machine's speed meets all alike. Prints medians and ratios, and writes them to build/bench/results.json. Every answer
is checked. BENCH_MESSAGES (1000000) and BENCH_ROUNDS (5) say how much.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date

from scripts import fixtures, package, paths
from scripts.nats_server import Server

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "1000000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SINGLES = min(MESSAGES, 20_000)
BATCH = 1_000
SERVER = "2.15.1"
HOST = "2.0.0"

# One measurement in a process of its own: the seconds of the statement, once connected and warm, and its answer.
CHILD = """
import json, sys, time, duckdb
extension, setup, statement = sys.argv[1:4]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
connection.execute(f"LOAD '{extension}'")
connection.execute("SET enable_progress_bar = false")
def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) // 1024
connection.execute(setup).fetchall()
before = resident("VmRSS")
started = time.perf_counter()
answer = connection.execute(statement).fetchall()
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "answer": [str(value) for value in answer[0]], "grown": resident("VmHWM") - before}))
"""


class Wrong(Exception):
    """A measurement that gave another answer than the stream holds."""


def baselines() -> str:
    """The program with the other ways to read, built."""
    built = subprocess.run(
        ["cargo", "build", "--locked", "--release", "--bench", "baselines", "--message-format=json"],
        check=True, stdout=subprocess.PIPE, text=True, cwd=paths.ROOT,
    )
    programs = [json.loads(line).get("executable") for line in built.stdout.splitlines() if '"baselines"' in line]
    return next(program for program in programs if program)


def other(program: str, messages: int, *words: str) -> Callable[[], float]:
    """Messages a second of a baseline."""

    def measure() -> float:
        run = subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True)
        tally = json.loads(run.stdout)
        if tally["messages"] != messages:
            raise Wrong(f"{words[0]}: {tally}")
        return messages / tally["seconds"]

    return measure


def ours(url: str, statement: str, expected: str | None, grown: dict[str, int]) -> Callable[[], float]:
    """Messages a second of a statement."""
    environment = {**os.environ, "NATS_URL": url, "PYTHONPATH": str(paths.TOOLS / f"duckdb-{HOST}")}
    extension = str(paths.extension("release", package.machine()))
    command = [sys.executable, "-c", CHILD, extension, "SELECT 1 FROM nats_last_seq('BENCH')", statement]

    def measure() -> float:
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
        result = json.loads(run.stdout)
        if expected is not None and result["answer"][0] != expected:
            raise Wrong(f"{statement}: {result}, not {expected}")
        grown[statement] = max(grown.get(statement, 0), result["grown"])
        return MESSAGES / result["seconds"]

    return measure


def main() -> None:
    program = baselines()
    with Server(SERVER) as server:
        with fixtures.Wire(server.url) as wire:
            for line in (
                "stream name=BENCH subjects=bench.>",
                f"messages stream=BENCH subject=bench.{{i%100}} count={MESSAGES} kind=json size=330",
            ):
                fixtures.parse("bench", line).apply(wire)
            held = wire.request("STREAM.INFO.BENCH")["state"]
        count, grown = str(MESSAGES), {}
        scan = "nats_scan('BENCH'"
        columns = "{'i': 'BIGINT', 'device_id': 'VARCHAR', 'location.zone': 'VARCHAR', 'kw': 'DOUBLE', 'at': 'TIMESTAMPTZ'}"
        counts = "count(i), count(device_id), count(location_zone), count(kw), count(\"at\")"
        typed = f"SELECT {counts} FROM {scan}, columns := {columns})"
        cases = {
            "wire drain": other(program, MESSAGES, "drain", server.url, "BENCH", count, str(BATCH)),
            "single gets, one after the other": other(program, SINGLES, "single", server.url, "BENCH", str(SINGLES)),
            "async-nats, batched gets": other(program, MESSAGES, "batched", server.url, "BENCH", count, str(BATCH)),
            "async-nats, pull consumer": other(program, MESSAGES, "pull", server.url, "BENCH", count),
            "count(*)": ours(server.url, f"SELECT count(*) FROM {scan})", count, grown),
            "sum(octet_length(payload))": ours(server.url, f"SELECT sum(octet_length(payload)), count(*) FROM {scan})", None, grown),
            "CREATE TABLE AS SELECT *": ours(server.url, f"CREATE TABLE t AS FROM {scan})", count, grown),
            "five typed JSON columns": ours(server.url, typed, count, grown),
        }
        rates: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(ROUNDS + 1):
            for name, measure in cases.items():
                rate = measure()
                # The first round warms up.
                if number:
                    rates[name].append(rate)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    drain, single = medians["wire drain"], medians["single gets, one after the other"]
    print(f"\n{MESSAGES} messages, {held['bytes'] // MESSAGES} bytes each in the store; medians of {ROUNDS} interleaved rounds\n")
    print(f"{'':34} {'messages/s':>12} {'of the drain':>13} {'x single':>9}")
    for name, rate in medians.items():
        print(f"{name:34} {rate:12,.0f} {rate / drain:13.2f} {rate / single:9.1f}")
    print("\nresident memory above that of a connected process, at most, in MiB:")
    for statement, most in grown.items():
        print(f"{most:6}  {statement}")
    results = {
        "date": date.today().isoformat(), "messages": MESSAGES, "rounds": ROUNDS, "machine": platform.machine(),
        "processors": os.cpu_count(), "nats-server": SERVER, "duckdb": HOST, "rates": rates, "medians": medians, "grown_mib": grown,
    }
    file = paths.ROOT / "build" / "bench" / "results.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {file.relative_to(paths.ROOT)}")


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"in {time.monotonic() - started:.0f} s")
