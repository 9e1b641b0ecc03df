"""What the crash tests share: events, workers that are killed at every step, a server that is restarted under them.

A round is fixed by its seed: which events there are, at which step each worker dies, when the server goes away.
"""

import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import duckdb

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

DEADLINE_SECONDS = 300
# What was in hand at a restart has run out: ack_wait of the workers, 4 s, which the server keeps in whole seconds, and its redelivery.
RUNS_OUT_SECONDS = 6
STEPS = ("insert", "commit", "ack")


@dataclass(frozen=True)
class Size:
    """How large a round is. `kills` is for all workers together."""

    events: int
    batch: int
    kills: int
    rounds: int = 1


# How many rounds `make soak` wants; 0 in `make test`.
SOAK = int(os.environ.get("NATS_JS_SOAK", 0))


def size(usual: Size, soak: Size) -> Size:
    """What `make test` runs, or what `make soak` does, with as many rounds as it was told."""
    return replace(soak, rounds=SOAK) if SOAK else usual


def events(count: int, seed: int) -> Iterator[tuple[str, int]]:
    """`count` events as key and number; every twentieth repeats the key of an earlier one."""
    chance = random.Random(seed)
    keys: list[str] = []
    for n in range(count):
        if keys and n % 20 == 19:
            yield chance.choice(keys), n
        else:
            keys.append(f"s{n}:start")
            yield keys[-1], n


def message(key: str, n: int) -> fixtures.Message:
    session, kind = key.split(":")
    return fixtures.Message("s.events", f'{{"session":"{session}","kind":"{kind}","n":{n}}}'.encode())


class Worker:
    """A place in the round: one database file, and one process after the other on it."""

    def __init__(self, name: str, file: Path, url: str, batch: int, inbox: queue.Queue):
        self.name, self.file, self.url, self.batch, self.inbox = name, file, url, batch, inbox
        self.generation = 0
        self.start()

    def start(self) -> None:
        self.generation += 1
        command = [
            sys.executable, "-m", "integration.crash_worker",
            self.url, str(self.file), f"{self.name}{self.generation}", str(self.batch),
        ]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, args=(self.process, self.generation), daemon=True).start()

    def _listen(self, process: subprocess.Popen, generation: int) -> None:
        for line in process.stdout:
            self.inbox.put((self, generation, line.strip()))
        self.inbox.put((self, generation, None))

    def go(self, word: str = "go") -> None:
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


@dataclass
class Round:
    """One round; `run` returns when the durable has nothing left and every worker has ended."""

    seed: int
    size: Size
    workers: int
    directory: Path
    chance: random.Random = field(init=False)
    # Every batch whose acknowledgement was confirmed, and of those the ones for which the server had waited, and which no
    # restart met: nats-server delivers again what is in hand when it is restarted, and what it gives soon after, before ack_wait, if it
    # finds that the time of another message is over, which was in hand at the restart (seen on 2.15 with a plain client).
    settled: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    deaths: Counter = field(default_factory=Counter)
    restarts: int = 0
    log: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.chance = random.Random(self.seed)
        self.published = list(events(self.size.events, self.seed))

    @cached_property
    def keys(self) -> Counter:
        """Every distinct key, and how often it was published."""
        return Counter(key for key, _ in self.published)

    def files(self) -> list[Path]:
        return [self.directory / f"{name}.duckdb" for name in "abc"[: self.workers]]

    def run(self) -> None:
        with Server(os.environ["NATS_JS_TEST_SERVER"]) as server:
            with fixtures.Wire(server.url) as wire:
                fixtures.parse("round", "stream name=S subjects=s.>").apply(wire)
                wire.publish(message(key, n) for key, n in self.published)
            inbox: queue.Queue = queue.Queue()
            workers = [Worker(file.stem, file, server.url, self.size.batch, inbox) for file in self.files()]
            try:
                self._drive(server, workers, inbox)
            finally:
                for worker in workers:
                    if worker.process.poll() is None:
                        worker.kill()

    def _drive(self, server: Server, workers: list[Worker], inbox: queue.Queue) -> None:
        # Each step in turn, so that none is left out, and as often in the middle of whatever the worker does then.
        plan = [(STEPS[i % 3], i // 3 % 2 == 1) for i in range(self.size.kills)]
        self.chance.shuffle(plan)
        batches = self.size.events // self.size.batch
        restart_after = [batches // 3, 2 * batches // 3]
        spare: dict[Worker, int] = {worker: 0 for worker in workers}
        # Workers whose batch a restart met.
        met: set[Worker] = set()
        # Until what was in hand at a restart has run out.
        met_until = 0.0
        running = set(workers)
        deadline = time.monotonic() + DEADLINE_SECONDS * (20 if SOAK else 1)
        while running:
            try:
                worker, generation, line = inbox.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"round {self.seed} has no end: {self.log[-20:]}") from None
            self.log.append(f"{worker.name}{generation} {line}")
            if generation != worker.generation:
                continue
            if line is None:
                if worker.process.wait() != 0:
                    raise AssertionError(f"worker {worker.name} ended by itself: {self.log[-20:]}")
                running.discard(worker)
                continue
            step, _, batch = line.partition(" ")
            if step in ("acked", "late"):
                self.settled.add(batch)
                if step == "acked" and worker not in met and time.monotonic() > met_until:
                    self.acked.add(batch)
                met.discard(worker)
            elif step == "idle":
                worker.go("stop" if not plan and self._drained(server) else "go")
            elif step in STEPS:
                due = plan and plan[-1][0] == step and spare[worker] <= 0
                if due:
                    self._kill(worker, *plan.pop())
                    spare[worker] = self.chance.randrange(3)
                else:
                    spare[worker] -= step == "ack"
                    worker.go()
                    if self.restarts < 2 and len(self.settled) >= restart_after[self.restarts]:
                        self.restarts += 1
                        server.stop()
                        server.start()
                        met = set(workers)
                        met_until = time.monotonic() + RUNS_OUT_SECONDS

    def _kill(self, worker: Worker, step: str, inside: bool) -> None:
        """SIGKILL, right before the step or at some moment in it; then another process on the same file."""
        if inside:
            worker.go()
            time.sleep(self.chance.random() * 0.03)
        worker.kill()
        self.deaths[step, inside] += 1
        worker.start()

    def _drained(self, server: Server) -> bool:
        with fixtures.Wire(server.url) as wire:
            info = wire.request("CONSUMER.INFO.S.workers")
        return not info["num_pending"] and not info["num_ack_pending"]


def rows(file: Path) -> list[tuple[str, int, str]]:
    """Key, number and batch of every row of a worker's database."""
    with duckdb.connect(str(file)) as database:
        return database.execute("SELECT correlation_key, n, batch FROM events").fetchall()


def merge(files: list[Path]) -> list[tuple[str, int]]:
    """The databases merged on the key."""
    with connect() as database:
        database.execute("CREATE TABLE events (correlation_key VARCHAR PRIMARY KEY, n INTEGER)")
        for number, file in enumerate(files):
            database.execute(f"ATTACH '{file}' AS part{number} (READ_ONLY)")
            database.execute(
                f"INSERT INTO events SELECT correlation_key, n FROM part{number}.events ON CONFLICT DO NOTHING"
            )
        return database.execute("FROM events").fetchall()


def rounds(size: Size, workers: int) -> Iterator[Round]:
    """Every round of a test, with a folder of its own."""
    for seed in range(1, size.rounds + 1):
        with tempfile.TemporaryDirectory() as directory:
            yield Round(seed, size, workers, Path(directory))
