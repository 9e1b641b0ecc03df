"""A server that is far away."""

from dataclasses import replace

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import COUNT, DRAIN, SUM
from scripts.bench.model import Group, Ratio, Stream
from scripts.bench.settings import Settings

EACH_WAY_MS = 10
FAR = f", over {2 * EACH_WAY_MS} ms"


def group(settings: Settings) -> Group:
    messages = settings.messages
    near = common.count_and_sum("BENCH", messages, data.SIZE)
    far = tuple(replace(case, name=case.name + FAR, link=True) for case in near)
    return Group(
        name="link", title=f"{messages:,} messages of {data.SIZE} bytes, {2 * EACH_WAY_MS} ms of round trip added, file store, warm",
        streams=(Stream("BENCH", "json", data.SIZE, messages),),
        cases=(
            common.drain("BENCH", messages, data.SIZE),
            common.drain("BENCH", messages, data.SIZE, DRAIN + FAR, link=True),
            *near, *far,
        ),
        ratios=(Ratio(COUNT + FAR, COUNT, 0.5), Ratio(SUM + FAR, SUM), Ratio(DRAIN + FAR, DRAIN)),
        link_ms=EACH_WAY_MS,
        note="A proxy delays both directions by half. The wire drain has four batches under way, which do not cover such a link.",
    )
