"""A stream of documents in a file store, warm: every way to read it."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.groups.common import COUNT, DRAIN, PULL, PUSH, SINGLE, SUM, scan
from scripts.bench.model import Group, Lines, NatsPy, Program, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM, PROTO = "BENCH", "PROTO"
FILE = "events.ndjson"
SUBJECTS = 100
SINGLES = 20_000
FETCHED = 50_000

BATCHED = "async-nats, batched gets"
NATS_PY = "nats-py, fetch to DataFrame to DuckDB"
CONSUMER = "via := 'consumer'"
BY_CONSUMER = ", by a consumer"
CTAS, CTAS_FILE = "CREATE TABLE AS SELECT *", "CREATE TABLE AS, DuckDB from a file"
JSON_ONE, JSON_FIVE, JSON_TWELVE = "JSON, 1 of 12 columns", "JSON, 5 of 12 columns", "JSON, 12 of 12 columns"
READ_JSON = "JSON, 5 columns, DuckDB's read_json"
PROTO_FIVE = "protobuf, 5 of 12 columns"
SUBJECT, SUBJECT_PULL = "one subject of 100", "one subject of 100, pull consumer"
WINDOW = "a tenth of the time, in the middle"
LIMIT, LAST = "LIMIT 10", "last_n := 1000"
PROVEN, UNPROVEN = "LIMIT behind the last message: with the proof at the end", "LIMIT before the last pages: without it"
# What the last two pages hold, behind which a read proves itself.
LAST_PAGES = 2 * 2048


def json(name: str, fields: tuple[str, ...], messages: int) -> Statement:
    """Typed columns, which must be those that DuckDB reads from the file."""
    typed = f"columns := {data.columns(fields)}"
    counts = tuple([str(messages)] * len(fields))
    types = {field: data.FIELDS[field] for field in fields}
    value = f"bit_xor(hash({data.quoted(fields)}))"
    same = f"SELECT (SELECT {value} FROM nats_scan('{STREAM}', {typed})) = (SELECT {value} FROM {data.lines(FILE, types)})"
    return scan(name, STREAM, messages, data.counted(fields), typed, rows=(counts,), check=same)


def window(messages: int) -> Statement:
    """The messages of a span of time; which those are, a scan without bounds says, too."""
    moments = tuple(
        f"SET VARIABLE {name} = (SELECT ts_nats FROM nats_get('{STREAM}', {seq}))"
        for name, seq in (("since", messages * 45 // 100), ("until", messages * 55 // 100))
    )
    bounds = "start_time := getvariable('since'), end_time := getvariable('until')"
    between = "ts_nats BETWEEN getvariable('since') AND getvariable('until')"
    same = (
        f"SELECT (SELECT (count(*), sum(seq)) FROM nats_scan('{STREAM}', {bounds})) = "
        f"(SELECT (count(*), sum(seq)) FROM nats_scan('{STREAM}') WHERE {between})"
    )
    sql = f"SELECT count(*) FROM nats_scan('{STREAM}', {bounds})"
    return Statement(WINDOW, messages // 10, sql=sql, setup=(*common.warm(STREAM), *moments), check=same)


def limited(name: str, messages: int) -> Statement:
    """The same plan with and without the end of the read."""
    sql = f"SELECT count(*) FROM (SELECT seq FROM nats_scan('{STREAM}') LIMIT {messages})"
    return Statement(name, messages, sql=sql, setup=common.warm(STREAM), rows=((str(messages),),))


def table_from_file(messages: int) -> Statement:
    """The rows of a scan, made by DuckDB from the lines of a file: what such a table takes in memory without us."""
    line = "read_csv('{files}/" + FILE + "', columns = {'line': 'VARCHAR'}, header = false, delim = '\x01', quote = '', escape = '')"
    sql = (
        f"CREATE TABLE t AS SELECT '{STREAM}' AS stream, 'bench.' || (n % {SUBJECTS}) AS subject, n::UBIGINT AS seq, "
        f"make_timestamp(n) AS ts_nats, line::BLOB AS payload FROM (SELECT line, row_number() OVER () AS n FROM {line})"
    )
    return Statement(CTAS_FILE, messages, sql=sql, rows=((str(messages),),), loads=False)


def read_json(messages: int) -> Statement:
    types = {field: data.FIELDS[field] for field in data.FIVE}
    sql = f"SELECT {data.counted(data.FIVE)} FROM {data.lines(FILE, types)}"
    return Statement(READ_JSON, messages, sql=sql, rows=(tuple([str(messages)] * len(types)),), loads=False)


def protobuf(messages: int) -> Statement:
    schema = "format := 'protobuf', proto_file := '{files}/event.proto', proto_message := 'Event'"
    arguments = f"{schema}, columns := {data.struct(data.PROTO_FIVE)}"
    total = messages * (messages + 1) // 2
    fields = tuple(field for field in data.PROTO_FIVE if field != "number")
    rows = (tuple([str(messages)] * len(fields) + [str(total)]),)
    return scan(PROTO_FIVE, PROTO, messages, f"{data.counted(fields)}, sum(number)", arguments, rows=rows)


def group(settings: Settings) -> Group:
    messages, singles = settings.messages, min(SINGLES, settings.messages)
    # Subjects come in turn, so one of them has a hundredth of the messages.
    matches = sum(1 for _ in range(7, messages + 1, SUBJECTS))
    count, total = common.count_and_sum(STREAM, messages, data.SIZE)
    cases = (
        common.drain(STREAM, messages, data.SIZE),
        common.single(STREAM, singles),
        Program(BATCHED, messages, words=("batched", "{url}", STREAM, str(messages), str(common.BATCH))),
        common.pull(STREAM, messages),
        common.push(STREAM, messages),
        NatsPy(NATS_PY, min(FETCHED, messages), stream=STREAM),
        count,
        total,
        Statement(
            CTAS, messages, sql=f"CREATE TABLE t AS FROM nats_scan('{STREAM}')", setup=common.warm(STREAM), rows=((str(messages),),),
            check=f"SELECT count(*) = {messages} AND sum(octet_length(payload)) = {messages * data.SIZE} FROM t", own=CTAS_FILE,
        ),
        scan(COUNT + BY_CONSUMER, STREAM, messages, arguments=CONSUMER, rows=((str(messages),),)),
        Statement(
            CTAS + BY_CONSUMER, messages, sql=f"CREATE TABLE t AS FROM nats_scan('{STREAM}', {CONSUMER})", setup=common.warm(STREAM),
            rows=((str(messages),),), own=CTAS_FILE,
            check=f"SELECT count(*) = {messages} AND sum(octet_length(payload)) = {messages * data.SIZE} FROM t",
        ),
        table_from_file(messages),
        json(JSON_ONE, data.ONE, messages),
        json(JSON_FIVE, data.FIVE, messages),
        json(JSON_TWELVE, data.TWELVE, messages),
        read_json(messages),
        protobuf(messages),
        scan(SUBJECT, STREAM, matches, arguments="subject := 'bench.7'", rows=((str(matches),),)),
        common.pull(STREAM, matches, "bench.7", name=SUBJECT_PULL),
        window(messages),
        Statement(LIMIT, 10, sql=f"SELECT seq FROM nats_scan('{STREAM}') LIMIT 10", setup=common.warm(STREAM), rows=common.numbers(1, 10)),
        limited(PROVEN, messages),
        limited(UNPROVEN, max(1, messages - LAST_PAGES)),
        scan(LAST, STREAM, 1000, "count(*), min(seq)", "last_n := 1000", rows=(("1000", str(messages - 999)),)),
    )
    ratios = (
        Ratio(COUNT, DRAIN, 0.75),
        Ratio(SUM, DRAIN, 0.70),
        Ratio(CTAS, DRAIN, 0.50),
        Ratio(JSON_FIVE, DRAIN, 0.45),
        Ratio(COUNT, PULL, 0.95),
        Ratio(PROVEN, UNPROVEN, 0.98),
        Ratio(COUNT + BY_CONSUMER, PUSH, 0.85),
        Ratio(COUNT + BY_CONSUMER, COUNT, 1.6),
        Ratio(CTAS + BY_CONSUMER, CTAS, 1.4),
        Ratio(PUSH, DRAIN),
        Ratio(COUNT, SINGLE, 60),
        Ratio(COUNT, NATS_PY, 10),
        Ratio(CTAS, NATS_PY),
        Ratio(COUNT, BATCHED),
        Ratio(JSON_FIVE, COUNT),
        Ratio(JSON_FIVE, READ_JSON),
        Ratio(PROTO_FIVE, DRAIN),
        Ratio(CTAS, CTAS_FILE),
        Ratio(SUBJECT, SUBJECT_PULL),
        Ratio(PULL, DRAIN),
    )
    note = f"Single gets: {singles:,} messages, nats-py: {min(FETCHED, messages):,}; their rates stand for more."
    return Group(
        name="reading", title=f"Reading {messages:,} messages of {data.SIZE} bytes, file store, warm",
        streams=(
            Stream(STREAM, "json", data.SIZE, messages, f"turn={SUBJECTS}"),
            Stream(PROTO, "protobuf", data.SIZE, messages, f"turn={SUBJECTS}"),
        ),
        files=(Lines(FILE, "json", data.SIZE, messages),), cases=cases, ratios=ratios, note=note,
    )
