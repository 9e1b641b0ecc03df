"""The archive as a table of a DuckLake: rows and position are one transaction, and of two archivers one is refused.

    NATS_URL=nats://localhost:4222 python examples/archive/archive.py EVENTS 'ducklake:postgres:host=... dbname=...' --before "LOAD ducklake" --before ...

`--before` also attaches what the catalogue needs. Files go where the lake's DATA_PATH says, which a new lake takes from the environment variable ARCHIVE_DATA_PATH.
"""

import os

import archive
import duckdb


class LakeArchive:
    def __init__(self, stream: str, catalogue: str, before: list[str]):
        self.stream = stream
        self.database = archive.connected(before)
        path = os.environ.get("ARCHIVE_DATA_PATH")
        self.database.execute(f"ATTACH '{catalogue}' AS lake" + (f" (DATA_PATH '{path}')" if path else ""))
        self.database.execute("CREATE SCHEMA IF NOT EXISTS lake.archive")
        self.database.execute("CREATE TABLE IF NOT EXISTS lake.archive.state (stream VARCHAR, last UBIGINT, checkpoint VARCHAR)")
        if not self.database.execute("FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'archive' AND table_name = 'messages'").fetchall():
            self.database.execute(f"CREATE TABLE lake.archive.messages AS SELECT '' AS stream, {archive.COLUMNS} FROM nats_scan('{stream}', headers := true) LIMIT 0")
            self.database.execute("ALTER TABLE lake.archive.messages SET PARTITIONED BY (stream)")
        self.database.execute("INSERT INTO lake.archive.state SELECT ?, 0, NULL WHERE NOT EXISTS (FROM lake.archive.state WHERE stream = ?)", [stream, stream])

    def step(self) -> int:
        """Archives what came since the last time; how many messages."""
        self.database.execute("BEGIN")
        try:
            rows = self.move()
            self.database.execute("COMMIT")
            return rows
        except (duckdb.Error, RuntimeError):
            self.undo()
            raise

    def move(self) -> int:
        positions = self.database.execute("SELECT last, checkpoint FROM lake.archive.state WHERE stream = ?", [self.stream]).fetchall()
        if len(positions) != 1:
            # Two first archivers that came at once have each added one.
            raise RuntimeError(f"lake.archive.state has {len(positions)} rows of {self.stream}: delete all but one that is the furthest")
        [(last, checkpoint)] = positions
        (upto,) = self.database.execute("SELECT nats_checkpoint(?)", [self.stream]).fetchone()
        if upto == checkpoint:
            return 0
        source = archive.scan(self.stream, checkpoint, upto)
        self.write(source)
        rows, newest = self.verify(source, last)
        # The row that every archiver changes: of two transactions that do, the lake refuses one.
        self.record(upto, newest or last)
        return rows

    def write(self, source: str) -> None:
        self.database.execute(f"INSERT INTO lake.archive.messages SELECT ?, {archive.COLUMNS} FROM {source}", [self.stream])

    def verify(self, source: str, last: int) -> tuple[int, int | None]:
        """Reads both, the lake and the stream. What differs is an error, and nothing is archived."""
        of_stream = self.database.execute(f"SELECT {archive.DIGEST} FROM {source}").fetchone()
        of_lake = self.database.execute(f"SELECT {archive.DIGEST} FROM lake.archive.messages WHERE stream = ? AND seq > ?", [self.stream, last]).fetchone()
        if of_stream != of_lake:
            raise RuntimeError(f"the lake has (rows, first, last, digest) {of_lake}, and the stream {of_stream}: nothing is archived; run it again")
        return of_lake[0], of_lake[2]

    def record(self, upto: str, last: int) -> None:
        self.database.execute("UPDATE lake.archive.state SET last = ?, checkpoint = ? WHERE stream = ?", [last, upto, self.stream])

    def undo(self) -> None:
        try:
            self.database.execute("ROLLBACK")
        except duckdb.Error:
            # COMMIT had ended it.
            pass
