"""SQLAlchemy: rows of a stream by an engine of duckdb-engine.

    pip install sqlalchemy duckdb-engine
    NATS_URL=nats://localhost:4222 NATS_JS_EXTENSION=build/release/nats_js.duckdb_extension python examples/clients/sqlalchemy_orders.py
"""

import os

from sqlalchemy import create_engine, event, text

engine = create_engine("duckdb:///:memory:", connect_args={"config": {"allow_unsigned_extensions": "true"}})


@event.listens_for(engine, "connect")
def load(connection, _record) -> None:
    """The extension is loaded into each database that the engine opens."""
    connection.execute(f"LOAD '{os.environ['NATS_JS_EXTENSION']}'")


# An argument of the function is a parameter of the statement, as any value is.
STATEMENT = text("""
    SELECT customer, count(*) AS orders, sum(total) AS total
    FROM nats_scan('ORDERS', subject := :subject, columns := {'customer': 'VARCHAR', 'total': 'DECIMAL(18,2)'})
    GROUP BY customer ORDER BY customer
""")

if __name__ == "__main__":
    with engine.connect() as connection:
        for row in connection.execute(STATEMENT, {"subject": "orders.*.new"}):
            print(row.customer, row.orders, row.total)
