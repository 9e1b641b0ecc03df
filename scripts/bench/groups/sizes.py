"""Small and large payloads, a stream each."""

from scripts.bench.groups.common import COUNT, DRAIN, SUM, count_and_sum, drain
from scripts.bench.model import Group, Ratio, Stream
from scripts.bench.settings import Settings

# A payload's bytes, and the part of the messages that its stream has.
SIZES = ((16, 1), (330, 1), (4096, 10), (65536, 100))


def group(settings: Settings) -> Group:
    streams, cases, ratios = [], [], []
    for size, part in SIZES:
        name, suffix, messages = f"SIZE_{size}", f", {size} bytes", settings.messages // part
        streams.append(Stream(name, "text", size, messages))
        cases += [drain(name, messages, size, DRAIN + suffix), *count_and_sum(name, messages, size, suffix)]
        ratios += [Ratio(COUNT + suffix, DRAIN + suffix), Ratio(SUM + suffix, DRAIN + suffix)]
    return Group(
        name="sizes", title="Payloads of 16 bytes to 64 KiB, file store, warm",
        streams=tuple(streams), cases=tuple(cases), ratios=tuple(ratios),
        note="; ".join(f"{size} bytes: {settings.messages // part:,} messages" for size, part in SIZES) + ".",
    )
