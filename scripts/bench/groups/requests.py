"""One message at a time, on a warm connection."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import SINGLE
from scripts.bench.model import Group, Ratio, Statement, Stream
from scripts.bench.settings import Settings

MESSAGES = 10_000
REPEATS = 2_000
GET, TEXT = "nats_get, prepared", "nats_get, as text"
ANSWER, RANGE = "SELECT 42, prepared", "DuckDB's range, one row, prepared"


def group(_settings: Settings) -> Group:
    warm = "SELECT seq FROM nats_get('BENCH', 1)"
    columns = "SELECT seq, octet_length(payload) FROM nats_get('BENCH', {})"
    row = (("5000", str(data.SIZE)),)
    return Group(
        name="requests", title="One message on a warm connection, file store",
        streams=(Stream("BENCH", "json", data.SIZE, MESSAGES),),
        cases=(
            common.single("BENCH", REPEATS),
            Statement(
                GET, 1, sql="EXECUTE get(5000)", setup=(warm, f"PREPARE get AS {columns.format('$1')}"), rows=row, repeat=REPEATS,
            ),
            Statement(TEXT, 1, sql=columns.format(5000), setup=(warm,), rows=row, repeat=REPEATS),
            Statement(
                RANGE, 1, sql="EXECUTE one(5000)", setup=("PREPARE one AS SELECT range FROM range($1::BIGINT, 5001)",),
                rows=(("5000",),), repeat=REPEATS, loads=False,
            ),
            Statement(ANSWER, 1, sql="EXECUTE answer", setup=("PREPARE answer AS SELECT 42",), rows=(("42",),), repeat=REPEATS, loads=False),
        ),
        ratios=(
            Ratio(GET, SINGLE, 1.2, "p50_us"), Ratio(GET, SINGLE, None, "p99_us"), Ratio(TEXT, SINGLE, None, "p50_us"), Ratio(GET, RANGE, 1.3, "p50_us"),
            Ratio(RANGE, SINGLE, None, "p50_us"), Ratio(ANSWER, SINGLE, None, "p50_us"),
        ),
        note="The figures of nats_get hold what DuckDB takes for a statement: with a table function that makes one row, and for SELECT 42.",
    )
