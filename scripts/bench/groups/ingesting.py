"""Documents of a stream into a table, beside DuckDB's own insert of the same rows from a file."""

from dataclasses import replace

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.model import Floor, Follow, Group, Lines, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM, FOLLOWED, FILE = "BENCH", "FOLLOW", "keyed.ndjson"
TYPES = {"correlation_key": "VARCHAR", **data.FIELDS}
KEYED, KEYED_FILE = "nats_ingest, primary key", "read_json, primary key"
PLAIN, PLAIN_FILE = "nats_ingest, no primary key", "read_json, no primary key"
COUNTED = "nats_ingest, columns and key counted"
DURABLE, SETTLED, KEYED_DURABLE = "nats_ingest, durable", "nats_ack by evidence", "nats_ingest, durable, primary key"
FOLLOW = "publish to queryable"
FOLLOW_SECONDS = 5
FOLLOW_A_SECOND = 200


def table(key: str) -> str:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())
    return f"CREATE TABLE events ({columns}{key})"


def insert(name: str, messages: int, source: str, key: bool, own: str) -> Statement:
    """Inserts the rows of `source`; afterwards they must be those of the file."""
    conflict = " ON CONFLICT (correlation_key) DO NOTHING" if key else ""
    same = f"SELECT count(*) = {messages} FROM (FROM events INTERSECT FROM {data.lines(FILE, TYPES)})"
    warm = common.warm(STREAM) if own else ()
    return Statement(
        name, messages, sql=f"INSERT INTO events BY NAME SELECT {data.quoted(tuple(TYPES))} FROM {source}{conflict}",
        setup=(*warm, table(", PRIMARY KEY (correlation_key)" if key else "")),
        rows=((str(messages),),), check=same, database=True, own=own, loads=bool(own),
    )


def of_durable(messages: int) -> tuple[Statement, ...]:
    """All of the stream by a durable that is made anew: read, read and then acknowledged, and into a table with a key."""
    drop = f"FROM nats_consumer_delete('{STREAM}', 'bench', confirm := true)"
    call = f"nats_ingest('{STREAM}', durable := 'bench', max_ack_pending := {messages}, ack_wait := INTERVAL 10 MINUTES"
    read, rows = f"SELECT count(*) FROM {call})", ((str(messages),),)
    acknowledge = f"SELECT nats_ack('{STREAM}', 'bench', list(seq)) FROM nats_unsettled('{STREAM}', 'bench')"
    columns = f"{call}, columns := {data.columns(data.TWELVE)}, correlation_key := '{data.KEY}')"
    keyed = insert(KEYED_DURABLE, messages, columns, key=True, own=KEYED_FILE)
    return (
        Statement(DURABLE, messages, sql=read, setup=(drop,), rows=rows),
        Statement(SETTLED, messages, sql=acknowledge, setup=(drop, read), rows=rows),
        replace(keyed, setup=(drop, *keyed.setup)),
    )


def group(settings: Settings) -> Group:
    messages = settings.messages
    ours = f"nats_ingest('{STREAM}', columns := {data.columns(data.TWELVE)}, correlation_key := '{data.KEY}')"
    file = data.lines(FILE, TYPES)
    return Group(
        name="ingesting", title=f"Ingesting {messages:,} documents of {data.SIZE} bytes: 12 typed columns and a key",
        streams=(Stream(STREAM, "json", data.SIZE, messages), Stream(FOLLOWED, "json", data.SIZE, messages, subjects="")),
        files=(Lines(FILE, "keyed-json", data.SIZE, messages),),
        cases=(
            insert(KEYED, messages, ours, key=True, own=KEYED_FILE),
            insert(KEYED_FILE, messages, file, key=True, own=""),
            insert(PLAIN, messages, ours, key=False, own=PLAIN_FILE),
            insert(PLAIN_FILE, messages, file, key=False, own=""),
            Statement(
                COUNTED, messages, sql=f"SELECT {data.counted(tuple(TYPES))} FROM {ours}", setup=common.warm(STREAM),
                rows=(tuple([str(messages)] * len(TYPES)),),
            ),
            common.pull(STREAM, messages), *common.durable(STREAM, messages), *of_durable(messages),
            Follow(FOLLOW, FOLLOW_SECONDS * FOLLOW_A_SECOND, fills=FOLLOWED, stream=FOLLOWED, seconds=FOLLOW_SECONDS),
        ),
        ratios=(
            Ratio(KEYED, KEYED_FILE, 0.7), Ratio(KEYED, KEYED_FILE, 1.25, "cpu_seconds"), Ratio(PLAIN, PLAIN_FILE, 0.5), Ratio(PLAIN, COUNTED),
            Ratio(DURABLE, common.DURABLE, 0.7), Ratio(DURABLE, common.PULL), Ratio(SETTLED, common.SETTLE, 0.7), Ratio(KEYED_DURABLE, KEYED, 0.8),
        ),
        # A million acknowledgements in a second.
        floors=(Floor(SETTLED, 1_000_000),),
        note=(
            "Each insert goes into a new database file. The file's rows have the key as a field, the stream's get it from a template. "
            f"Publish to queryable: {FOLLOW_A_SECOND} events a second for {FOLLOW_SECONDS} s, ingested, committed and acknowledged in a loop."
        ),
    )
