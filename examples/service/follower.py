"""Makes a table follow a stream, as a service: reads a durable in batches, writes each in a transaction, and acknowledges what was committed.

    python follower.py follower.toml [--once] [--dry-run]

`--once` ends when the durable is drained, `--dry-run` shows the next rows and leaves no trace. SIGTERM and SIGINT end it after the batch that
runs, SIGHUP reads the configuration again. Logs are JSON, one line each, on standard error. docs/follower.md has the configuration and what is
promised. It needs Python 3.11 and duckdb, nothing else.
"""

import argparse
import datetime
import json
import os
import random
import re
import signal
import sys
import threading
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

# Longer than a call waits for messages at once: it cannot be interrupted meanwhile.
TURN_SECONDS = 1.0
# An error of the rows, of which one can be at fault; any other is an error of the place where they go, or come from.
ROWS_AT_FAULT = (duckdb.ConstraintException, duckdb.ConversionException, duckdb.OutOfRangeException)


def log(level: str, event: str, **fields) -> None:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
    print(json.dumps({"time": now, "level": level, "event": event, **fields}, default=str), file=sys.stderr, flush=True)


def text(value: str) -> str:
    """An SQL text."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """An SQL name."""
    return '"' + value.replace('"', '""') + '"'


def argument(key: str, value: str | bool) -> str:
    """A parameter of the connection in SQL: the timeout is a length of time, such as "10 seconds"."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"INTERVAL {text(value)}" if key == "timeout" else text(value)


@dataclass(frozen=True)
class Config:
    stream: str
    durable: str
    table: str
    correlation_key: str
    columns: dict[str, str]
    database: str = "follower.duckdb"
    extension: str = ""
    subject: str = ""
    start: dict = field(default_factory=dict)
    rest: bool = True
    payload: bool = False
    dead_letters: str = ""
    ack_wait_seconds: float = 30.0
    batch_messages: int = 10_000
    batch_bytes: int = 16 << 20
    batch_seconds: float = 1.0
    retry_first_seconds: float = 1.0
    retry_max_seconds: float = 60.0
    metrics_file: str = ""
    metrics_every_seconds: float = 10.0
    connection: dict[str, str | bool] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Raises ValueError for what is missing, unknown, or out of range."""
        try:
            config = cls(**tomllib.loads(path.read_text()))
        except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
            raise ValueError(f"{path}: {error}") from error
        if not config.columns or min(config.batch_messages, config.batch_bytes, config.ack_wait_seconds) <= 0:
            raise ValueError(f"{path}: columns must name a column, and batch_messages, batch_bytes and ack_wait_seconds be above 0")
        return config

    def named(self) -> str:
        """The connection, as the last arguments of a table function."""
        return "".join(f", {key} := {argument(key, value)}" for key, value in self.connection.items())

    def last(self) -> str:
        """The connection, as the last argument of a scalar function."""
        return ", {" + ", ".join(f"{text(key)}: {argument(key, value)}" for key, value in self.connection.items()) + "}" if self.connection else ""

    def shape(self) -> str:
        """What becomes of a message, as arguments of nats_ingest."""
        columns = ", ".join(f"{text(path)}: {text(kind)}" for path, kind in self.columns.items())
        arguments = [f"columns := {{{columns}}}", f"correlation_key := {text(self.correlation_key)}"]
        arguments += [f"{flag} := true" for flag in ("rest", "payload") if getattr(self, flag)]
        if self.subject:
            arguments.append(f"subject := {text(self.subject)}")
        return ", " + ", ".join(arguments)

    def source(self, messages: int, wait_seconds: float) -> str:
        """The next batch of the durable."""
        start = {"sequence": "start_seq := {}", "time": "start_time := TIMESTAMP '{}'", "policy": "deliver_policy := '{}'"}
        arguments = [start[kind].format(value) for kind, value in self.start.items()]
        arguments += [
            f"durable := {text(self.durable)}", f"max_messages := {messages}", f"max_wait := to_milliseconds({round(wait_seconds * 1000)})",
            f"ack_wait := to_milliseconds({round(self.ack_wait_seconds * 1000)})",
        ]
        if self.dead_letters:
            arguments.append(f"on_error := 'dlq', dlq_subject := {text(self.dead_letters)}")
        return f"nats_ingest({text(self.stream)}, {', '.join(arguments)}{self.shape()}{self.named()})"


def connect(file: str, extension: str) -> duckdb.DuckDBPyConnection:
    """Opens a database and loads the extension."""
    database = duckdb.connect(file, config={"allow_unsigned_extensions": "true"})
    try:
        database.execute(f"LOAD {text(os.environ.get('NATS_JS_EXTENSION') or extension or 'nats_js')}")
    except duckdb.Error:
        database.close()
        raise
    return database


@dataclass
class Metrics:
    counts: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    gauges: dict[str, float] = field(default_factory=dict)
    written: float = 0.0

    def write(self, config: Config) -> None:
        """A file for the textfile collector of Prometheus' node exporter, put in place in one step."""
        if not config.metrics_file:
            return
        labels = f'stream="{config.stream}",durable="{config.durable}"'
        lines = [f"nats_follower_{key}{{{labels}}} {value}" for key, value in sorted({**self.gauges, **self.counts}.items())]
        lines += [f'nats_follower_errors_total{{{labels},kind="{kind}"}} {count}' for kind, count in sorted(self.errors.items())]
        target = Path(config.metrics_file)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            temporary.write_text("\n".join(lines) + "\n")
            temporary.replace(target)
        except OSError as error:
            log("error", "metrics_not_written", error=str(error))


def kind_of(error: Exception) -> str:
    """The extension's own word, in brackets at the end of its errors, or DuckDB's kind of error."""
    own = re.search(r" \[([a-z_]+)\]$", str(error).splitlines()[0])
    return own[1] if own else type(error).__name__


def prepared(database: duckdb.DuckDBPyConnection, prepare: Callable[[duckdb.DuckDBPyConnection], None]) -> duckdb.DuckDBPyConnection:
    """The connection, after `prepare`; closed where that fails."""
    try:
        prepare(database)
    except duckdb.Error:
        database.close()
        raise
    return database


class Follower:
    """One durable and where its events go: a table of a DuckDB file. examples/lake/worker.py derives from it for a table of a lake."""

    database: duckdb.DuckDBPyConnection | None = None

    def __init__(self, config: Config, stop: threading.Event):
        self.config, self.stop, self.metrics = config, stop, Metrics()
        self.failures = 0
        self.opened = False
        # Whether what the last batch was given may be neither acknowledged nor returned.
        self.owes = False
        # What a message of this stream takes, as far as is known.
        self.message_bytes = 1_024.0

    # The database

    def open(self) -> duckdb.DuckDBPyConnection:
        """Raises duckdb.IOException when another process has the file."""
        if self.database is None:
            self.database = prepared(connect(self.config.database, self.config.extension), self.prepare)
        return self.database

    def prepare(self, database: duckdb.DuckDBPyConnection) -> None:
        """The table with the columns of the configuration, and the table of the sequences that a batch has written."""
        config, table = self.config, name(self.config.table)
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (correlation_key VARCHAR PRIMARY KEY, subject VARCHAR, seq UBIGINT, ts_nats TIMESTAMP)")
        database.execute("CREATE TABLE IF NOT EXISTS nats_follower_written (seq UBIGINT)")
        if not self.opened:
            # Of an earlier process; what it wrote and did not acknowledge comes again.
            database.execute("DELETE FROM nats_follower_written")
            self.opened = True
        described = f"DESCRIBE FROM nats_ingest({text(config.stream)}{config.shape()}{config.named()})"
        for column, kind in database.execute(f"SELECT column_name, column_type FROM ({described})").fetchall():
            if column not in ("stream", "msg_id"):
                database.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name(column)} {kind}")

    def close(self) -> None:
        if self.database is not None:
            self.database.close()
            self.database = None

    # One batch

    def batch_messages(self) -> int:
        return max(1, min(self.config.batch_messages, int(self.config.batch_bytes / self.message_bytes)))

    def write(self, wait_seconds: float) -> int:
        """Writes the next batch in one transaction; how many messages were given."""
        config, database = self.config, self.open()
        before = self.stats(database)
        rows, given = self.transfer(database, config.source(self.batch_messages(), wait_seconds))
        after = self.stats(database)
        messages, size = (after[key] - before[key] for key in ("messages_read", "bytes_read"))
        if messages:
            self.message_bytes = max(1.0, size / messages)
        self.metrics.counts["rows_total"] += rows
        self.metrics.counts["messages_total"] += given
        self.metrics.counts["dead_letters_total"] += after["dead_letters"] - before["dead_letters"]
        return given

    def transfer(self, database: duckdb.DuckDBPyConnection, source: str) -> tuple[int, int]:
        """Reads `source` and commits its rows with what `held` will look at; how many rows are new, and how many messages were given."""
        database.execute("BEGIN")
        (rows,) = database.execute(
            f"INSERT INTO {name(self.config.table)} BY NAME SELECT * EXCLUDE (stream, msg_id) FROM {source} ON CONFLICT (correlation_key) DO NOTHING"
        ).fetchone()
        (given,) = database.execute(f"INSERT INTO nats_follower_written SELECT seq FROM {self.unsettled()}").fetchone()
        database.execute("COMMIT")
        return rows, given

    def held(self) -> str:
        """What of the messages `u`, which were given, is committed: the end of a FROM clause."""
        return "SEMI JOIN nats_follower_written USING (seq)"

    def forget(self, database: duckdb.DuckDBPyConnection) -> None:
        """Removes what `held` looked at."""
        database.execute("DELETE FROM nats_follower_written")

    def settle(self, failed: Exception | None) -> None:
        """Acknowledges what is committed, and returns the rest; right after any outcome. Of rows at fault the one that fails alone becomes
        a dead letter."""
        config, database = self.config, self.open()
        place = f"{text(config.stream)}, {text(config.durable)}"
        (acked,) = database.execute(
            f"SELECT nats_ack({place}, list(u.seq){config.last()}) FROM {self.unsettled()} u {self.held()}"
        ).fetchone()
        reason = ""
        if isinstance(failed, ROWS_AT_FAULT) and config.dead_letters:
            reason = f", reason := {text(str(failed).splitlines()[0])}, dlq_subject := {text(config.dead_letters)}"
        returned, _, _, letters = database.execute(f"FROM nats_nak({place}{reason}{config.named()})").fetchone()
        self.forget(database)
        self.owes = False
        self.metrics.counts["acknowledged_total"] += acked
        self.metrics.counts["dead_letters_total"] += letters
        if returned or letters:
            log("warning", "returned", returned=returned, dead_letters=letters)

    def unsettled(self) -> str:
        config = self.config
        return f"nats_unsettled({text(config.stream)}, {text(config.durable)}{config.named()})"

    @staticmethod
    def stats(database: duckdb.DuckDBPyConnection) -> dict[str, int]:
        return dict(database.execute("SELECT name, value FROM nats_stats()").fetchall())

    def step(self, wait_seconds: float) -> int | None:
        """One batch; how many messages it had, None when it failed."""
        started, failed, given = time.monotonic(), None, 0
        try:
            if self.owes:
                self.settle(None)
            self.owes = True
            given = self.write(wait_seconds)
        except duckdb.Error as error:
            failed = error
            self.count(error)
        try:
            if self.database is not None:
                if failed is not None:
                    self.roll_back(failed)
                self.settle(failed)
        except duckdb.Error as error:
            self.count(error)
            failed = failed or error
            self.close_when_broken(error)
        if failed is not None:
            return None
        if given:
            self.metrics.counts["batches_total"] += 1
            log("info", "batch", messages=given, seconds=round(time.monotonic() - started, 3))
        self.metrics.gauges["last_success_timestamp_seconds"] = time.time()
        return given

    def roll_back(self, failed: duckdb.Error) -> None:
        try:
            self.database.execute("ROLLBACK")
        except duckdb.TransactionException:
            # It had not begun, or COMMIT had ended it.
            pass
        except duckdb.Error as error:
            self.close_when_broken(error)
        self.close_when_broken(failed)

    def close_when_broken(self, error: duckdb.Error) -> None:
        """A database that could not be written takes no more statements; it is opened again, from what is on the disk."""
        if isinstance(error, (duckdb.FatalException, duckdb.IOException, duckdb.InternalException)) and kind_of(error) == type(error).__name__:
            self.close()

    def count(self, error: duckdb.Error) -> None:
        self.metrics.errors[kind_of(error)] += 1
        log("error", "failed", kind=kind_of(error), error=str(error).splitlines()[0])

    # The loop

    def run(self, once: bool, reload) -> bool:
        """True when all went well."""
        while not self.stop.is_set():
            reload(self)
            self.report()
            started = time.monotonic()
            given = self.step(0.0 if once else TURN_SECONDS)
            if given is None:
                self.failures += 1
                if once and self.failures >= 5:
                    break
                # A message that fails every time, or a server that is away, is not asked for without a pause.
                pause = self.config.retry_first_seconds * 2 ** min(self.failures - 1, 30)
                self.stop.wait(min(pause, self.config.retry_max_seconds) * random.uniform(0.5, 1.0))
                continue
            self.failures = 0
            if once and given == 0:
                break
            if 0 < given < self.batch_messages() and not once:
                # Not full: the next one has more when it waits.
                self.stop.wait(max(0.0, self.config.batch_seconds - (time.monotonic() - started)))
        self.report(final=True)
        return self.failures == 0

    def report(self, final: bool = False) -> None:
        """The metrics, if it is time to."""
        now = time.monotonic()
        if not final and now - self.metrics.written < self.config.metrics_every_seconds:
            return
        self.metrics.written = now
        self.metrics.gauges["up"] = 0 if final else 1
        try:
            if self.database is not None:
                found = self.database.execute(
                    f"SELECT num_pending, num_ack_pending, num_redelivered FROM nats_consumers({text(self.config.stream)}{self.config.named()}) WHERE name = ?",
                    [self.config.durable],
                ).fetchone()
                for key, value in zip(("lag_messages", "ack_pending_messages", "redelivered_messages"), found or ()):
                    self.metrics.gauges[key] = value
        except duckdb.Error as error:
            self.metrics.errors[kind_of(error)] += 1
        self.metrics.write(self.config)


def dry_run(config: Config, rows: int = 10) -> None:
    """Shows the statement, and the first rows that it would write: by a range from where the durable stands, which leaves no trace."""
    database = connect(":memory:", config.extension)
    floor = database.execute(
        f"SELECT ack_floor_seq FROM nats_consumers({text(config.stream)}{config.named()}) WHERE name = ?", [config.durable]
    ).fetchone()
    print(f"INSERT INTO {name(config.table)} BY NAME SELECT * EXCLUDE (stream, msg_id) FROM {config.source(config.batch_messages, TURN_SECONDS)} ON CONFLICT (correlation_key) DO NOTHING;")
    first = floor[0] + 1 if floor else 1
    found = database.execute(
        f"SELECT to_json(row)::VARCHAR FROM (SELECT * EXCLUDE (stream, msg_id) FROM nats_ingest({text(config.stream)}, start_seq := {first}, "
        f"max_messages := {rows}, on_error := 'skip'{config.shape()}{config.named()})) AS row"
    )
    for (line,) in found.fetchall():
        print(line)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("config", type=Path)
    arguments.add_argument("--once", action="store_true", help="end when the durable is drained")
    arguments.add_argument("--dry-run", action="store_true", help="show the next rows, write nothing")
    options = arguments.parse_args()
    try:
        config = Config.read(options.config)
    except ValueError as error:
        log("error", "configuration", error=str(error))
        return 2
    if options.dry_run:
        dry_run(config)
        return 0
    stop, hup = threading.Event(), threading.Event()
    for word in (signal.SIGINT, signal.SIGTERM):
        signal.signal(word, lambda *_: stop.set())
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: hup.set())

    def reload(follower: Follower) -> None:
        if not hup.is_set():
            return
        hup.clear()
        try:
            follower.config = Config.read(options.config)
        except ValueError as error:
            log("error", "configuration", error=str(error))
            return
        # It is opened again with the columns of the new one.
        follower.close()
        log("info", "reloaded")

    follower = Follower(config, stop)
    log("info", "started", stream=config.stream, durable=config.durable, database=config.database)
    well = follower.run(options.once, reload)
    follower.close()
    log("info", "stopped", well=well)
    return 0 if well or not options.once else 1


if __name__ == "__main__":
    sys.exit(main())
