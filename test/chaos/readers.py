"""The questions: every function that reads, with bounds and filters by chance, and what an exact answer to each is."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from chaos import contents, model
from chaos.model import Answer, Entry, World
from chaos.place import Place

# Where a lost frame is waited for, this decides how long a fault takes.
TIMEOUT = "timeout := to_milliseconds(1000)"
# Kinds of errors that say what became of the stream or the consumer: to ask again would be to begin anew.
TOLD = ("[not_found]", "[replaced]", "[damaged]", "was deleted")
COLUMNS = "seq, subject, payload::BLOB"


@dataclass(frozen=True)
class Question:
    """A question that a reader asks; `fits` says whether rows are exact for a world of `stream`."""

    reader: str
    stream: str
    text: str
    ask: Callable[[], Answer]
    fits: Callable[[World, Sequence[tuple]], bool]
    # How many frames an answer takes, about: where a fault may come.
    frames: int = contents.COUNT
    # With a subject filter: there damage can stay hidden (docs/guarantees.md, "Where it ends").
    filtered: bool = False
    # The newest of a subject: there the server passes over a message whose own record says that it was erased (the same page).
    newest: bool = False
    # By a consumer, which gives what the copy of the server that leads it has (the same page).
    by_consumer: bool = False
    # The sequences of the checkpoints that bound it.
    after: int | None = None
    upto: int | None = None


def everything(_: Entry) -> bool:
    return True


def statement(place: Place, reader: str, call: str, fits, stream: str = "S", frames: int = contents.COUNT, columns: str = COLUMNS, **more):
    """A question of one statement; `{c}` in the call stands for the connection's parameters."""
    sql = f"SELECT {columns} FROM {call.format(c=f'url := {place.url!r}, {TIMEOUT}')}"
    return Question(reader, stream, sql, lambda: place.ask(sql), fits, frames, **more)


def scan(place: Place, chance: random.Random) -> Question:
    return statement(place, "scan", "nats_scan('S', {c})", model.all_of(everything))


def count(place: Place, chance: random.Random) -> Question:
    return statement(place, "count(*)", "nats_scan('S', {c})", model.number_of(everything), columns="count(*)")


def scan_of_a_range(place: Place, chance: random.Random) -> Question:
    first = chance.randrange(1, contents.COUNT)
    last = chance.randrange(first, contents.COUNT + 1)
    call = f"nats_scan('S', {{c}}, start_seq := {first}, end_seq := {last})"
    return statement(place, "scan, range", call, model.all_of(lambda e: first <= e.seq <= last), frames=last - first + 1)


def matching(filter: str) -> model.Matches:
    pattern = re.compile(re.escape(filter).replace(r"\*", "[^.]+").replace(">", ".+") + "$")
    return lambda entry: pattern.match(entry.subject) is not None


def scan_with_filter(place: Place, chance: random.Random) -> Question:
    filter = chance.choice([f"s.{chance.randrange(contents.SUBJECTS)}", "s.*", "*.3"])
    frames = contents.COUNT // (1 if filter == "s.*" else contents.SUBJECTS)
    return statement(place, "scan, filter", f"nats_scan('S', {{c}}, subject := '{filter}')", model.all_of(matching(filter)), frames=frames, filtered=True)


def scan_with_filter_and_range(place: Place, chance: random.Random) -> Question:
    first = chance.randrange(1, contents.COUNT)
    filter = f"s.{chance.randrange(contents.SUBJECTS)}"
    matches = matching(filter)
    call = f"nats_scan('S', {{c}}, subject := '{filter}', start_seq := {first})"
    fits = model.all_of(lambda e: e.seq >= first and matches(e))
    return statement(place, "scan, filter and range", call, fits, frames=contents.COUNT // contents.SUBJECTS, filtered=True)


def scan_of_times(place: Place, chance: random.Random) -> Question:
    entries = list(place.contents.streams["S"].values())
    start, end = sorted(entry.time for entry in chance.sample(entries, 2))
    call = f"nats_scan('S', {{c}}, start_time := TIMESTAMP '{start}', end_time := TIMESTAMP '{end}')"
    return statement(place, "scan, times", call, model.all_of(lambda e: start <= e.time <= end))


def last_n(place: Place, chance: random.Random) -> Question:
    number = chance.choice([1, 10, 700])
    return statement(place, "last_n", f"nats_scan('S', {{c}}, last_n := {number})", model.newest(everything, number), frames=number)


def max_messages(place: Place, chance: random.Random) -> Question:
    number = chance.choice([1, 10, 700])
    return statement(place, "max_messages", f"nats_scan('S', {{c}}, max_messages := {number})", model.oldest(everything, number), frames=number)


def get(place: Place, chance: random.Random) -> Question:
    seqs = [chance.randrange(1, contents.COUNT + 20) for _ in range(chance.choice([1, 5, 200]))]
    return statement(place, "nats_get", f"nats_get('S', {seqs}, {{c}})", model.named(seqs), frames=len(seqs))


def last(place: Place, chance: random.Random) -> Question:
    filter = chance.choice(["s.3", "s.*", ">"])
    call = f"nats_last('S', '{filter}', {{c}})"
    return statement(place, "nats_last", call, model.newest_by_subject(matching(filter)), frames=contents.SUBJECTS, newest=True)


def last_of_the_past(place: Place, chance: random.Random) -> Question:
    upto = chance.randrange(1, contents.COUNT)
    call = f"nats_last('S', 's.*', {{c}}, up_to_seq := {upto})"
    return statement(place, "nats_last, past", call, last_up_to(upto), frames=contents.SUBJECTS)


def last_up_to(upto: int):
    """The newest of each subject among the first messages."""

    def cut(part):
        return {seq: entry for seq, entry in part.items() if seq <= upto}

    newest = model.newest_by_subject(everything)
    return lambda world, rows: newest(World(cut(world.must), cut(world.may), world.declared), rows)


def ingest(place: Place, chance: random.Random) -> Question:
    first = chance.choice([1, chance.randrange(1, contents.COUNT)])
    call = f"nats_ingest('S', {{c}}, start_seq := {first}, keep := 'all')"
    return statement(place, "nats_ingest, range", call, model.all_of(lambda e: e.seq >= first))


def ingest_with_filter(place: Place, chance: random.Random) -> Question:
    filter = f"s.{chance.randrange(contents.SUBJECTS)}"
    call = f"nats_ingest('S', {{c}}, subject := '{filter}')"
    fits = model.all_of(matching(filter))
    return statement(place, "nats_ingest, filter", call, fits, frames=contents.COUNT // contents.SUBJECTS, filtered=True)


def after_checkpoint(place: Place, chance: random.Random) -> Question:
    middle, end = place.contents.checkpoints
    after, upto = chance.choice([(middle, None), (middle, end), (None, middle), (None, end), (end, None)])
    texts = {name: place.contents.checkpoints[seq] for name, seq in (("after", after), ("upto", upto)) if seq}
    bounds = "".join(f", {name} := '{text}'" for name, text in texts.items())
    function = chance.choice(["nats_scan", "nats_ingest"])
    fits = model.all_of(lambda e: (after or 0) < e.seq <= (upto or e.seq))
    frames = max(1, (upto or end) - (after or 0))
    return statement(place, "checkpoints", f"{function}('S', {{c}}{bounds})", fits, frames=frames, after=after, upto=upto)


BUCKET_COLUMNS = "revision, '$KV.K.' || key, value"


def kv_get(place: Place, chance: random.Random) -> Question:
    key = f"k.{chance.randrange(contents.KEYS)}"
    fits = model.newest_by_subject(lambda e: e.subject == f"$KV.K.{key}")
    return statement(place, "nats_kv_get", f"nats_kv_get('K', '{key}', {{c}})", fits, "KV_K", 1, BUCKET_COLUMNS, newest=True)


def kv_scan(place: Place, chance: random.Random) -> Question:
    fits = model.newest_by_subject(everything)
    return statement(place, "nats_kv_scan", "nats_kv_scan('K', {c})", fits, "KV_K", contents.KEYS, BUCKET_COLUMNS, newest=True)


def kv_history(place: Place, chance: random.Random) -> Question:
    return statement(place, "nats_kv_history", "nats_kv_history('K', {c})", model.all_of(everything), "KV_K", 3 * contents.KEYS, BUCKET_COLUMNS)


def object_get(place: Place, chance: random.Random) -> Question:
    name = chance.choice(list(contents.OBJECTS))
    stored = place.contents.objects[name]
    # An object that is missing without an error is only right where the server says that something is gone.
    fits = lambda world, rows: rows == [(stored,)] or world.declared and not rows
    return statement(place, "nats_object_get", f"nats_object_get('O', '{name}', {{c}})", fits, "OBJ_O", 12, "data")


def durable(place: Place, chance: random.Random) -> Question:
    """Reads until the durable has nothing more, acknowledging what came; errors are tried again, as a user would."""
    name = f"d{chance.randrange(1 << 40):x}"
    at_once = chance.choice([200, 600, 2000])
    connection = f"url := '{place.url}', {TIMEOUT}"
    sql = f"SELECT {COLUMNS} FROM nats_ingest('S', {connection}, durable := '{name}', max_messages := {at_once}, keep := 'all')"

    def read(database) -> list[tuple]:
        rows, failures = [], 0
        while True:
            try:
                page = database.execute(sql).fetchall()
                rows += page
                if page:
                    database.execute(f"FROM nats_ack('S', '{name}', {connection})").fetchall()
                elif settled(place, name):
                    return rows
            except duckdb.Error as error:
                failures += 1
                if failures > 3 or any(kind in str(error) for kind in TOLD):
                    raise

    return Question("nats_ingest, durable", "S", sql, lambda: place.asked(read), model.each_at_least_once(everything), by_consumer=True)


def settled(place: Place, name: str) -> bool:
    """Whether the consumer waits for no acknowledgement: with one, an empty answer is no end."""
    try:
        info = place.call(lambda wire: wire.request(f"CONSUMER.INFO.S.{name}"))
    except Exception:
        return True
    return not info["num_ack_pending"]


READERS = (
    scan, count, scan_of_a_range, scan_with_filter, scan_with_filter_and_range, scan_of_times, last_n, max_messages, get, last,
    last_of_the_past, ingest, ingest_with_filter, after_checkpoint, kv_get, kv_scan, kv_history, object_get, durable,
)
