"""The runner passes what is right and, above all, fails what is wrong. Runs in the DuckDB of PYTHONPATH."""

import tempfile
import unittest
from pathlib import Path

from scripts.sqllogic.host import Host
from scripts.sqllogic.runner import Failure, Runner, Skip


# Of the values 0, 1 and 2.
HASH = "996dc30fa92a088d53929ed16588ec72"


class RunnerCase(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.host = Host("release")
        self.addCleanup(self.host.close)
        self.directory = Path(scratch.name)

    def run_text(self, text: str) -> int:
        return Runner(self.host, {"COLOUR": "red"}, self.directory).run(text)

    def passes(self, text: str, checks: int):
        self.assertEqual(self.run_text(text), checks)

    def fails(self, text: str, reason: str, line: int = 1):
        with self.assertRaisesRegex(Failure, reason) as caught:
            self.run_text(text)
        self.assertEqual(caught.exception.line, line)

    def skips(self, text: str, reason: str):
        with self.assertRaisesRegex(Skip, reason):
            self.run_text(text)


class Statements(RunnerCase):
    def test_ok(self):
        self.passes("statement ok\nCREATE TABLE t (i INTEGER)\n\nstatement ok\nINSERT INTO t VALUES (1)\n", 2)

    def test_ok_that_fails(self):
        self.fails("\nstatement ok\nSELECT * FROM nowhere\n", "nowhere does not exist", 2)

    def test_ok_that_fails_in_a_late_row(self):
        self.fails("statement ok\nSELECT CASE WHEN i = 99999 THEN error('late') END FROM range(100000) t(i)\n", "late")

    def test_error_as_expected(self):
        self.passes("statement error\nSELECT * FROM nowhere\n----\nnowhere does not exist\n", 1)

    def test_error_with_another_text(self):
        self.fails("statement error\nSELECT * FROM nowhere\n----\nsome other text\n", "Expected:\nsome other text")

    def test_error_that_does_not_come(self):
        self.fails("statement error\nSELECT 1\n----\nanything\n", "Actual:\nno error")

    def test_error_by_expression(self):
        self.passes("statement error\nSELECT error('a1')\n----\n<REGEX>:.*Error: a[0-9]\n", 1)

    def test_error_by_expression_is_for_all_of_it(self):
        self.fails("statement error\nSELECT error('a1')\n----\n<REGEX>:a[0-9]\n", "Actual:\nInvalid Input Error: a1")

    def test_error_by_negated_expression(self):
        self.passes("statement error\nSELECT error('a1')\n----\n<!REGEX>:.*secret.*\n", 1)
        self.fails("statement error\nSELECT error('a secret')\n----\n<!REGEX>:.*secret.*\n", "secret")

    def test_maybe(self):
        self.passes("statement maybe\nSELECT 1\n----\nx\n\nstatement maybe\nSELECT error('x')\n----\nx\n", 2)
        self.fails("statement maybe\nSELECT error('y')\n----\nx\n", "Actual:\nInvalid Input Error: y")


class Queries(RunnerCase):
    def test_values_as_duckdb_writes_them(self):
        sql = "SELECT true, 1.5::DOUBLE, [1, NULL], {'a': 'x', 'b': false}, TIMESTAMP '2025-01-02 03:04:05', '\\xAA'::BLOB, NULL, ''"
        row = "1\t1.5\t[1, NULL]\t{'a': x, 'b': false}\t2025-01-02 03:04:05\t\\xAA\tNULL\t(empty)"
        self.passes(f"query ITTTTTTT\n{sql}\n----\n{row}\n", 1)

    def test_one_value_a_line(self):
        self.passes("query II\nVALUES (1, 2), (3, 4), (5, 6)\n----\n1\n2\n3\n4\n5\n6\n", 1)

    def test_wrong_value(self):
        self.fails("query I\nSELECT 1\n----\n2\n", "row 1, column 1: '1' came, '2' was expected")

    def test_value_missing(self):
        self.fails("query I\nVALUES (1), (2)\n----\n1\n", "2 rows came, 1 were expected")

    def test_value_too_many(self):
        self.fails("query I\nVALUES (1)\n----\n1\n2\n", "1 rows came, 2 were expected")

    def test_no_rows(self):
        self.passes("query I\nSELECT 1 WHERE false\n----\n\n", 1)
        self.fails("query I\nSELECT 1\n----\n\n", "1 rows came, 0 were expected")

    def test_column_count(self):
        self.fails("query I\nSELECT 1, 2\n----\n1\n2\n", "2 columns")

    def test_row_of_another_width(self):
        self.fails("query II\nVALUES (1, 2), (3, 4)\n----\n1\t2\n3\n", "expected row 2 has 1 values")

    def test_values_that_make_no_row(self):
        self.fails("query II\nVALUES (1, 2), (3, 4)\n----\n1\n2\n3\n", "no whole number of rows")

    def test_order_matters(self):
        self.fails("query I\nVALUES (2), (1)\n----\n1\n2\n", "row 1")

    def test_order_of_the_query_is_kept(self):
        self.passes("query I\nSELECT i FROM range(3) t(i) ORDER BY i DESC\n----\n2\n1\n0\n", 1)

    def test_rowsort(self):
        self.passes("query II rowsort\nVALUES (2, 1), (1, 2)\n----\n1\t2\n2\t1\n", 1)
        self.fails("query II rowsort\nVALUES (2, 1), (1, 2)\n----\n2\t1\n1\t2\n", "row 1")

    def test_valuesort(self):
        self.passes("query II valuesort\nVALUES (4, 3), (2, 1)\n----\n1\n2\n3\n4\n", 1)

    def test_numbers_written_otherwise(self):
        self.passes("query IRI\nSELECT 1, 2.0::DOUBLE, true\n----\n1.0\t2\ttrue\n", 1)
        self.fails("query R\nSELECT 1.0000001::DOUBLE\n----\n1\n", "row 1")

    def test_text_is_compared_as_text(self):
        self.fails("query T\nSELECT '1.0'\n----\n1\n", "row 1")

    def test_hash(self):
        text = "query I\nSELECT i FROM range(3) t(i)\n----\n3 values hashing to {}\n"
        self.passes(text.format(HASH), 1)
        self.fails(text.format("0" * 32), f"the result is 3 values hashing to {HASH}")

    def test_expression(self):
        self.passes("query T\nSELECT 'abc'\n----\n<REGEX>:a.c\n", 1)
        self.fails("query T\nSELECT 'abcd'\n----\n<REGEX>:a.c\n", "row 1")
        self.fails("query T\nSELECT 'abc'\n----\n<!REGEX>:a.c\n", "row 1")

    def test_label(self):
        self.passes("query I nosort same\nSELECT 1\n----\n1\n\nquery I nosort same\nSELECT 1\n----\n1\n", 2)
        self.fails("query I nosort s\nSELECT 1\n----\n1\n\nquery I nosort s\nSELECT 2\n----\n2\n", "label 's'", 6)

    def test_statements_that_are_no_subqueries(self):
        self.passes("query I\nCREATE TABLE t (i INTEGER); INSERT INTO t VALUES (7) RETURNING i\n----\n7\n", 1)
        self.passes("statement ok\nPREPARE p AS SELECT $1::INTEGER\n\nquery I\nEXECUTE p(5)\n----\n5\n", 2)
        self.passes("query TT\nEXPLAIN SELECT 1\n----\nphysical_plan\t<REGEX>:.*\n", 1)

    def test_a_query_runs_once(self):
        text = "statement ok\nCREATE SEQUENCE s\n\nquery I\nSELECT nextval('s')\n----\n1\n\nquery I\nSELECT nextval('s')\n----\n2\n"
        self.passes(text, 3)

    def test_query_that_fails(self):
        self.fails("query I\nSELECT error('broken')\n----\n1\n", "Actual:\nInvalid Input Error: broken")


class Directives(RunnerCase):
    def test_nothing_tested(self):
        self.fails("# name: empty\n# description: nothing\n\n", "tests nothing")

    def test_unknown_directive(self):
        self.fails("statement ok\nSELECT 1\n\nreqire json\n\n", "unknown directive 'reqire'", 4)

    def test_require(self):
        self.passes("require json\n\nquery T\nSELECT '{\"a\":1}'::JSON ->> 'a'\n----\n1\n", 1)
        self.skips("require no_such_extension\n\nstatement ok\nSELECT 1\n", "no_such_extension")

    def test_require_env(self):
        self.passes("require-env COLOUR\n\nquery T\nSELECT '${COLOUR}'\n----\nred\n", 1)
        self.passes("require-env COLOUR red\n\nstatement ok\nSELECT 1\n", 1)
        self.skips("require-env COLOUR blue\n\nstatement ok\nSELECT 1\n", "it is red")
        self.skips("require-env SHAPE\n\nstatement ok\nSELECT 1\n", "not set")

    def test_undeclared_variable(self):
        self.fails("statement ok\nSELECT '${COLOUR}'\n", "COLOUR")

    def test_loops(self):
        text = "foreach t INTEGER BIGINT\n\nloop i 1 3\n\nquery I\nSELECT ${i}::${t}\n----\n${i}\n\nendloop\n\nendloop\n"
        self.passes(text, 4)

    def test_failure_in_a_loop_names_its_values(self):
        self.fails("loop i 0 3\n\nquery I\nSELECT ${i}\n----\n0\n\nendloop\n", "i = 1", 3)

    def test_concurrent_loop(self):
        text = "statement ok\nCREATE TABLE t (i INTEGER)\n\nconcurrentloop i 0 8\n\nstatement ok\nINSERT INTO t VALUES (${i})\n\n"
        text += "endloop\n\nquery II\nSELECT count(*), sum(i) FROM t\n----\n8\t28\n"
        self.passes(text, 10)

    def test_failure_in_a_concurrent_loop(self):
        self.fails("concurrentforeach i 1 2 3\n\nquery I\nSELECT ${i}\n----\n1\n\nendloop\n", "row 1", 3)

    def test_connections_have_transactions_of_their_own(self):
        text = "statement ok\nCREATE TABLE t (i INTEGER)\n\nstatement ok con1\nBEGIN\n\nstatement ok con1\nINSERT INTO t VALUES (1)\n\n"
        text += "query I\nSELECT count(*) FROM t\n----\n0\n\nquery I con1\nSELECT count(*) FROM t\n----\n1\n"
        self.passes(text, 5)

    def test_load_restart_reconnect(self):
        text = "load __TEST_DIR__/a.db\n\nstatement ok\nCREATE TABLE t AS SELECT 1 AS i\n\nstatement ok\nCREATE TEMP TABLE u (i INTEGER)\n\n"
        text += "restart\n\nquery I\nFROM t\n----\n1\n\nreconnect\n\nstatement error\nFROM u\n----\nu does not exist\n\n"
        text += "load __TEST_DIR__/a.db readonly\n\nstatement error\nDROP TABLE t\n----\nread-only\n"
        self.passes(text, 5)

    def test_sleep_takes_a_known_unit(self):
        self.passes("sleep 1 millisecond\n\nstatement ok\nSELECT 1\n", 1)
        self.fails("sleep 1 moment\n\nstatement ok\nSELECT 1\n", "unknown directive 'sleep 1 moment'")

    def test_seed(self):
        text = "set seed 0.5\n\nquery I nosort r\nSELECT random() < 2\n----\n1\n"
        self.passes(text, 1)
        self.fails("set colour red\n\nstatement ok\nSELECT 1\n", "unknown directive 'set colour red'")


if __name__ == "__main__":
    unittest.main()
