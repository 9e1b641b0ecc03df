"""What it takes to make columns of payloads: statements over one stream, less the one that counts its messages, by processor time."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import COUNT, scan
from scripts.bench.model import Group, Lines, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM, SHUFFLED, PROTO = "BENCH", "SHUFFLED", "PROTO"
FILE = "events.ndjson"
SIZE = 335
ONE, FIVE, TWELVE = "JSON, 1 of 12 members", "JSON, 5 of 12 members", "JSON, 12 of 12 members"
ANY_ORDER = "JSON, 12 of 12 members in any order"
KEYED = "JSON, 12 of 12 members and a key"
PROTO_FIVE, PROTO_TWELVE = "protobuf, 5 of 12 fields", "protobuf, 12 of 12 fields"
READ_FIVE, READ_TWELVE = "read_json, 5 of 12 members, one thread", "read_json, 12 of 12 members, one thread"


def json(name: str, stream: str, fields: tuple[str, ...], messages: int) -> Statement:
    counts = tuple([str(messages)] * len(fields))
    return scan(name, stream, messages, data.counted(fields), f"columns := {data.columns(fields)}", rows=(counts,))


def keyed(messages: int) -> Statement:
    arguments = f"columns := {data.columns(data.TWELVE)}, correlation_key := '{data.KEY}'"
    sql = f"SELECT count(correlation_key), {data.counted(data.TWELVE)} FROM nats_ingest('{STREAM}', {arguments})"
    return Statement(KEYED, messages, sql=sql, setup=common.warm(STREAM), rows=(tuple([str(messages)] * 13),))


def protobuf(name: str, types: dict[str, str], messages: int) -> Statement:
    schema = "format := 'protobuf', proto_file := '{files}/event.proto', proto_message := 'Event'"
    counts = tuple([str(messages)] * len(types))
    return scan(name, PROTO, messages, data.counted(tuple(types)), f"{schema}, columns := {data.struct(types)}", rows=(counts,))


def read_json(name: str, fields: tuple[str, ...], messages: int) -> Statement:
    types = {field: data.FIELDS[field] for field in fields}
    sql = f"SELECT {data.counted(fields)} FROM {data.lines(FILE, types)}"
    rows = (tuple([str(messages)] * len(fields)),)
    return Statement(name, messages, sql=sql, setup=("SET threads = 1",), rows=rows, loads=False)


def group(settings: Settings) -> Group:
    messages = settings.messages
    twelve = {"number" if name == "started_at" else name: kind for name, kind in data.FIELDS.items()} | {"number": "BIGINT"}
    cases = (
        scan(COUNT, STREAM, messages, rows=((str(messages),),)),
        json(ONE, STREAM, data.ONE, messages),
        json(FIVE, STREAM, data.FIVE, messages),
        json(TWELVE, STREAM, data.TWELVE, messages),
        json(ANY_ORDER, SHUFFLED, data.TWELVE, messages),
        keyed(messages),
        protobuf(PROTO_FIVE, data.PROTO_FIVE, messages),
        protobuf(PROTO_TWELVE, twelve, messages),
        read_json(READ_FIVE, data.FIVE, messages),
        read_json(READ_TWELVE, data.TWELVE, messages),
    )
    # Nanoseconds a document, which were 404 and 466 for read_json where the goals were set.
    goals = (
        (ONE, COUNT, READ_FIVE, 250 / 404), (FIVE, COUNT, READ_FIVE, 350 / 404), (TWELVE, COUNT, READ_TWELVE, 450 / 466),
        (ANY_ORDER, COUNT, READ_TWELVE, 700 / 466), (KEYED, TWELVE, READ_TWELVE, 200 / 466),
        (PROTO_FIVE, COUNT, READ_FIVE, 300 / 404), (PROTO_TWELVE, COUNT, READ_TWELVE, 450 / 466),
    )
    return Group(
        name="decoding", title=f"Columns of {messages:,} payloads of {SIZE} bytes, processor time",
        streams=(
            Stream(STREAM, "json", SIZE, messages),
            Stream(SHUFFLED, "shuffled-json", SIZE, messages),
            Stream(PROTO, "protobuf", SIZE, messages),
        ),
        files=(Lines(FILE, "json", SIZE, messages),), cases=cases,
        ratios=tuple(Ratio(case, against, round(goal, 2), "cpu_seconds", less) for case, less, against, goal in goals),
        note="The key is that of nats_ingest, which also looks for duplicates.",
    )
