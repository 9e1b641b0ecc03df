"""Messages of ordinary size into an empty stream, every acknowledgement awaited."""

import os

from scripts.bench import data
from scripts.bench.model import Group, Lines, Program, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM, FILE = "PUBLISH", "lines.txt"
# Rows of a chunk, which are in flight together; DuckDB works on a chunk a thread.
CHUNK = 2048
RAW, CLIENT, FUNCTION, COPY = "raw socket", "async-nats, as many in flight", "nats_publish", "COPY ... TO"
FAST = f"{COPY}, mode 'fast'"
TABLE = "lines"


def group(settings: Settings) -> Group:
    messages, threads = settings.messages, os.cpu_count() or 1
    window = CHUNK * threads
    payload = f"rpad(range::VARCHAR, {data.SIZE}, '.')"
    # The payloads are ready for the statements as they are for the programs.
    ready = (
        "SELECT count(*) FROM nats_ping()",
        f"CREATE TEMP TABLE {TABLE} AS SELECT {payload} AS payload FROM range({messages})",
    )
    words = ("{url}", "publish.row", "{files}/" + FILE, str(messages), str(window))
    answer = ((str(messages),),)
    return Group(
        name="publishing", title=f"Publishing {messages:,} messages of {data.SIZE} bytes, file store",
        streams=(Stream(STREAM, "text", data.SIZE, messages, subjects="", options="allow_batched=true"),),
        files=(Lines(FILE, "text", data.SIZE, messages),),
        cases=(
            Program(RAW, messages, fills=STREAM, words=("raw_publish", *words)),
            Program(CLIENT, messages, fills=STREAM, words=("publish", *words)),
            Statement(
                FUNCTION, messages, fills=STREAM, setup=ready, rows=answer,
                sql=f"SELECT count(nats_publish('publish.row', payload)) FROM {TABLE}",
            ),
            Statement(
                COPY, messages, fills=STREAM, setup=ready, rows=answer,
                sql=f"COPY {TABLE} TO '{STREAM}' (FORMAT nats_js, subject 'publish.row')",
            ),
            Statement(
                FAST, messages, fills=STREAM, setup=ready, rows=answer,
                sql=f"COPY {TABLE} TO '{STREAM}' (FORMAT nats_js, subject 'publish.row', mode 'fast')",
            ),
        ),
        ratios=(Ratio(FUNCTION, RAW, 0.8), Ratio(COPY, RAW, 0.8), Ratio(FAST, RAW, 0.8), Ratio(FAST, COPY), Ratio(FUNCTION, CLIENT), Ratio(COPY, CLIENT)),
        note=f"In flight: at most 4,096 messages a call, 8,192 of all, {threads} threads; {window:,} of the programs. COPY is one call, and each of its messages names the stream.",
    )
