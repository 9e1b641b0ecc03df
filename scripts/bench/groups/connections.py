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


def case(messages: int, connections: int) -> Statement:
    """The sum of what came, over so many connections."""
    name = "one connection" if connections == 1 else f"{connections} connections"
    what, options = "sum(octet_length(payload))", f"connections := {connections}"
    return common.scan(name, STREAM, messages, what, options, rows=((str(messages * data.SIZE),),), link=True)


def group(settings: Settings) -> Group:
    messages = min(settings.messages, MESSAGES)
    cases = tuple(case(messages, connections) for connections in (1, 2, SEVERAL))
    one, two, several = (each.name for each in cases)
    return Group(
        name="connections", title=f"{messages:,} messages of {data.SIZE} bytes over a link of {LINK_MB} MB/s a connection, file store, warm",
        streams=(Stream(STREAM, "json", data.SIZE, messages),), cases=cases,
        ratios=(Ratio(several, one, 3.5), Ratio(two, one)), link_mb=LINK_MB,
        note="A proxy holds each connection to its rate.",
    )
