"""A column is an ENUM on every host, whatever the width of its numbers, by itself and inside of other types."""

import os
import unittest

from integration.host import connect
from integration.streams import fill

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 5_000
PAYLOAD = '{"e":"v{i%200}","l":["v{i%3}","v{i%200}"],"s":{"e":"v{i%7}"},"m":{"k":"v{i%5}"}}'
# A number takes one byte, two, and four.
SIZES = (200, 300, 66_000)


def enum(size: int) -> str:
    """The type, within a text of SQL: its values stand in another order than that of their texts."""
    return "ENUM(" + ", ".join(f"''v{number}''" for number in reversed(range(size))) + ")"


class Enums(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, "stream name=S subjects=s storage=memory", f"messages stream=S subject=s count={COUNT} payload='{PAYLOAD}'")

    def setUp(self):
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def rows(self, query: str) -> list[tuple]:
        return self.connection.execute(query).fetchall()

    def test_every_value_comes_back_from_a_table(self):
        for size in SIZES:
            ty = enum(size)
            columns = f"{{'e': '{ty}', 'l': '{ty}[]', 's': 'STRUCT(e {ty})', 'm': 'MAP(VARCHAR, {ty})'}}"
            self.connection.execute(
                f"CREATE OR REPLACE TABLE t AS SELECT seq, e, l, s, m FROM nats_scan('S', url := '{URL}', columns := {columns})"
            )
            types = {row[0]: row[1] for row in self.rows("DESCRIBE t")}
            for column, beginning in (("e", "ENUM("), ("l", "ENUM("), ("s", "STRUCT(e ENUM("), ("m", "MAP(VARCHAR, ENUM(")):
                self.assertTrue(types[column].startswith(beginning), types[column][:40])
            wrong = """SELECT count(*), count(*) FILTER (e::VARCHAR <> 'v' || seq % 200 OR l[1]::VARCHAR <> 'v' || seq % 3
                OR l[2] <> e OR s.e::VARCHAR <> 'v' || seq % 7 OR m['k']::VARCHAR <> 'v' || seq % 5) FROM t"""
            self.assertEqual(self.rows(wrong), [(COUNT, 0)], size)
            self.assertEqual(self.rows("SELECT e::VARCHAR FROM t GROUP BY e ORDER BY e LIMIT 2"), [("v199",), ("v198",)], size)

    def test_another_value_is_an_error(self):
        with self.assertRaisesRegex(Exception, "path 'e': \"v150\" is no value of ENUM"):
            self.rows(f"SELECT max(e) FROM nats_scan('S', url := '{URL}', columns := {{'e': '{enum(150)}'}})")


if __name__ == "__main__":
    unittest.main()
