"""Which of several workers has which partition: entries of a key-value bucket that expire with their worker.

An entry `worker.<name>` says that a worker lives, `partition.<number>` which one has it. Each worker takes no more than its share of what is free, and
gives back what is above it. That keeps workers out of each other's way. It is no proof that a worker is alone: one that was asleep for longer than an entry lives does not know that it
has lost it. What makes that harmless is the fence in the lake (lake.py).
"""

import time
from collections.abc import Callable

import duckdb


def sql(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Ownership:
    """The partitions that the worker `name` has, of `count`."""

    def __init__(self, database: duckdb.DuckDBPyConnection, bucket: str, name: str, count: int, connection: dict[str, str], log: Callable[..., None]):
        self.database, self.bucket, self.name, self.count, self.log = database, bucket, name, count, log
        named = "".join(f", {key} := {sql(value)}" for key, value in connection.items())
        last = ", {" + ", ".join(f"{sql(key)}: {sql(value)}" for key, value in connection.items()) + "}" if connection else ""
        self.named, self.last = named, last
        (seconds,) = database.execute(f"SELECT epoch(ttl) FROM nats_kv_buckets({named.removeprefix(', ')}) WHERE bucket = ?", [bucket]).fetchone() or (None,)
        if not seconds:
            raise ValueError(f"the bucket {bucket} must exist and have a ttl: examples/lake/setup.sql")
        self.seconds = seconds
        # Partition, and the revision of its entry.
        self.mine: dict[int, int] = {}
        self.renewed = float("-inf")

    def held(self) -> list[int]:
        """What this worker may read; nothing once its entries may have expired."""
        return sorted(self.mine) if time.monotonic() - self.renewed < self.seconds else []

    def due(self) -> bool:
        return time.monotonic() - self.renewed >= self.seconds / 4

    def renew(self) -> None:
        """Says that this worker lives, keeps what it has, takes what is free, gives back what is too much."""
        started = time.monotonic()
        self._write("put", f"worker.{self.name}")
        found = self.database.execute(f"SELECT key, value::VARCHAR, revision FROM nats_kv_scan({sql(self.bucket)}{self.named})").fetchall()
        owners = {int(key.removeprefix("partition.")): (owner, revision) for key, owner, revision in found if key.startswith("partition.")}
        workers = sorted(key for key, _, _ in found if key.startswith("worker."))
        before = set(self.mine)
        self.mine = {partition: revision for partition, (owner, revision) in owners.items() if owner == self.name}
        rank, share = workers.index(f"worker.{self.name}"), self.count // len(workers)
        share += rank < self.count % len(workers)
        for partition in sorted(self.mine)[share:]:
            self._write("delete", f"partition.{partition}")
            del self.mine[partition]
        for partition, revision in list(self.mine.items()):
            self._keep(partition, self._try("update", partition, f", {revision}"))
        for partition in range(self.count):
            if len(self.mine) < share and partition not in owners:
                self._keep(partition, self._try("create", partition))
        self.renewed = started
        if set(self.mine) != before:
            self.log("info", "partitions", worker=self.name, partitions=sorted(self.mine), workers=len(workers))

    def give_back(self) -> None:
        """For an end that is no crash: others need not wait until the entries expire."""
        for key in [f"partition.{partition}" for partition in self.held()] + [f"worker.{self.name}"]:
            self._write("delete", key)
        self.mine = {}

    def _keep(self, partition: int, revision: int | None) -> None:
        if revision is None:
            self.mine.pop(partition, None)
        else:
            self.mine[partition] = revision

    def _try(self, verb: str, partition: int, more: str = "") -> int | None:
        """The new revision; None when another worker was first."""
        try:
            return self._write(verb, f"partition.{partition}", more)
        except duckdb.Error as error:
            if str(error).splitlines()[0].endswith("[conflict]"):
                return None
            raise

    def _write(self, verb: str, key: str, more: str = "") -> int:
        value = "" if verb == "delete" else f", {sql(self.name)}"
        return self.database.execute(f"SELECT nats_kv_{verb}({sql(self.bucket)}, {sql(key)}{value}{more}{self.last})").fetchone()[0]
