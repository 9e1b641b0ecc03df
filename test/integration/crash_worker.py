"""A worker of the crash tests: reads a durable into a DuckDB file, batch by batch, and says before each step what is next.

    python -m integration.crash_worker URL DATABASE NAME BATCH

It prints `insert`, `commit`, `ack BATCH` and `idle`, and goes on when a line comes back; `stop` ends it. `acked BATCH` is said
without waiting, or `late BATCH` when that took so long that the server may have given the batch to another meanwhile.
Whoever started it can so kill it between any two steps, or in the middle of one.
"""

import sys
import time

import duckdb

from integration.host import connect

TABLE = "CREATE TABLE IF NOT EXISTS events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT, n INTEGER, batch VARCHAR)"
DURABLE = """durable := 'workers', max_messages := {size}, max_wait := INTERVAL 100 MILLISECONDS, ack_wait := INTERVAL {ack_wait} SECONDS,
    columns := {{'n': 'INTEGER'}}, correlation_key := '{{session}}:{{kind}}'"""
INSERT = "INSERT INTO events SELECT correlation_key, seq, n, ? FROM nats_ingest('S', url := ?, {durable}) ON CONFLICT DO NOTHING"
# Far below ack_wait: an acknowledgement that is lost with the server is tried again before the message is given to another
# worker.
ACK = """SELECT nats_ack('S', 'workers', list(u.seq), {'url': $url, 'timeout': INTERVAL 1 SECOND})
    FROM nats_unsettled('S', 'workers', url := $url) u SEMI JOIN events USING (correlation_key)"""
RETURN = "SELECT returned FROM nats_nak('S', 'workers', url := $url, timeout := INTERVAL 1 SECOND)"
ACK_WAIT_SECONDS = 4
# A server that was restarted knows only whole seconds of when it gave a message, and may give it again so much earlier.
IN_TIME_SECONDS = ACK_WAIT_SECONDS - 2
PAUSE_SECONDS = 0.05


def ask(what: str) -> None:
    """Says what comes next and waits for leave."""
    print(what, flush=True)
    if sys.stdin.readline().strip() != "go":
        sys.exit(0)


def settle(database: duckdb.DuckDBPyConnection, statement: str, url: str) -> int:
    """Settles what was given, again and again while the server is away; the count."""
    while True:
        try:
            return database.execute(statement, {"url": url}).fetchone()[0]
        except duckdb.Error as error:
            print(f"# {error}", flush=True)
            time.sleep(PAUSE_SECONDS)


def main() -> None:
    url, file, name, size = sys.argv[1:]
    database = connect(file)
    database.execute(TABLE)
    insert = INSERT.format(durable=DURABLE.format(size=int(size), ack_wait=ACK_WAIT_SECONDS))
    number = 0
    while True:
        number += 1
        batch = f"{name}.{number}"
        ask("insert")
        started = time.monotonic()
        try:
            database.execute("BEGIN")
            database.execute(insert, [batch, url])
            ask("commit")
            database.execute("COMMIT")
        except duckdb.Error as error:
            print(f"# {error}", flush=True)
            database.execute("ROLLBACK")
            settle(database, RETURN, url)
            time.sleep(PAUSE_SECONDS)
            continue
        ask(f"ack {batch}")
        count = settle(database, ACK, url)
        in_time = time.monotonic() - started < IN_TIME_SECONDS
        print(f"{'acked' if in_time else 'late'} {batch}", flush=True)
        if count == 0:
            ask("idle")


if __name__ == "__main__":
    main()
