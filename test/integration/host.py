"""The DuckDB of this run, with the extension loaded."""

import os

import duckdb

from scripts import doors, paths


def connect(database: str = ":memory:", **options) -> duckdb.DuckDBPyConnection:
    """A connection to a database of its own, in which the functions of the extension exist."""
    connection = duckdb.connect(database, config={"allow_unsigned_extensions": "true"}, **options)
    [(platform,)] = connection.execute("PRAGMA platform").fetchall()
    file = paths.extension(os.environ["NATS_JS_PROFILE"], platform, doors.tested().folder)
    connection.execute(f"LOAD '{file}'")
    return connection
