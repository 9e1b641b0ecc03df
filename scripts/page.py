"""Runs the SQL of a page of the documentation, block by block, in one database: what stands there works as it stands.

    .tools/venv/bin/python -m scripts.page --profile release README.md

Comments say what a reader has and the page does not show:

    <!-- fixture: stream name=ORDERS subjects=orders.> -->      a stream, before the page begins (test/README.md)
    <!-- run: CREATE TABLE orders (id INTEGER); -->             SQL of its own, in its place
    <!-- fails: no such stream -->                              the next block fails with this text
    <!-- not run: names a server that is not there -->          the next block is left out, and why

A block marked `result` shows the rows of the last statement of the block before it, which must be those: a line of column names, then a
line a row, values separated by `|`.

`nats://localhost:4222` is the server of the test, and a file of the extension that LOAD names, below any folder, the built one. Exit code: 0 when every block did what it should and one was run, else 1.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from scripts import paths
from scripts.sqllogic.host import Host, execute

DOCUMENTED_SERVER = "nats://localhost:4222"
# The release that a page loads, under its own name and wherever the reader has it.
_LOADED = re.compile(r"^LOAD '[^']*build/release/(?:v[0-9.]+/)?nats_js\.duckdb_extension'", re.MULTILINE)
_PIECE = re.compile(
    r"^<!-- (?P<word>run|fails|not run): (?P<text>.*?) -->$|^```sql\n(?P<sql>.*?)^```$(?:\n*```result\n(?P<result>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)


class PageError(Exception):
    """A block that did not do what it should, with its line."""


@dataclass(frozen=True)
class Block:
    """SQL of a page. `fails` is the text that its error must have; `reason`, why it is not run; `result`, the rows that it shows."""

    line: int
    sql: str
    fails: str | None = None
    reason: str | None = None
    result: str | None = None


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, those in comments among them."""
    waiting: dict[str, str] = {}
    for piece in _PIECE.finditer(page):
        line = page.count("\n", 0, piece.start()) + 1
        if piece["word"] == "run":
            yield Block(line, piece["text"])
        elif piece["word"]:
            waiting[piece["word"]] = piece["text"]
        else:
            yield Block(line, piece["sql"], waiting.pop("fails", None), waiting.pop("not run", None), piece["result"])
    if waiting:
        raise PageError(f"no block follows {waiting}")


def table(text: str) -> list[list[str]]:
    """The cells of a result as a page shows it: the names of the columns, and the rows."""
    return [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.strip()]


def check_result(connection: duckdb.DuckDBPyConnection, sql: str, shown: str) -> None:
    """Runs the SQL, whose last statement must give what is shown."""
    relation = connection.sql(sql)
    columns = list(relation.columns) if relation is not None else []
    casts = ", ".join(f"CAST(#{position} AS VARCHAR)" for position in range(1, len(columns) + 1))
    rows = relation.project(casts).fetchall() if columns else []
    found = [columns, *(["NULL" if cell is None else cell.strip() for cell in row] for row in rows)]
    if found != table(shown):
        text = "\n".join(" | ".join(row) for row in found)
        raise PageError(f"it gives\n{text}\nand not\n{shown}")


def prepared(sql: str, url: str, file: Path) -> str:
    """The SQL of a page for a server and a built extension, whatever its name."""
    return _LOADED.sub(f"LOAD '{file}'", sql.replace(DOCUMENTED_SERVER, url))


def run(host: Host, block: Block, url: str) -> None:
    """Runs a block, which must fail where the page says so, and give the result that the page shows."""
    connection, sql = host.connections.get(""), prepared(block.sql, url, host.built())
    try:
        if block.result is None:
            execute(connection, sql)
        else:
            check_result(connection, sql, block.result)
    except PageError as error:
        raise PageError(f"line {block.line}: {error}\n{block.sql}") from error
    except duckdb.Error as error:
        if block.fails is None or block.fails not in str(error):
            raise PageError(f"line {block.line}: {error}\n{block.sql}") from error
    else:
        if block.fails is not None:
            raise PageError(f"line {block.line}: it did not fail\n{block.sql}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--profile", choices=["release", "debug"], default="release")
    arguments.add_argument("page", type=Path)
    options = arguments.parse_args()
    url = os.environ["NATS_JS_TEST_URL"]
    os.environ["NATS_URL"] = url
    host = Host(options.profile)
    host.require(paths.LIBRARY)
    ran = 0
    try:
        for block in blocks((paths.ROOT / options.page).read_text()):
            if block.reason is None:
                run(host, block, url)
                ran += 1
    except PageError as error:
        print(f"{options.page}: {error}")
        return 1
    finally:
        host.close()
    print(f"{options.page}: {ran} blocks")
    return 0 if ran else 1


if __name__ == "__main__":
    sys.exit(main())
