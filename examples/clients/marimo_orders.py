"""marimo: a reactive notebook over a stream.

    pip install marimo duckdb polars pyarrow
    NATS_URL=nats://localhost:4222 NATS_JS_EXTENSION=build/release/nats_js.duckdb_extension marimo edit examples/clients/marimo_orders.py
"""

import marimo

app = marimo.App()


@app.cell
def _():
    import os

    import duckdb

    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    database.execute(f"LOAD '{os.environ['NATS_JS_EXTENSION']}'")
    return (database,)


@app.cell
def _():
    # Change the filter, and the cell below runs again.
    subject = "orders.*.new"
    return (subject,)


@app.cell
def _(database, subject):
    totals = database.execute(
        """
        SELECT customer, count(*) AS orders, sum(total) AS total
        FROM nats_scan('ORDERS', subject := ?, columns := {'customer': 'VARCHAR', 'total': 'DECIMAL(18,2)'})
        GROUP BY customer ORDER BY customer
        """,
        [subject],
    ).fetchall()
    for customer, orders, total in totals:
        print(customer, orders, total)
    return (totals,)


if __name__ == "__main__":
    app.run()
