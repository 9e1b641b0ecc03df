"""Few messages and very many."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import COUNT, DRAIN, SINGLE, SUM
from scripts.bench.model import Group, Ratio, Statement, Stream
from scripts.bench.settings import ROUNDS_OF_MANY, Settings

FEW = 10_000
REPEATS, REPEATS_FAR = 200, 20
EACH_WAY_MS = 10
FAR = f", over {2 * EACH_WAY_MS} ms"
LIMIT, LIMIT_AGAIN, ANSWER = "LIMIT 10", "LIMIT 10, one after the other", "SELECT 42"


def limit(name: str, repeat: int, link: bool = False, connected: bool = True) -> Statement:
    """The first ten messages; `connected` says whether a connection stands before each."""
    warm = common.warm("MANY")
    sql, before = "SELECT seq FROM nats_scan('MANY') LIMIT 10", warm[1] if connected else ""
    return Statement(name, 10, link, sql=sql, setup=warm, rows=common.numbers(1, 10), repeat=repeat, before=before)


def group(settings: Settings) -> Group:
    streams, cases, ratios = [], [], []
    for messages, stream in ((FEW, "FEW"), (settings.many, "MANY")):
        suffix = f", {messages:,} messages"
        streams.append(Stream(stream, "text", data.SIZE, messages))
        cases += [
            common.drain(stream, messages, data.SIZE, DRAIN + suffix),
            *common.count_and_sum(stream, messages, data.SIZE, suffix),
        ]
        ratios += [Ratio(COUNT + suffix, DRAIN + suffix), Ratio(SUM + suffix, DRAIN + suffix)]
    cases += [
        common.single("MANY", 2_000),
        limit(LIMIT, REPEATS),
        limit(LIMIT_AGAIN, REPEATS, connected=False),
        Statement(ANSWER, 1, sql="SELECT 42", rows=(("42",),), repeat=REPEATS, loads=False),
        common.single("MANY", REPEATS_FAR, link=True, name=SINGLE + FAR),
        limit(LIMIT + FAR, REPEATS_FAR, link=True),
        limit(LIMIT_AGAIN + FAR, REPEATS_FAR, link=True, connected=False),
    ]
    ratios += [
        Ratio(LIMIT, SINGLE, None, "p50_us"), Ratio(ANSWER, SINGLE, None, "p50_us"),
        Ratio(LIMIT + FAR, SINGLE + FAR, 3, "p50_us"), Ratio(LIMIT_AGAIN + FAR, SINGLE + FAR, None, "p50_us"),
    ]
    return Group(
        name="many", title=f"{FEW:,} and {settings.many:,} messages of {data.SIZE} bytes, file store, warm",
        streams=tuple(streams), cases=tuple(cases), ratios=tuple(ratios), rounds=ROUNDS_OF_MANY, link_ms=EACH_WAY_MS,
        note=(
            f"At most {ROUNDS_OF_MANY} rounds. LIMIT 10 reads the larger stream; the time of one single get is its unit, and only over a slow link "
            "are round trips what it is made of."
        ),
    )
