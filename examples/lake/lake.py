"""A follower whose table is in a lake that others write at the same time: DuckLake, its catalogue in PostgreSQL, its files anywhere.

DuckLake knows no keys, and two transactions that insert the same key do not disturb each other: both commit. So each transaction also changes the
one row of a table that belongs to its partition of the keys, the fence. Of two transactions that change the same row DuckLake commits one, and the other, which did not
see the first one's rows, is refused. Whatever workers believe to have, two of them cannot commit the same key.
"""

import os
import random
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1] / "service"))
from follower import Config, Follower, Metrics, connect, log, name, prepared, text  # noqa: E402

# In the errors of a commit that another one went before.
CATALOGUE_MARKS = ("Transaction conflict", "maximum retry count")


@dataclass(frozen=True)
class LakeConfig(Config):
    """A follower's configuration; `durable` and `subject` have `{partition}` in them. `database` is of no use here."""

    partitions: int = 1
    bucket: str = ""
    catalogue: str = ""
    data_path: str = ""
    before: list[str] = field(default_factory=list)
    repeat_window: str = ""
    commit_attempts: int = 20

    def __post_init__(self):
        if not self.catalogue or not self.data_path or self.partitions < 1:
            raise ValueError("catalogue and data_path must be there, and partitions be above 0")
        if self.partitions > 1 and not (self.bucket and "{partition}" in self.durable and "{partition}" in self.subject):
            raise ValueError("with several partitions, bucket must be there, and durable and subject have {partition} in them")

    def of(self, partition: int) -> "LakeConfig":
        """The configuration of one partition."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        for key in ("durable", "subject"):
            values[key] = values[key].replace("{partition}", str(partition))
        return PartitionConfig(**values)


class PartitionConfig(LakeConfig):
    def __post_init__(self):
        pass


class Lake:
    """The connection that the partitions of a process share; `lake` is the catalogue's name in it."""

    def __init__(self, config: LakeConfig):
        self.config = config
        self.database: duckdb.DuckDBPyConnection | None = None

    def open(self) -> duckdb.DuckDBPyConnection:
        if self.database is None:
            self.database = prepared(connect(":memory:", self.config.extension), self.prepare)
        return self.database

    def prepare(self, database: duckdb.DuckDBPyConnection) -> None:
        """The lake, the table with the columns of the configuration, and a fence for each partition; of several workers that come at once, one makes them."""
        config = self.config
        for statement in config.before:
            database.execute(os.path.expandvars(statement))
        database.execute(f"ATTACH {text('ducklake:' + os.path.expandvars(config.catalogue))} AS lake (DATA_PATH {text(config.data_path)})")
        table = f"lake.{name(config.table)}"
        described = database.execute(f"SELECT column_name, column_type FROM (DESCRIBE FROM nats_ingest({text(config.stream)}{config.shape()}{config.named()}))").fetchall()
        columns = {column: kind for column, kind in described if column not in ("stream", "msg_id")}
        for attempt in range(config.commit_attempts):
            try:
                database.execute("BEGIN")
                database.execute("CREATE SCHEMA IF NOT EXISTS lake.fence")
                have = {found for (found,) in database.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'fence'").fetchall()}
                of_table = {found for found in have if found.startswith(f"{config.table}_")}
                wanted = {f"{config.table}_{partition}" for partition in range(config.partitions)}
                if of_table and of_table != wanted:
                    raise ValueError(f"the table {config.table} has {len(of_table)} partitions in the lake, and {config.partitions} in the configuration: docs/lake.md")
                there = self.columns(database)
                if not there:
                    database.execute(f"CREATE TABLE {table} (partition INTEGER, {', '.join(f'{name(column)} {kind}' for column, kind in columns.items())})")
                    database.execute(f"ALTER TABLE {table} SET PARTITIONED BY (partition)")
                for column in columns.keys() - there if there else ():
                    database.execute(f"ALTER TABLE {table} ADD COLUMN {name(column)} {columns[column]}")
                for fence in sorted(wanted - have):
                    database.execute(f"CREATE TABLE lake.fence.{name(fence)} AS SELECT ''::VARCHAR AS batch")
                database.execute("COMMIT")
                return
            except ValueError:
                database.execute("ROLLBACK")
                raise
            except duckdb.Error:
                roll_back(database)
                if attempt + 1 == config.commit_attempts:
                    raise
                time.sleep(random.uniform(0.05, 0.3))

    def columns(self, database: duckdb.DuckDBPyConnection) -> set[str]:
        found = database.execute("SELECT column_name FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = 'main' AND table_name = ?", [self.config.table])
        return {column for (column,) in found.fetchall()}

    def close(self) -> None:
        if self.database is not None:
            self.database.close()
            self.database = None


def roll_back(database: duckdb.DuckDBPyConnection) -> None:
    try:
        database.execute("ROLLBACK")
    except duckdb.Error:
        # It had not begun, or COMMIT had ended it.
        pass


def came_first(error: duckdb.Error) -> bool:
    """Whether another transaction was committed since this one began, so that it has to be run again."""
    return any(mark in str(error) for mark in CATALOGUE_MARKS)


class Partition(Follower):
    """Follows one partition into the lake."""

    def __init__(self, config: LakeConfig, partition: int, lake: Lake, metrics: Metrics, stop: threading.Event):
        super().__init__(config.of(partition), stop)
        self.partition, self.lake, self.metrics = partition, lake, metrics
        # The batch whose messages are not settled, and whether it is known to be committed.
        self.batch, self.committed = "", False

    @property
    def database(self) -> duckdb.DuckDBPyConnection | None:
        return self.lake.database

    def open(self) -> duckdb.DuckDBPyConnection:
        return self.lake.open()

    def close(self) -> None:
        self.lake.close()

    @property
    def fence(self) -> str:
        return f"lake.fence.{name(f'{self.config.table}_{self.partition}')}"

    def transfer(self, database: duckdb.DuckDBPyConnection, source: str) -> tuple[int, int]:
        """Reads first, so that a transaction in the lake is short, and is run again without reading again."""
        self.batch, self.committed = uuid.uuid4().hex, False
        database.execute(f"CREATE OR REPLACE TEMP TABLE batch AS SELECT * EXCLUDE (stream, msg_id) FROM {source}")
        (given,) = database.execute(f"SELECT count(*) FROM {self.unsettled()}").fetchone()
        rows, earliest = database.execute("SELECT count(*), min(ts_nats) FROM batch").fetchone()
        if rows == 0:
            self.committed = True
            return 0, given
        for attempt in range(self.config.commit_attempts):
            try:
                added = self.commit(database, earliest)
                self.committed = True
                return added, given
            except duckdb.Error as error:
                roll_back(database)
                if not came_first(error) or attempt + 1 == self.config.commit_attempts:
                    raise
                self.metrics.counts["conflicts_total"] += 1
                self.stop.wait(random.uniform(0.0, 0.02 * 2 ** min(attempt, 6)))

    def commit(self, database: duckdb.DuckDBPyConnection, earliest) -> int:
        """One transaction: the rows whose key the lake does not have, and the fence."""
        config = self.config
        window = f" AND t.ts_nats >= TIMESTAMP '{earliest}' - INTERVAL {text(config.repeat_window)}" if config.repeat_window else ""
        database.execute("BEGIN")
        (added,) = database.execute(
            f"""MERGE INTO lake.{name(config.table)} AS t USING (SELECT {self.partition} AS partition, * FROM batch) AS s
            ON t.partition = {self.partition} AND t.correlation_key = s.correlation_key{window} WHEN NOT MATCHED THEN INSERT BY NAME"""
        ).fetchone()
        database.execute(f"UPDATE {self.fence} SET batch = ?", [self.batch])
        database.execute("COMMIT")
        return added

    def held(self) -> str:
        """All of a batch or nothing. Where COMMIT had no answer the fence has it, unless another batch was committed since: then the messages come again, and
        their keys are found."""
        return "" if self.committed else f"WHERE (SELECT batch FROM {self.fence}) = {text(self.batch)}"

    def forget(self, database: duckdb.DuckDBPyConnection) -> None:
        self.batch, self.committed = "", False

    def close_when_broken(self, error: duckdb.Error) -> None:
        """After any error but a conflict the lake is attached anew: what had failed may be the connection to the catalogue."""
        if not came_first(error):
            self.close()
