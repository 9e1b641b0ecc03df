"""Messages of ordinary size into an empty stream, every acknowledgement awaited."""

import os

from scripts.bench import data
from scripts.bench.model import Group, Lines, Program, Ratio, Statement, Stream
from scripts.bench.settings import Settings

STREAM, FILE = "PUBLISH", "lines.txt"
# Rows of a chunk, which are in flight together; DuckDB works on a chunk a thread.
CHUNK = 2048
CLIENT, FUNCTION, COPY = "async-nats, as many in flight", "nats_publish", "COPY ... TO"


def group(settings: Settings) -> Group:
    messages, threads = settings.messages, os.cpu_count() or 1
    window = CHUNK * threads
    payload = f"rpad(range::VARCHAR, {data.SIZE}, '.')"
    warm = ("SELECT count(*) FROM nats_ping()",)
    answer = ((str(messages),),)
    return Group(
        name="publishing", title=f"Publishing {messages:,} messages of {data.SIZE} bytes, file store",
        streams=(Stream(STREAM, "text", data.SIZE, messages, subjects=""),),
        files=(Lines(FILE, "text", data.SIZE, messages),),
        cases=(
            Program(CLIENT, messages, fills=STREAM, words=("publish", "{url}", "publish.row", "{files}/" + FILE, str(messages), str(window))),
            Statement(
                FUNCTION, messages, fills=STREAM, setup=warm, rows=answer,
                sql=f"SELECT count(nats_publish('publish.row', {payload})) FROM range({messages})",
            ),
            Statement(
                COPY, messages, fills=STREAM, setup=warm, rows=answer,
                sql=f"COPY (SELECT {payload} FROM range({messages})) TO '{STREAM}' (FORMAT nats_js, subject 'publish.row')",
            ),
        ),
        ratios=(Ratio(FUNCTION, CLIENT), Ratio(COPY, CLIENT)),
        note=f"In flight: {CHUNK:,} a thread, {threads} threads; {window:,} of async-nats. The statements make their payloads, async-nats has them ready.",
    )
