"""Executes the records of a test file and stops at the first that is not as expected."""

import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from scripts import doors

from . import compare, host, parser

SLEEP_UNITS = {"second": 1.0, "millisecond": 1e-3, "microsecond": 1e-6, "nanosecond": 1e-9}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Errors after which a database must not be trusted; no test may expect one.
_BUGS = ("INTERNAL Error", "FATAL Error")


class Failure(Exception):
    """What differed, and where."""

    def __init__(self, line: int, text: str):
        super().__init__(text)
        self.line = line


class Skip(Exception):
    """The file asks for something that is not here."""


class _Scope:
    """What a record runs with: the values of loops and environment, and the connections of its thread."""

    def __init__(self, values: Mapping[str, str], connections: host.Connections | None):
        self.values = values
        self._own = connections

    def inside(self, variable: str, value: str, connections: host.Connections | None = None) -> "_Scope":
        return _Scope({**self.values, variable: value}, connections or self._own)

    def connections(self, database: host.Host) -> host.Connections:
        return self._own or database.connections


class Runner:
    """Runs one file. `environment` is what `require-env` sees, `directory` is `__TEST_DIR__`."""

    def __init__(self, database: host.Host, environment: Mapping[str, str], directory: Path):
        self._host = database
        self._environment = environment
        self._door = environment.get("NATS_JS_TEST_DOOR", doors.V1.name)
        self._constants = {"__TEST_DIR__": str(directory), "__WORKING_DIRECTORY__": str(Path.cwd())}
        self._declared: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._lock = threading.Lock()
        self._executed = 0

    def run(self, text: str) -> int:
        """Runs a file's text; the number of statements and queries that were checked."""
        try:
            self._run_all(parser.parse(text, (parser.SYSTEM, self._door)), _Scope({}, None))
        except parser.ParseError as error:
            raise Failure(error.line, str(error)) from error
        if not self._executed:
            raise Failure(1, "the file tests nothing")
        return self._executed

    def _run_all(self, records: list[parser.Record], scope: _Scope) -> None:
        for record in records:
            match record:
                case parser.Command():
                    self._command(record, scope)
                case parser.Statement():
                    self._statement(record, scope)
                case parser.Query():
                    self._query(record, scope)
                case parser.Loop(concurrent=True):
                    self._concurrent(record, scope)
                case parser.Loop():
                    for value in record.values:
                        value = self._fill(value, scope, record.line)
                        self._run_all(record.body, scope.inside(record.variable, value))

    def _fill(self, text: str, scope: _Scope, line: int) -> str:
        """The text with `${NAME}` replaced by what loops and `require-env` have declared."""

        def value(match: re.Match) -> str:
            name = match[1]
            if name in scope.values:
                return scope.values[name]
            if name in self._declared:
                return self._declared[name]
            raise Failure(line, f"${{{name}}} is neither a loop's variable nor declared by require-env")

        for name, constant in self._constants.items():
            text = text.replace(name, constant)
        return _VARIABLE.sub(value, text)

    def _count(self) -> None:
        with self._lock:
            self._executed += 1

    def _command(self, command: parser.Command, scope: _Scope) -> None:
        words = [self._fill(word, scope, command.line) for word in command.words]
        match command.name, words:
            case "require", [name]:
                try:
                    if not self._host.require(name):
                        raise Skip(f"require {name}: not in this host")
                except duckdb.Error as error:
                    raise Failure(command.line, f"{name} does not load: {error}") from error
            case "require-env", [name, *wanted]:
                have = self._environment.get(name)
                if have is None or wanted not in ([], [have]):
                    raise Skip(f"require-env {' '.join(words)}: it is {'not set' if have is None else have}")
                self._declared[name] = have
            case "load", [] | [_] | [_, "readonly" | "readwrite"]:
                self._host.open(words[0] if words else ":memory:", words[1:] == ["readonly"])
            case "restart", []:
                self._host.restart()
            case "reconnect", []:
                self._host.reconnect()
            case "sleep", [amount, unit] if unit.removesuffix("s") in SLEEP_UNITS:
                time.sleep(float(amount) * SLEEP_UNITS[unit.removesuffix("s")])
            case "set", ["seed", seed]:
                host.execute(scope.connections(self._host).get(""), f"SELECT setseed({float(seed)})")
            case "reset", ["label", name]:
                self._labels.pop(name, None)
            case _:
                raise Failure(command.line, f"unknown directive '{command.name} {' '.join(words)}'")

    def _statement(self, statement: parser.Statement, scope: _Scope) -> None:
        sql = self._fill(statement.sql, scope, statement.line)
        expected = self._fill(statement.error, scope, statement.line)
        connection = self._connection(statement, scope)
        self._count()
        try:
            host.execute(connection, sql)
        except duckdb.Error as error:
            text = str(error)
            bug = text.startswith(_BUGS)
            if bug or statement.expect == "ok" or (expected and not compare.error_matches(text, expected)):
                wanted = "no error" if statement.expect == "ok" else expected or "any error but a bug of the host"
                raise self._failure(statement, scope, sql, wanted, text) from error
        else:
            if statement.expect == "error":
                raise self._failure(statement, scope, sql, f"the error: {expected}", "no error")

    def _query(self, query: parser.Query, scope: _Scope) -> None:
        sql = self._fill(query.sql, scope, query.line)
        expected = [self._fill(line, scope, query.line) for line in query.expected]
        connection = self._connection(query, scope)
        self._count()
        try:
            answer = host.query(connection, sql)
        except duckdb.Error as error:
            raise self._failure(query, scope, sql, "\n".join(expected), str(error)) from error
        rows = compare.sorted_rows(answer, query.sort)
        actual = "\n".join("\t".join(row) for row in rows)
        if len(answer.types) != len(query.types):
            columns = f"{len(query.types)} columns ({query.types})"
            raise self._failure(query, scope, sql, columns, f"{len(answer.types)} columns\n{actual}")
        problem = compare.difference(answer, rows, expected, query.sort)
        if problem is None and query.label:
            problem = self._label_problem(query.label, compare.digest(rows))
        if problem is not None:
            raise self._failure(query, scope, sql, "\n".join(expected), actual, problem)

    def _label_problem(self, label: str, digest: str) -> str | None:
        with self._lock:
            first = self._labels.setdefault(label, digest)
        return None if first == digest else f"another query with the label '{label}' had another result"

    def _concurrent(self, loop: parser.Loop, scope: _Scope) -> None:
        """Each value in a thread of its own, with connections of its own."""
        errors: list[BaseException] = []

        def work(value: str) -> None:
            connections = self._host.another()
            try:
                self._run_all(loop.body, scope.inside(loop.variable, value, connections))
            except BaseException as error:
                errors.append(error)
            finally:
                connections.close()

        values = [self._fill(value, scope, loop.line) for value in loop.values]
        threads = [threading.Thread(target=work, args=(value,)) for value in values]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _connection(self, record: parser.Statement | parser.Query, scope: _Scope) -> duckdb.DuckDBPyConnection:
        name = self._fill(record.connection, scope, record.line)
        return scope.connections(self._host).get(name)

    def _failure(
        self, record: parser.Record, scope: _Scope, sql: str, expected: str, actual: str, problem: str = ""
    ) -> Failure:
        parts = [problem] if problem else []
        if scope.values:
            parts.append(", ".join(f"{name} = {value}" for name, value in scope.values.items()))
        parts += [f"SQL:\n{sql}", f"Expected:\n{expected}", f"Actual:\n{actual}"]
        return Failure(record.line, "\n".join(parts))
