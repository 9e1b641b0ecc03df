"""Other stores: in memory, with holes, and not yet in memory."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import COUNT, DRAIN, PULL, SUM
from scripts.bench.model import Group, Ratio, Stream
from scripts.bench.settings import Settings

# One message in so many stays.
KEPT = 10


def memory(settings: Settings) -> Group:
    messages = settings.messages
    return Group(
        name="memory", title=f"{messages:,} messages of {data.SIZE} bytes, memory store",
        streams=(Stream("BENCH", "json", data.SIZE, messages, options="storage=memory"),),
        cases=(
            common.drain("BENCH", messages, data.SIZE), common.pull("BENCH", messages),
            *common.count_and_sum("BENCH", messages, data.SIZE),
        ),
        ratios=(Ratio(COUNT, DRAIN), Ratio(SUM, DRAIN), Ratio(COUNT, PULL)),
    )


def holes(settings: Settings) -> Group:
    # The last of the messages that share a subject stays as well, unless a kept one is the very last.
    kept = settings.messages // KEPT + 1
    return Group(
        name="holes", title=f"{kept:,} messages of {data.SIZE} bytes in {settings.messages:,} sequences: nine in ten are gone, file store, warm",
        streams=(Stream("HOLES", "text", data.SIZE, settings.messages, f"holes={KEPT}", "max_msgs_per_subject=1"),),
        cases=(common.pull("HOLES", kept), *common.count_and_sum("HOLES", kept, data.SIZE)),
        ratios=(Ratio(COUNT, PULL), Ratio(SUM, PULL)),
        note="Requests of the wire drain go by sequence, so over holes it says nothing.",
    )


def cold(settings: Settings) -> Group:
    messages = settings.messages
    return Group(
        name="cold", title=f"{messages:,} messages of {data.SIZE} bytes, file store, cold",
        streams=(Stream("BENCH", "json", data.SIZE, messages),),
        cases=(common.drain("BENCH", messages, data.SIZE), *common.count_and_sum("BENCH", messages, data.SIZE)),
        ratios=(Ratio(COUNT, DRAIN), Ratio(SUM, DRAIN)), cold=True,
        note="Before each measurement the server is restarted, and then its files are dropped from the page cache (posix_fadvise).",
    )
