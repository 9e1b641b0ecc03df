"""STRUCTs as arguments of scalars whose members vary in some rows and not in others: read right, or refused (DuckDB 1.2)."""

import os
import unittest

import duckdb

from integration.host import connect
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
ROWS = 5_000
# DuckDB 1.2 does not flatten the members of a STRUCT.
FLATTENS_MEMBERS = not duckdb.__version__.startswith("1.2.")


class StructArguments(unittest.TestCase):
    def setUp(self):
        fill(URL, "stream name=S subjects=s", "purge stream=S")

    def publish(self, headers: str) -> str:
        # The connection is a STRUCT that is the same in all rows: read on every host.
        call = f"nats_publish('s', '', {headers}, {{'url': '{URL}'}})"
        return f"SELECT count(r.seq) FROM (SELECT {call} AS r FROM range({ROWS}) t(i) WHERE i % 3 > 0)"

    def stored(self, connection, prefix: str) -> int:
        header = f"headers['Nats-Msg-Id'][1] = '{prefix}-' || i AND headers['Kind'][1] = 'event'"
        ids = f"SELECT *, row_number() OVER (ORDER BY seq) AS n FROM nats_scan('S', url := '{URL}', headers := true)"
        wanted = f"SELECT i, row_number() OVER (ORDER BY i) AS n FROM range({ROWS}) t(i) WHERE i % 3 > 0"
        query = f"SELECT count(*) FROM ({ids}) JOIN ({wanted}) USING (n) WHERE {header}"
        return connection.execute(query).fetchone()[0]

    def test_headers_of_which_one_member_varies(self):
        statement = self.publish("{'Nats-Msg-Id': 'struct-' || i, 'Kind': 'event'}")
        with connect() as connection:
            if FLATTENS_MEMBERS:
                connection.execute(statement)
                self.assertEqual(self.stored(connection, "struct"), ROWS * 2 // 3)
            else:
                with self.assertRaisesRegex(duckdb.Error, "use a MAP"):
                    connection.execute(statement)
                self.assertEqual(self.stored(connection, "struct"), 0)

    def test_a_map_works_everywhere(self):
        with connect() as connection:
            connection.execute(self.publish("MAP {'Nats-Msg-Id': 'map-' || i, 'Kind': 'event'}"))
            self.assertEqual(self.stored(connection, "map"), ROWS * 2 // 3)


if __name__ == "__main__":
    unittest.main()
