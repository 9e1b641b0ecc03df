"""A replicated stream whose servers are behind a narrow link each: reading from all of them against reading from one."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.connections import LINK_MB, MESSAGES
from scripts.bench.model import Group, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM = "BENCH"
SERVERS = 3


def case(messages: int, servers: int) -> Statement:
    """The sum of what came from so many servers, a connection each."""
    name = "one server" if servers == 1 else f"{servers} servers"
    what, options = "sum(octet_length(payload))", f"connections := {servers}"
    return common.scan(name, STREAM, messages, what, options, rows=((str(messages * data.SIZE),),), link=True)


def group(settings: Settings) -> Group:
    messages = min(settings.messages, MESSAGES)
    one, two, three = (case(messages, servers) for servers in (1, 2, SERVERS))
    return Group(
        name="cluster", title=f"{messages:,} messages of {data.SIZE} bytes on {SERVERS} servers over a link of {LINK_MB} MB/s each, file store, warm",
        streams=(Stream(STREAM, "json", data.SIZE, messages, options=f"num_replicas={SERVERS}"),), cases=(one, two, three),
        ratios=(Ratio(three.name, one.name, 2.5), Ratio(two.name, one.name)), link_mb=LINK_MB, servers=SERVERS,
        note="A proxy before each server holds each connection to its rate. Each server has a replica.",
    )
