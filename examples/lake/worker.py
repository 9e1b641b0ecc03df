"""One of several workers that make a table of a lake follow a stream: run as many as you like, on as many machines as you like.

    NATS_URL=nats://localhost:4222 python examples/lake/worker.py examples/lake/worker.toml [--once] [--name NAME]

`--once` ends when nothing is left in any partition. SIGTERM and SIGINT end it after the batch that runs. Logs are JSON, one line each, on standard error. docs/lake.md
has the configuration and what is promised. It needs Python 3.11 and duckdb.
"""

import argparse
import os
import random
import signal
import socket
import sys
import threading
import time
import tomllib
from pathlib import Path

import duckdb
from lake import Lake, LakeConfig, Metrics, Partition, connect, log
from ownership import Ownership


class Worker:
    def __init__(self, config: LakeConfig, label: str, stop: threading.Event):
        self.config, self.label, self.stop, self.metrics = config, label, stop, Metrics()
        self.lake = Lake(config)
        # Of its own: what is wrong with the lake does not keep this worker from saying that it lives.
        self.nats = connect(":memory:", config.extension)
        self.ownership: Ownership | None = None
        self.partitions = [Partition(config, number, self.lake, self.metrics, stop) for number in range(config.partitions)]
        self.failures = 0

    def mine(self) -> list[int]:
        """The partitions to read now. Without a bucket they are everybody's."""
        if not self.config.bucket:
            return list(range(self.config.partitions))
        if self.ownership is None:
            self.ownership = Ownership(self.nats, self.config.bucket, self.label, self.config.partitions, self.config.connection, log)
        if self.ownership.due():
            self.ownership.renew()
        return self.ownership.held()

    def turn(self, once: bool) -> int | None:
        """A batch of each partition; how many messages, None when one failed. A partition that another worker took meanwhile is settled once more, and not read."""
        given, well = 0, True
        wait = 0.0 if once else 1.0 / len(self.partitions)
        for number, partition in enumerate(self.partitions):
            try:
                if number in self.mine() and not self.stop.is_set():
                    got = partition.step(wait)
                    given, well = given + (got or 0), well and got is not None
                elif partition.owes:
                    partition.settle(None)
            except duckdb.Error as error:
                partition.count(error)
                well = False
        return given if well else None

    def drained(self) -> bool:
        """Whether no partition has anything left, whoever reads it."""
        names = [partition.config.durable for partition in self.partitions]
        found = self.nats.execute(
            f"SELECT count(*), sum(num_pending + num_ack_pending) FROM nats_consumers('{self.config.stream}'{self.config.named()}) WHERE list_contains(?, name)", [names]
        ).fetchone()
        return found == (len(names), 0)

    def run(self, once: bool) -> bool:
        while not self.stop.is_set():
            started = time.monotonic()
            given = self.turn(once)
            self.report()
            if given is None:
                self.failures += 1
                pause = self.config.retry_first_seconds * 2 ** min(self.failures - 1, 30)
                self.stop.wait(min(pause, self.config.retry_max_seconds) * random.uniform(0.5, 1.0))
                continue
            self.failures = 0
            if once and given == 0:
                try:
                    if self.drained():
                        break
                except duckdb.Error as error:
                    log("error", "consumers", error=str(error).splitlines()[0])
                self.stop.wait(0.1)
            elif not once:
                # Batches that are not full: the next ones have more when they wait.
                self.stop.wait(max(0.0, self.config.batch_seconds - (time.monotonic() - started)) if given < self.config.batch_messages else 0.0)
        self.report(final=True)
        try:
            if self.ownership:
                self.ownership.give_back()
        except duckdb.Error as error:
            log("warning", "not_given_back", error=str(error).splitlines()[0])
        return self.failures == 0

    def report(self, final: bool = False) -> None:
        now = time.monotonic()
        if final or now - self.metrics.written >= self.config.metrics_every_seconds:
            self.metrics.written = now
            self.metrics.gauges["up"] = 0 if final else 1
            self.metrics.write(self.config)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--once", action="store_true", help="end when nothing is left in any partition")
    arguments.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}".replace(".", "_"), help="of this worker, no other's")
    options = arguments.parse_args()
    try:
        config = LakeConfig(**tomllib.loads(options.config.read_text()))
        stop = threading.Event()
        for word in (signal.SIGINT, signal.SIGTERM):
            signal.signal(word, lambda *_: stop.set())
        worker = Worker(config, options.name, stop)
        log("info", "started", worker=options.name, stream=config.stream, partitions=config.partitions)
        well = worker.run(options.once)
    except (OSError, TypeError, ValueError) as error:
        log("error", "configuration", error=str(error))
        return 2
    log("info", "stopped", worker=options.name, well=well, **worker.metrics.counts)
    return 0 if well or not options.once else 1


if __name__ == "__main__":
    sys.exit(main())
