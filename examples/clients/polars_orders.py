"""Polars: a stream as a DataFrame, by way of Arrow.

    pip install duckdb polars pyarrow
    NATS_URL=nats://localhost:4222 NATS_JS_EXTENSION=build/release/nats_js.duckdb_extension python examples/clients/polars_orders.py
"""

import os

import duckdb
import polars as pl

database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{os.environ['NATS_JS_EXTENSION']}'")

# DuckDB decodes the payloads; Polars gets typed columns.
orders = database.sql("""
    SELECT seq, ts_nats, customer, total
    FROM nats_scan('ORDERS', columns := {'customer': 'VARCHAR', 'total': 'DOUBLE'})
""").pl()

if __name__ == "__main__":
    totals = orders.group_by("customer").agg(pl.len().alias("orders"), pl.col("total").sum()).sort("customer")
    for customer, count, total in totals.iter_rows():
        print(customer, count, f"{total:.2f}")
