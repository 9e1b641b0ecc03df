"""Expected text against what DuckDB answered. Where DuckDB's own runner forgives (1 % of a double), this one does not."""

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_HASH = re.compile(r"(\d+) values hashing to ([0-9a-f]{32})")
_INTEGERS = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)")
_BOOLEANS = {"true": "1", "1": "1", "false": "0", "0": "0"}


@dataclass
class Answer:
    """A result: the names of its types, and its rows as DuckDB writes them, None for NULL."""

    types: list[str]
    rows: list[list[str | None]]


def shown(value: str | None, type_name: str) -> str:
    """A value as a test file writes it."""
    if value is None:
        return "NULL"
    if type_name == "BOOLEAN":
        return _BOOLEANS[value]
    return value.replace("\0", "\\0") or "(empty)"


def sorted_rows(answer: Answer, sort: str) -> list[list[str]]:
    """The rows as text, in the order in which they are compared."""
    rows = [[shown(value, name) for value, name in zip(row, answer.types)] for row in answer.rows]
    if sort == "rowsort":
        rows.sort()
    elif sort == "valuesort":
        values = sorted(value for row in rows for value in row)
        width = len(answer.types)
        rows = [values[start : start + width] for start in range(0, len(values), width)]
    return rows


def digest(rows: list[list[str]]) -> str:
    """`N values hashing to ...`: the MD5 of all values, a line break after each."""
    values = [value for row in rows for value in row]
    text = "".join(f"{value}\n" for value in values)
    return f"{len(values)} values hashing to {hashlib.md5(text.encode()).hexdigest()}"


def difference(answer: Answer, rows: list[list[str]], expected: list[str], sort: str) -> str | None:
    """What is wrong, in one line, or nothing."""
    width = len(answer.types)
    if len(expected) == 1 and _HASH.fullmatch(expected[0]):
        return None if digest(rows) == expected[0] else f"the result is {digest(rows)}"
    wanted = _expected_rows(expected, width, len(rows))
    if isinstance(wanted, str):
        return wanted
    if len(wanted) != len(rows):
        return f"{len(rows)} rows came, {len(wanted)} were expected"
    # Values that are sorted as a whole no longer stand in their own columns.
    types = ["VARCHAR"] * width if sort == "valuesort" else answer.types
    for number, (have, want) in enumerate(zip(rows, wanted), 1):
        for column, (left, right) in enumerate(zip(have, want)):
            if not same(left, right, types[column]):
                return f"row {number}, column {column + 1}: '{left}' came, '{right}' was expected"
    return None


def _expected_rows(expected: list[str], width: int, row_count: int) -> list[list[str]] | str:
    """One value a line, or one row a line with tabs, as DuckDB's runner tells them apart."""
    row_wise = (width > 1 and len(expected) == row_count) or (expected and all("\t" in line for line in expected))
    if row_wise:
        rows = [line.split("\t") for line in expected]
        for number, row in enumerate(rows, 1):
            if len(row) != width:
                return f"expected row {number} has {len(row)} values, the result has {width} columns"
        return rows
    if len(expected) % width:
        return f"{len(expected)} values were expected, which is no whole number of rows of {width} columns"
    return [expected[start : start + width] for start in range(0, len(expected), width)]


def same(have: str, want: str, type_name: str) -> bool:
    """Whether one value is what was expected; numbers may be written differently, and `<REGEX>:` must match all of it."""
    if have == want:
        return True
    if want.startswith(("<REGEX>:", "<!REGEX>:")):
        return matches(have, want)
    if type_name == "BOOLEAN":
        return _BOOLEANS.get(want.lower()) == have
    try:
        if _INTEGERS.fullmatch(type_name) or type_name.startswith("DECIMAL"):
            return Decimal(have) == Decimal(want)
        if type_name in ("DOUBLE", "FLOAT"):
            return float(have) == float(want)
    except (ValueError, InvalidOperation):
        return False
    return False


def matches(have: str, pattern: str) -> bool:
    """`<REGEX>:` and `<!REGEX>:`, over the whole text, in which a dot is any character."""
    sign, _, expression = pattern.partition(":")
    return (re.fullmatch(expression, have, re.DOTALL) is not None) == (sign == "<REGEX>")


def error_matches(have: str, want: str) -> bool:
    """An expected error is a part of the real one, or an expression for all of it."""
    if want.startswith(("<REGEX>:", "<!REGEX>:")):
        return matches(have, want)
    return want in have
