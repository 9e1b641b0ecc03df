"""The parser refuses what is not of the dialect."""

import unittest

from scripts.sqllogic.parser import Loop, ParseError, Query, Statement, parse


class Accepts(unittest.TestCase):
    def test_statement_and_query(self):
        records = parse("# name: a\n\nstatement ok con1\nSELECT 1\n\nquery IT rowsort label\nSELECT 1, 'a'\n----\n1\ta\n")
        self.assertEqual([type(record) for record in records], [Statement, Query])
        self.assertEqual((records[0].connection, records[0].line), ("con1", 3))
        self.assertEqual((records[1].sort, records[1].label, records[1].expected), ("rowsort", "label", ["1\ta"]))

    def test_query_on_a_connection(self):
        [query] = parse("query I con2\nSELECT 1\n----\n1\n")
        self.assertEqual((query.connection, query.sort), ("con2", "nosort"))

    def test_sql_of_several_lines(self):
        [statement] = parse("statement error\nSELECT\nx\n----\nfirst\nsecond\n\n")
        self.assertEqual((statement.sql, statement.error), ("SELECT\nx", "first\nsecond"))

    def test_nested_loops(self):
        [outer] = parse("loop i 0 2\n\nforeach t a b\n\nstatement ok\nSELECT 1\n\nendloop\n\nendloop\n")
        self.assertEqual(outer.values, ["0", "1"])
        self.assertIsInstance(outer.body[0], Loop)

    def test_other_systems_and_skipped_parts_are_left_out(self):
        text = "skipif duckdb\nstatement ok\nA\n\nonlyif sqlite\nstatement ok\nB\n\nskipif sqlite\nstatement ok\nC\n\n"
        text += "mode skip\n\nstatement ok\nD\n\nmode unskip\n\nonlyif duckdb\nstatement ok\nE\n\nhalt\n\nnonsense\n"
        self.assertEqual([statement.sql for statement in parse(text)], ["C", "E"])

    def test_a_door_is_a_system_too(self):
        text = "onlyif v2\nstatement ok\nA\n\nskipif v2\nstatement ok\nB\n\n"
        self.assertEqual([statement.sql for statement in parse(text, ("duckdb", "v2"))], ["A"])
        self.assertEqual([statement.sql for statement in parse(text, ("duckdb", "v1"))], ["B"])


class Refuses(unittest.TestCase):
    def refused(self, text: str, reason: str, line: int):
        with self.assertRaisesRegex(ParseError, reason) as caught:
            parse(text)
        self.assertEqual(caught.exception.line, line)

    def test_unknown_directive(self):
        self.refused("\nstatment ok\nSELECT 1\n", "unknown directive 'statment'", 2)

    def test_unknown_expectation(self):
        self.refused("statement fine\nSELECT 1\n", "statement takes", 1)

    def test_unknown_column_type(self):
        self.refused("query X\nSELECT 1\n----\n1\n", "column types", 1)

    def test_query_without_result(self):
        self.refused("query I\nSELECT 1\n\n", "no ----", 1)

    def test_error_without_text(self):
        self.refused("statement error\nSELECT 1\n\n", "needs the text", 1)

    def test_ok_with_result(self):
        self.refused("statement ok\nSELECT 1\n----\n1\n", "has no result", 1)

    def test_nothing_to_run(self):
        self.refused("statement ok\n\n", "no SQL", 1)

    def test_open_loop(self):
        self.refused("loop i 0 2\n\nstatement ok\nSELECT 1\n", "without an endloop", 1)

    def test_stray_endloop(self):
        self.refused("endloop\n", "without a loop", 1)

    def test_loop_that_never_runs(self):
        self.refused("loop i 2 2\n\nstatement ok\nSELECT 1\n\nendloop\n", "never runs", 1)

    def test_directive_glued_to_the_next(self):
        self.refused("require json\nstatement ok\nSELECT 1\n", "empty line", 1)

    def test_unknown_mode(self):
        self.refused("mode output_hash\n\n", "unknown mode", 1)

    def test_too_many_words(self):
        self.refused("restart now\n\n", "'restart' takes", 1)


if __name__ == "__main__":
    unittest.main()
