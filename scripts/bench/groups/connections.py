"""A link that passes so many megabytes a second for each connection: several connections against one."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.model import Group, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM = "BENCH"
LINK_MB = 30
SEVERAL = 4
# What a narrow link needs no more of.
MESSAGES = 300_000


def case(messages: int, connections: int | None) -> Statement:
    """The sum of what came, over so many connections, or as many as pay."""
    name = {None: "as many connections as pay", 1: "one connection"}.get(connections, f"{connections} connections")
    what, options = "sum(octet_length(payload))", f"connections := {connections}" if connections else ""
    return common.scan(name, STREAM, messages, what, options, rows=((str(messages * data.SIZE),),), link=True)


def group(settings: Settings) -> Group:
    messages = min(settings.messages, MESSAGES)
    cases = tuple(case(messages, connections) for connections in (1, 2, SEVERAL, None))
    one, two, several, free = (each.name for each in cases)
    return Group(
        name="connections", title=f"{messages:,} messages of {data.SIZE} bytes over a link of {LINK_MB} MB/s a connection, file store, warm",
        streams=(Stream(STREAM, "json", data.SIZE, messages),), cases=cases,
        ratios=(Ratio(several, one, 3.5), Ratio(two, one), Ratio(free, one)), link_mb=LINK_MB,
        note="A proxy holds each connection to its rate. As many as pay: the read begins with one, and tries.",
    )
