"""The table of docs/ingest.md, row by row: whatever the parts in which a stream is read, and however they are bounded, one table comes of it."""

import os
import random
import re
import unittest
from collections import defaultdict
from dataclasses import dataclass

from integration.host import connect
from integration.streams import fill
from scripts import paths

URL = os.environ["NATS_JS_TEST_URL"]
SEED = 26
ROUNDS = 2
# The stream is filled in so many portions, and a checkpoint is taken before the first and behind each.
PORTIONS, PORTION = 30, 20
COUNT = PORTIONS * PORTION
COLUMNS = {"pct": "INTEGER", "low": "INTEGER", "rev": "INTEGER", "title": "VARCHAR"}
PAYLOAD = '{"key":"k{i%41}","pct":{i%89},"low":{i%53},"rev":{i%17},"title":"t{i}"}'


@dataclass(frozen=True)
class Event:
    seq: int

    key = property(lambda self: f"k{self.seq % 41}")
    pct = property(lambda self: self.seq % 89)
    low = property(lambda self: self.seq % 53)
    rev = property(lambda self: self.seq % 17)
    title = property(lambda self: f"t{self.seq}")


@dataclass(frozen=True)
class Row:
    """A row of the table: its first cell, words of its second and third, and what it says as SQL that runs."""

    keeps: str
    call: str
    statement: str
    # Arguments of the call, the selected columns, the conflict clause, and the columns of the table behind its key.
    arguments: str
    select: str
    conflict: str
    columns: str
    # The columns behind the key, of the events of one key in the order of their sequences.
    truth: callable
    # Whether the parts must come in the order of the stream.
    in_order: bool = False


LATER = "CASE WHEN excluded.seq > t.seq THEN excluded.title ELSE t.title END"
SOONER = "CASE WHEN excluded.first_seq < t.first_seq THEN excluded.title ELSE t.title END"
RANGE = "pct = greatest(t.pct, excluded.pct), low = least(t.low, excluded.low)"
MOST = lambda events: (max(e.pct for e in events), min(e.low for e in events))
ROWS = [
    Row("the first event", "keep := 'first'", "DO NOTHING", "keep := 'first'", "title, seq", "DO NOTHING",
        "title VARCHAR, seq UBIGINT", lambda events: (events[0].title, events[0].seq), in_order=True),
    Row("the last event", "keep := 'last'", "WHERE excluded.seq > t.seq", "keep := 'last'", "title, seq",
        "DO UPDATE SET title = excluded.title, seq = excluded.seq WHERE excluded.seq > t.seq",
        "title VARCHAR, seq UBIGINT", lambda events: (events[-1].title, events[-1].seq)),
    Row("the last event by a column of its own", "keep := 'last', order_by := 'rev'", "excluded.rev = t.rev AND excluded.seq > t.seq",
        "keep := 'last', order_by := 'rev'", "title, rev, seq",
        "DO UPDATE SET title = excluded.title, rev = excluded.rev, seq = excluded.seq "
        "WHERE excluded.rev > t.rev OR (excluded.rev = t.rev AND excluded.seq > t.seq)",
        "title VARCHAR, rev INTEGER, seq UBIGINT",
        lambda events: (lambda newest: (newest.title, newest.rev, newest.seq))(max(events, key=lambda e: (e.rev, e.seq)))),
    Row("the greatest, the least", "merge := {'pct': 'max', 'low': 'min'}", RANGE, "merge := {'pct': 'max', 'low': 'min'}", "pct, low",
        f"DO UPDATE SET {RANGE}", "pct INTEGER, low INTEGER", MOST),
    Row("the last value, beside those", "'title': 'last'", f"title = {LATER}, seq = greatest(t.seq, excluded.seq)",
        "merge := {'pct': 'max', 'low': 'min', 'title': 'last'}", "pct, low, title, seq",
        f"DO UPDATE SET {RANGE}, title = {LATER}, seq = greatest(t.seq, excluded.seq)",
        "pct INTEGER, low INTEGER, title VARCHAR, seq UBIGINT", lambda events: (*MOST(events), events[-1].title, events[-1].seq)),
    Row("the first value, beside those", "'title': 'first'", f"title = {SOONER}, first_seq = least(t.first_seq, excluded.first_seq)",
        "merge := {'pct': 'max', 'low': 'min', 'title': 'first'}", "pct, low, title, first_seq",
        f"DO UPDATE SET {RANGE}, title = {SOONER}, first_seq = least(t.first_seq, excluded.first_seq)",
        "pct INTEGER, low INTEGER, title VARCHAR, first_seq UBIGINT", lambda events: (*MOST(events), events[0].title, events[0].seq)),
    Row("anything that SQL can aggregate", "keep := 'all'", "for each aggregate", "keep := 'all'",
        "max(pct) AS pct, min(low) AS low, max_by(title, seq) AS title, max(seq) AS seq",
        f"DO UPDATE SET {RANGE}, title = {LATER}, seq = greatest(t.seq, excluded.seq)",
        "pct INTEGER, low INTEGER, title VARCHAR, seq UBIGINT", lambda events: (*MOST(events), events[-1].title, events[-1].seq)),
]


class Parts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        fill(URL, "stream name=S subjects=s")
        cls.checkpoints = []
        with connect() as database:
            for portion in range(PORTIONS + 1):
                if portion:
                    fill(URL, f"messages stream=S subject=s first={(portion - 1) * PORTION + 1} count={PORTION} payload='{PAYLOAD}'")
                cls.checkpoints += database.execute(f"SELECT nats_checkpoint('S', '{URL}')").fetchone()
        cls.events = defaultdict(list)
        for seq in range(1, COUNT + 1):
            cls.events[Event(seq).key].append(Event(seq))

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.random = random.Random(SEED)

    def cuts(self, end: int) -> list[tuple[int, int]]:
        """Parts of 0 to `end`, some of them empty, as pairs of where each begins and ends."""
        inner = sorted(self.random.choices(range(end + 1), k=self.random.randrange(0, 9)))
        return list(zip([0, *inner], [*inner, end]))

    def by_sequence(self) -> list[str]:
        return [f"start_seq := {first + 1}, end_seq := {last}" for first, last in self.cuts(COUNT)]

    def by_checkpoint(self) -> list[str]:
        named = lambda at: f"'{self.checkpoints[at]}'"
        return [f"after := {named(first) if first else 'NULL'}, upto := {named(last)}" for first, last in self.cuts(PORTIONS)]

    def check(self, row: Row, parts: list[str]) -> None:
        """Some parts are rolled back before they come, and some come twice; in any order, where the row bears that."""
        parts = [part for part in parts for _ in range(self.random.choice((1, 1, 2)))]
        if not row.in_order:
            self.random.shuffle(parts)
        self.database.execute(f"CREATE OR REPLACE TABLE t (correlation_key VARCHAR PRIMARY KEY, {row.columns})")
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
        for part in parts:
            read = f"nats_ingest('S', url := '{URL}', {part}, correlation_key := '{{key}}', columns := {{{columns}}}, {row.arguments})"
            group = "GROUP BY correlation_key" if row.arguments == "keep := 'all'" else ""
            write = f"INSERT INTO t BY NAME SELECT correlation_key, {row.select} FROM {read} {group} ON CONFLICT (correlation_key) {row.conflict}"
            if self.random.random() < 0.2:
                self.database.execute("BEGIN")
                self.database.execute(write)
                self.database.execute("ROLLBACK")
            self.database.execute(write)
        expected = sorted((key, *row.truth(events)) for key, events in self.events.items())
        self.assertEqual(self.database.execute("FROM t ORDER BY correlation_key").fetchall(), expected, parts)

    def test_parts_by_sequence(self):
        for row in ROWS:
            for round in range(ROUNDS):
                with self.subTest(keeps=row.keeps, round=round):
                    self.check(row, self.by_sequence())

    def test_parts_by_checkpoint(self):
        for row in ROWS:
            for round in range(ROUNDS):
                with self.subTest(keeps=row.keeps, round=round):
                    self.check(row, self.by_checkpoint())

    def test_what_needs_merge_depends_on_the_parts_without_it(self):
        """The check above can fail: `greatest` beside the default `keep` makes another table of other parts."""
        [wrong] = [row for row in ROWS if row.keeps == "the greatest, the least"]
        wrong = Row(**{**vars(wrong), "arguments": "keep := 'first'"})
        with self.assertRaises(AssertionError):
            self.check(wrong, [f"after := NULL, upto := '{self.checkpoints[-1]}'"])

    def test_a_checkpoint_of_the_middle_bounds_what_is_merged(self):
        """`first_seq` and `last_seq` are those of the rows between the checkpoints, in one call with order_by as well."""
        after, upto = self.checkpoints[7], self.checkpoints[19]
        for arguments in ("merge := {'pct': 'max'}", "keep := 'last', order_by := 'rev'", "merge := {'pct': 'max'}, order_by := 'rev'"):
            read = f"""SELECT min(first_seq), max(last_seq), count(*) FROM nats_ingest('S', url := '{URL}', after := '{after}', upto := '{upto}',
                correlation_key := '{{key}}', columns := {{'pct': 'INTEGER', 'rev': 'INTEGER'}}, {arguments})"""
            self.assertEqual(self.database.execute(read).fetchone(), (7 * PORTION + 1, 19 * PORTION, 41), arguments)

    def test_the_documentation_has_these_rows(self):
        text = (paths.ROOT / "docs/ingest.md").read_text()
        [table] = re.findall(r"^\| the table keeps for each key .*?\n\n", text, re.MULTILINE | re.DOTALL)
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[2:]]
        self.assertEqual([keeps for keeps, _, _ in cells], [row.keeps for row in ROWS])
        for (_, call, statement), row in zip(cells, ROWS):
            self.assertIn(row.call, call)
            self.assertIn(row.statement, statement)


if __name__ == "__main__":
    unittest.main()
