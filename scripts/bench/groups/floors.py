"""Rates and delays that a platform of events asks for, whatever else is on the machine."""

from scripts.bench import data
from scripts.bench.groups import common
from scripts.bench.model import Floor, Follow, Group, Statement, Stream
from scripts.bench.settings import Settings

PUBLISHED, READ, FOLLOWED, BURSTS = "FLOOR", "READ", "FOLLOWED", "BURSTS"
MESSAGES, APPENDS, GROUPS, BURST = 100_000, 10_000, 10, 200
PUBLISH, CONSUME, DELIVER, FOLLOW = "100,000 published", "one durable into a table", "100,000 delivered", "publish to queryable"
APPEND, SIDE_BY_SIDE, IN_BURSTS = "10,000 appends", "10 durables, 1,000 each", "5 bursts of 200"
ONE = "one message published, its acknowledgement awaited"
EACH_SECOND, SECONDS = 1_000, 5
TABLE = "CREATE TABLE events (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT)"


def dropped(stream: str, durable: str) -> str:
    return f"FROM nats_consumer_delete('{stream}', '{durable}', confirm := true)"


def taken(stream: str, durable: str, most: int, more: str = "") -> str:
    """Rows of a durable into the table."""
    return (
        f"INSERT INTO events SELECT correlation_key, seq FROM nats_ingest('{stream}', durable := '{durable}', max_messages := {most}, "
        f"max_wait := INTERVAL 2 SECONDS{more}) ON CONFLICT DO NOTHING"
    )


def side_by_side() -> str:
    """One durable a subject, in one statement."""
    calls = (
        f"SELECT seq FROM nats_ingest('{READ}', durable := 'floor{n}', subject := 'read.{n}', max_messages := {APPENDS // GROUPS}, max_wait := INTERVAL 2 SECONDS)"
        for n in range(GROUPS)
    )
    return f"SELECT count(DISTINCT seq) FROM ({' UNION ALL '.join(calls)})"


def group(settings: Settings) -> Group:
    publish = f"SELECT count(nats_publish('{PUBLISHED.lower()}.row', i::VARCHAR)) FROM range({MESSAGES}) t(i)"
    bursts = " UNION ALL ".join(
        f"SELECT nats_publish('{BURSTS.lower()}.row', {n} || '-' || i) AS p FROM range({BURST}) t(i)" for n in range(5)
    )
    count = ((str(MESSAGES),),)
    return Group(
        name="floors", title="What is asked for on any machine",
        streams=(
            Stream(PUBLISHED, "text", data.SIZE, MESSAGES, subjects=""),
            Stream(READ, "text", data.SIZE, MESSAGES, subjects=f"turn={GROUPS}"),
            Stream(FOLLOWED, "json", data.SIZE, 0, subjects=""),
            Stream(BURSTS, "text", data.SIZE, 0, subjects=""),
        ),
        cases=(
            Statement(PUBLISH, MESSAGES, fills=PUBLISHED, setup=("SELECT count(*) FROM nats_ping()",), sql=publish, rows=count),
            Statement(
                CONSUME, MESSAGES, setup=(dropped(READ, "floor"), TABLE), sql=taken(READ, "floor", MESSAGES, f", max_ack_pending := {MESSAGES}"),
                rows=count, database=True, check=f"SELECT count(*) = {MESSAGES} AND max(seq) = {MESSAGES} FROM events",
            ),
            Statement(
                DELIVER, MESSAGES, setup=common.warm(READ), sql=f"SELECT count(DISTINCT seq) FROM nats_scan('{READ}')", rows=count,
            ),
            Follow(FOLLOW, EACH_SECOND * SECONDS, fills=FOLLOWED, stream=FOLLOWED, seconds=SECONDS),
            Statement(
                APPEND, APPENDS, fills=BURSTS, setup=("SELECT count(*) FROM nats_ping()", "SET threads = 1"),
                sql=f"SELECT count(nats_publish('{BURSTS.lower()}.row', i::VARCHAR)) FROM range({APPENDS}) t(i)", rows=((str(APPENDS),),),
            ),
            Statement(
                SIDE_BY_SIDE, APPENDS, setup=tuple(dropped(READ, f"floor{n}") for n in range(GROUPS)), sql=side_by_side(),
                rows=((str(APPENDS),),),
            ),
            Statement(
                IN_BURSTS, 5 * BURST, fills=BURSTS, setup=("SELECT count(*) FROM nats_ping()",), sql=f"SELECT count(p) FROM ({bursts})",
                rows=((str(5 * BURST),),),
            ),
            Statement(
                ONE, 1, setup=("SELECT count(*) FROM nats_ping()",), sql=f"SELECT (nats_publish('{BURSTS.lower()}.row', 'x')).duplicate",
                rows=(("False",),), repeat=500,
            ),
        ),
        floors=(
            Floor(PUBLISH, 10_000), Floor(CONSUME, 1_000), Floor(DELIVER, 10_000), Floor(FOLLOW, 100_000, "p95_us"),
            Floor(APPEND, 1_000), Floor(SIDE_BY_SIDE, 1_000), Floor(IN_BURSTS, 1_000), Floor(ONE, 1_000, "p50_us"),
        ),
        rounds=3,
        note=f"Each row's answer is checked. Publish to queryable: {EACH_SECOND:,} events a second for {SECONDS} s, ingested, committed and acknowledged in a loop.",
    )
