"""Where the examples of client libraries run: a server with orders, and the variables that the examples read."""

import os
from pathlib import Path

import duckdb

from scripts import fixtures, paths
from scripts.nats_server import Server

SECONDS = 300
# Of thirty orders, three customers have ten each.
ORDERS = """messages stream=ORDERS subject=orders.{i%2}.new count=30 payload='{"order_id":"o{i}","customer":"c{i%3}","total":{i}.50}'"""
TOTALS = "c0 10 170.00\nc1 10 150.00\nc2 10 160.00\n"


def extension() -> Path:
    """The file that the DuckDB of this suite loads."""
    [(platform,)] = duckdb.connect().execute("PRAGMA platform").fetchall()
    return paths.extension(os.environ["NATS_JS_PROFILE"], platform)


def variables(server: Server) -> dict[str, str]:
    """The environment of an example."""
    return {**os.environ, "NATS_URL": server.url, "NATS_JS_EXTENSION": str(extension()), "MPLBACKEND": "Agg"}


def fill(server: Server, *lines: str) -> None:
    """Applies fixtures to a server."""
    with fixtures.Wire(server.url) as wire:
        for line in lines:
            fixtures.parse(line, line).apply(wire)
