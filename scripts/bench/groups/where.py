"""A condition on the sequence, which DuckDB 2.0 shows before it reads, beside a LIMIT of as many rows."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.model import Group, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM = "BENCH"
REPEATS = 200
ROWS = 10
LIMIT, WHERE = f"LIMIT {ROWS}", f"WHERE seq > last - {ROWS}"


def group(settings: Settings) -> Group:
    last = settings.messages

    def statement(name: str, what: str, first: int, *setup: str) -> Statement:
        sql = f"SELECT seq FROM nats_scan('{STREAM}') {what}"
        return Statement(
            name, ROWS, sql=sql, setup=(*common.warm(STREAM), *setup), rows=common.numbers(first, first + ROWS - 1), repeat=REPEATS,
            door="v2",
        )

    variable = f"SET VARIABLE last = (SELECT last_seq FROM nats_last_seq('{STREAM}'))"
    return Group(
        name="where", title=f"Ten rows of {last:,} messages, through the door of DuckDB 2.0",
        streams=(Stream(STREAM, "json", data.SIZE, last),),
        cases=(
            statement(LIMIT, f"LIMIT {ROWS}", 1),
            statement(WHERE, f"WHERE seq > getvariable('last') - {ROWS}", last - ROWS + 1, variable),
        ),
        ratios=(Ratio(WHERE, LIMIT, 3, "p50_us"),),
        note="Without the condition's help the scan would read the whole stream.",
    )
