"""Reads a test file into records. Everything is checked here that can be known without a database."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

SYSTEM = "duckdb"
SORTS = {"nosort": "nosort", "rowsort": "rowsort", "sort": "rowsort", "valuesort": "valuesort"}
COLUMN_TYPES = "ITRB"
# Directives of one line, and how many words each takes: at least, at most.
COMMANDS = {
    "require": (1, 2),
    "require-env": (1, 2),
    "load": (0, 2),
    "restart": (0, 0),
    "reconnect": (0, 0),
    "sleep": (2, 2),
    "set": (2, 2),
    "reset": (2, 2),
}
LOOPS = ("loop", "concurrentloop", "foreach", "concurrentforeach")


class ParseError(Exception):
    """A line that is not of the dialect. The line number is the second argument."""

    def __init__(self, text: str, line: int):
        super().__init__(text)
        self.line = line


@dataclass
class Command:
    """A directive of one line."""

    line: int
    name: str
    words: list[str]


@dataclass
class Statement:
    """`statement ok|error|maybe [connection]`."""

    line: int
    expect: str
    connection: str
    sql: str
    error: str


@dataclass
class Query:
    """`query <types> [sort] [label]` or `query <types> <connection>`, with the lines under `----`."""

    line: int
    types: str
    sort: str
    connection: str
    label: str
    sql: str
    expected: list[str]


@dataclass
class Loop:
    """A body that runs once for each value, one after the other or at the same time."""

    line: int
    variable: str
    values: list[str]
    concurrent: bool
    body: list["Record"] = field(default_factory=list)


Record = Command | Statement | Query | Loop


def parse(text: str, systems: Collection[str] = (SYSTEM,)) -> list[Record]:
    """The records of a file, in order; those of other systems and those under `mode skip` are left out."""
    return _Parser(text, systems).records()


class _Parser:
    def __init__(self, text: str, systems: Collection[str]):
        self._systems = systems
        self._lines = text.split("\n")
        self._next = 0

    def records(self) -> list[Record]:
        top: list[Record] = []
        open_loops: list[Loop] = []
        skipping = left_out = False
        while (words := self._directive()) is not None:
            line, name, *words = self._next, *words
            if name in ("skipif", "onlyif"):
                left_out = left_out or self._left_out(line, name, words)
                continue
            if name == "halt":
                break
            if name == "mode":
                skipping = self._mode(line, words)
            elif name == "endloop":
                if not open_loops:
                    raise ParseError("endloop without a loop", line)
                self._alone(line)
                open_loops.pop()
            else:
                record = self._record(line, name, words)
                if not (skipping or left_out):
                    (open_loops[-1].body if open_loops else top).append(record)
                if isinstance(record, Loop):
                    open_loops.append(record)
            left_out = False
        if open_loops:
            raise ParseError("loop without an endloop", open_loops[-1].line)
        return top

    def _directive(self) -> list[str] | None:
        """The words of the next line that is neither empty nor a comment."""
        while self._next < len(self._lines):
            text = self._lines[self._next].strip()
            self._next += 1
            if text and not text.startswith("#"):
                return text.split()
        return None

    def _record(self, line: int, name: str, words: list[str]) -> Record:
        if name == "statement":
            return self._statement(line, words)
        if name == "query":
            return self._query(line, words)
        if name in LOOPS:
            self._alone(line)
            return _loop(line, name, words)
        if name in COMMANDS:
            self._alone(line)
            least, most = COMMANDS[name]
            if not least <= len(words) <= most:
                raise ParseError(f"'{name}' takes {least} to {most} words, not {len(words)}", line)
            return Command(line, name, words)
        raise ParseError(f"unknown directive '{name}'", line)

    def _left_out(self, line: int, name: str, words: list[str]) -> bool:
        if len(words) != 1 or not re.fullmatch(r"\w+", words[0]):
            raise ParseError(f"'{name}' takes the name of one system", line)
        return (words[0] in self._systems) == (name == "skipif")

    def _mode(self, line: int, words: list[str]) -> bool:
        self._alone(line)
        if words not in (["skip"], ["unskip"]):
            raise ParseError(f"unknown mode '{' '.join(words)}'", line)
        return words == ["skip"]

    def _statement(self, line: int, words: list[str]) -> Statement:
        if not 1 <= len(words) <= 2 or words[0] not in ("ok", "error", "maybe"):
            raise ParseError("statement takes ok, error or maybe, and perhaps a connection", line)
        expect, connection = words[0], words[1] if len(words) == 2 else ""
        sql, answer = self._body(line)
        if expect == "ok" and answer is not None:
            raise ParseError("statement ok has no result", line)
        error = "\n".join(answer or []).strip()
        if expect == "error" and not error:
            raise ParseError("statement error needs the text of the error under ----", line)
        return Statement(line, expect, connection, sql, error)

    def _query(self, line: int, words: list[str]) -> Query:
        if not 1 <= len(words) <= 3 or not set(words[0]) <= set(COLUMN_TYPES):
            raise ParseError(f"query takes column types of {COLUMN_TYPES}, a sort or a connection, and a label", line)
        types, second, label = (words + ["", ""])[:3]
        sort = SORTS.get(second, "nosort")
        connection = "" if second in SORTS else second
        sql, answer = self._body(line)
        if answer is None:
            raise ParseError("query has no ---- and no result", line)
        return Query(line, types, sort, connection, label, sql, answer)

    def _body(self, line: int) -> tuple[str, list[str] | None]:
        """The SQL up to an empty line or `----`, and the lines under `----` up to an empty one."""
        sql = list(self._until("", "----"))
        if not any(sql):
            raise ParseError("there is no SQL", line)
        answer = None
        if self._lines[self._next - 1 : self._next] == ["----"]:
            answer = list(self._until(""))
        return "\n".join(sql), answer

    def _until(self, *ends: str) -> Iterator[str]:
        while self._next < len(self._lines):
            text = self._lines[self._next].rstrip("\r")
            self._next += 1
            if text in ends:
                return
            yield text

    def _alone(self, line: int) -> None:
        """DuckDB's runner wants an empty line or a comment after a directive of one line."""
        following = self._lines[self._next] if self._next < len(self._lines) else ""
        if following.strip() and not following.startswith("#"):
            raise ParseError("an empty line must follow this directive", line)


def _loop(line: int, name: str, words: list[str]) -> Loop:
    concurrent = name.startswith("concurrent")
    if len(words) < 2 or not re.fullmatch(r"\w+", words[0]):
        raise ParseError(f"'{name}' takes a variable and its values", line)
    variable, values = words[0], words[1:]
    if name.endswith("loop"):
        if len(values) != 2 or not all(re.fullmatch(r"-?\d+", value) for value in values):
            raise ParseError(f"'{name}' takes a variable, a start and an end", line)
        values = [str(number) for number in range(int(values[0]), int(values[1]))]
    elif any(value.startswith(("<", "!")) for value in values):
        raise ParseError("foreach over a named collection is not supported", line)
    if not values:
        raise ParseError("the loop never runs", line)
    return Loop(line, variable, values, concurrent)
