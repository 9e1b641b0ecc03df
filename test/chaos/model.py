"""What a stream may have held while it was read, and whether an answer is exact for it."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Entry:
    """A message of a stream."""

    seq: int
    subject: str
    payload: bytes
    time: datetime | None = None


# What an answer is compared by: sequence, subject and payload.
Row = tuple[int, str, bytes]
Entries = dict[int, Entry]
Matches = Callable[[Entry], bool]


@dataclass(frozen=True)
class World:
    """One history of a stream during a read: `must` was there all along, `may` at some time.

    `declared`: a part of what was published is missing from `must` because the server itself says that it is gone.
    """

    must: Entries
    may: Entries
    declared: bool = False

    def changed(self, change: Callable[[Entry], Entry]) -> "World":
        """The same with every message changed, as for a clock that is set."""
        return World(*({seq: change(entry) for seq, entry in part.items()} for part in (self.must, self.may)), self.declared)


def steady(entries: Entries) -> World:
    """A stream that does not change."""
    return World(entries, entries)


def while_filled(entries: Entries, removed: Entries, made: datetime, rows: Sequence[Row]) -> World:
    """A new stream for a consumer that was made while it was filled: what came before the consumer must be there, and so must all up to
    the last row. Messages that are `removed` in the end were there for a while."""
    last = max((row[0] for row in rows), default=0)
    must = {seq: entry for seq, entry in entries.items() if seq <= last or entry.time <= made}
    return World(must, entries | removed)


def with_deleted(world: World, removed: Entries) -> World:
    """The same where a server that is catching up may still give what was deleted before the read."""
    return World(world.must, world.may | removed, declared=True)


def with_moved(world: World, moved: Entries) -> World:
    """The same where a server gives some messages with another end of the subject, a part of the payload behind it, or leaves them out by subject."""
    left = {seq: entry for seq, entry in world.must.items() if seq not in moved}
    return World(left, world.may | moved, declared=True)


def moved(entry: Entry, subject: str, payload: bytes) -> Entry | None:
    """A message as a server gives it whose store has damage where its subject ends; None where something else differs, or nothing."""
    is_moved = subject != entry.subject and subject.encode() + payload == entry.subject.encode() + entry.payload
    return Entry(entry.seq, subject, payload, entry.time) if is_moved else None


def rows_fit(world: World, rows: Sequence[Row]) -> bool:
    """Whether every row is a message of the world, as it was published."""
    return all(row[0] in world.may and row == row_of(world.may[row[0]]) for row in rows)


def row_of(entry: Entry) -> Row:
    return entry.seq, entry.subject, entry.payload


def all_of(matches: Matches):
    """Every message that matches, once, in order."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        got = [row[0] for row in rows]
        return (
            got == sorted(set(got)) and rows_fit(world, rows) and all(matches(world.may[seq]) for seq in got)
            and {seq for seq, entry in world.must.items() if matches(entry)} <= set(got)
        )

    return fits


def edges(may: Sequence[int], must: Sequence[int], count: int) -> Iterator[int]:
    """The places in `may` that were the first of the last `count`, at a moment when there was more than `must`; both ascend."""
    for position, seq in enumerate(may):
        if len(must) - bisect_left(must, seq) <= count <= len(may) - position:
            yield seq


def sequences(entries: Entries, matches: Matches) -> list[int]:
    return sorted(seq for seq, entry in entries.items() if matches(entry))


def newest(matches: Matches, count: int):
    """What is left of the last `count` messages that match, as they were at some moment of the read."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        may, must = sequences(world.may, matches), sequences(world.must, matches)
        first = [*([0] if len(must) <= count else []), *edges(may, must, count)]
        # Of those in front of all rows, the last one asks for the fewest messages.
        edge = max((edge for edge in first if not rows or edge <= rows[0][0]), default=None)
        behind = all_of(lambda entry: matches(entry) and entry.seq >= edge)
        return len(rows) <= count and edge is not None and behind(world, rows)

    return fits


def oldest(matches: Matches, count: int):
    """What is left of the first `count` messages that match, as they were at some moment of the read."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        may, must = ([-seq for seq in reversed(sequences(part, matches))] for part in (world.may, world.must))
        # Seen from behind, the first are the last.
        last = [*([max(world.may, default=0)] if len(must) <= count else []), *(-edge for edge in edges(may, must, count))]
        edge = min((edge for edge in last if not rows or edge >= rows[-1][0]), default=None)
        up_to = all_of(lambda entry: matches(entry) and entry.seq <= edge)
        return len(rows) <= count and edge is not None and up_to(world, rows)

    return fits


def number_of(matches: Matches):
    """How many messages match; the row is the number alone."""

    def fits(world: World, rows: Sequence[tuple[int]]) -> bool:
        least, most = (sum(map(matches, part.values())) for part in (world.must, world.may))
        return least <= rows[0][0] <= most

    return fits


def named(seqs: Sequence[int]):
    """These sequences, each as often as it is named, in their order."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        got, left = [row[0] for row in rows], iter(seqs)
        in_order = all(seq in left for seq in got)
        wanted = Counter(seq for seq in seqs if seq in world.must)
        return in_order and rows_fit(world, rows) and not wanted - Counter(got)

    return fits


def newest_by_subject(matches: Matches):
    """The last message of each subject."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        found = {row[1]: row[0] for row in rows}
        if len(found) != len(rows) or not rows_fit(world, rows) or not all(matches(world.may[row[0]]) for row in rows):
            return False
        return all(found.get(entry.subject, 0) >= seq for seq, entry in world.must.items() if matches(entry))

    return fits


def each_at_least_once(matches: Matches):
    """Every message that matches, some perhaps again."""

    def fits(world: World, rows: Sequence[Row]) -> bool:
        got = {row[0] for row in rows}
        return rows_fit(world, rows) and {seq for seq, entry in world.must.items() if matches(entry)} <= got

    return fits


EXACT, DECLARED, HIDDEN, ERROR, WRONG = "exact", "declared", "hidden", "error", "wrong"


@dataclass(frozen=True)
class Answer:
    """What a question brought: rows, or the text of an error; `broken` is an error that no function of the extension gives."""

    rows: Sequence[tuple] = ()
    error: str | None = None
    broken: bool = False


def classify(answer: Answer, fits: Callable[[World, Sequence[tuple]], bool], worlds: Sequence[World]) -> str:
    """Exact for one of the histories; exact but for what the server says is gone; an error; or wrong."""
    if answer.broken:
        return WRONG
    if answer.error is not None:
        return ERROR
    fitting = [world for world in worlds if fits(world, answer.rows)]
    if not fitting:
        return WRONG
    return DECLARED if all(world.declared for world in fitting) else EXACT
