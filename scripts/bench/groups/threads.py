"""One thread of DuckDB and two, from a server and from a replay of what it answered, which leaves the reader alone."""

from dataclasses import replace

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.model import Floor, Group, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM = "BENCH"
ONE, TWO = 1, 2
REPLAY = ", replay"
AGGREGATE, TABLE = "JSON, 5 of 12 columns, aggregate", "JSON, 5 of 12 columns, CREATE TABLE AS"


def name(what: str, door: str, threads: int) -> str:
    """What a case is called."""
    return f"{what}, {door}, {threads} thread{'s' if threads > 1 else ''}"


def statement(what: str, door: str, threads: int, messages: int, sql: str, rows: tuple[tuple[str, ...], ...]) -> Statement:
    setup = (*common.warm(STREAM), f"SET threads = {threads}")
    return Statement(name(what, door, threads), messages, sql=sql, setup=setup, rows=rows, door=door)


def group(settings: Settings) -> Group:
    messages = settings.messages
    typed = f"columns := {data.columns(data.FIVE)}"
    scan = f"FROM nats_scan('{STREAM}', {typed})"
    aggregate = f"SELECT {data.counted(data.FIVE)} {scan}"
    table = f"CREATE TABLE t AS SELECT {data.quoted(data.FIVE)} {scan}"
    counts, total = (tuple([str(messages)] * len(data.FIVE)),), ((str(messages),),)
    near = [
        statement(what, door, threads, messages, sql, rows)
        for what, door, sql, rows in (
            (AGGREGATE, "v2", aggregate, counts), (TABLE, "v2", table, total), (AGGREGATE, "v1", aggregate, counts),
        )
        for threads in (ONE, TWO)
    ]
    count = statement(common.COUNT, "v2", TWO, messages, f"SELECT count(*) FROM nats_scan('{STREAM}')", total)
    cases = [*near, count]
    ratios = []
    for suffix in ("", REPLAY):
        for what, door in ((AGGREGATE, "v2"), (TABLE, "v2"), (AGGREGATE, "v1")):
            two, one = (name(what, door, threads) + suffix for threads in (TWO, ONE))
            goal = 1.7 if suffix and what == AGGREGATE else None
            ratios += [Ratio(two, one, goal), Ratio(two, one, None, "cpu_seconds")]
    return Group(
        name="threads", title=f"One thread and two, {messages:,} messages of {data.SIZE} bytes",
        streams=(Stream(STREAM, "json", data.SIZE, messages),), replayed=STREAM,
        cases=(*cases, *(replace(case, name=case.name + REPLAY, replay=True) for case in cases)), ratios=tuple(ratios),
        floors=(Floor(name(common.COUNT, "v2", TWO) + REPLAY, 5e6), Floor(name(AGGREGATE, "v2", TWO) + REPLAY, 2e6)),
        note=(
            "CPU seconds are those of the reading process alone: DuckDB's threads and the two that keep the socket. The replay answers from "
            "memory what the server answered. Two threads of DuckDB, the socket's and the replay share the processors."
        ),
    )
