"""Rounds of faults and questions. A round is fixed by its seed: what is started, what breaks when, what is asked.

What is not fixed is how far servers and reader are at that moment; a record of a wrong answer therefore has the stores, too.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos import record
from chaos.faults import FAULTS
from chaos.faults.fault import Dead, Fault
from chaos.model import ERROR, HIDDEN, WRONG, Answer, World, classify, with_deleted, with_moved
from chaos.place import Kind, Place
from chaos.readers import READERS, Question

# How many faults a server bears before another is started.
FAULTS_A_ROUND = 150
# Questions after a fault that lasts, while it lasts.
QUESTIONS_AFTER = 3
# How much likelier a fault is that leaves the streams as they are.
SHORT = 5
NONE = "none"

SERVERS = ("2.10.26", "2.12.8", "2.15.1")
KINDS = (
    *(Kind(version, 1, storage, 1) for version in SERVERS for storage in ("file", "memory")),
    *(Kind(version, 3, "file", 3) for version in SERVERS),
    *(Kind(SERVERS[-1], 3, storage, replicas) for storage, replicas in (("memory", 3), ("file", 1), ("memory", 1))),
)


@dataclass
class Tally:
    """What came of it all: answers by fault, reader and verdict, and the faults that happened."""

    answers: Counter = field(default_factory=Counter)
    faults: Counter = field(default_factory=Counter)
    kinds: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    wrong: list[Path] = field(default_factory=list)


@dataclass
class Round:
    """One place, and what happens to it."""

    seed: int
    kind: Kind
    tally: Tally
    # No fault begins later, counted from when the place is ready.
    seconds: float
    most: int = FAULTS_A_ROUND
    faults: Sequence[Fault] = FAULTS
    schedule: list[str] = field(default_factory=list)

    def run(self) -> None:
        chance = random.Random(f"{self.seed} {self.kind.name}")
        with Place(self.kind, chance) as place:
            until = time.monotonic() + self.seconds
            possible = [fault for fault in self.faults if fault.possible(self.kind)]
            order: list[Fault] = []
            while len(self.schedule) < self.most and time.monotonic() < until:
                if not order:
                    order = chance.sample(possible * SHORT, len(possible) * SHORT)
                    order = [fault for number, fault in enumerate(order) if not fault.lasting or fault not in order[:number]]
                fault = order.pop()
                try:
                    self._one(place, fault, random.Random(chance.randrange(1 << 64)))
                except Dead:
                    self.tally.faults[fault.name] += 1
                    self.tally.kinds[self.kind.name] += 1
                    self.tally.answers[fault.name, "none: the server does not start", ERROR] += 1
                    return

    def _one(self, place: Place, fault: Fault, chance: random.Random) -> None:
        fault.prepare(place)
        question = chance.choice(READERS)(place, chance)
        self.schedule.append(f"{fault.name}: {question.reader}")
        happened = fault.beside(place, chance, question)
        name = fault.name if happened.met else NONE
        self._judge(place, name, question, happened.answer, happened.worlds(question))
        if happened.met:
            self.tally.faults[fault.name] += 1
            self.tally.kinds[self.kind.name] += 1
        if not fault.lasting:
            return
        for _ in range(QUESTIONS_AFTER if happened.met else 0):
            question = chance.choice(READERS)(place, chance)
            before = happened.worlds(question)
            answer = question.ask()
            self._judge(place, name, question, answer, [*before, *happened.worlds(question)], rested=True)
        if happened.met:
            place.renew()

    def _judge(self, place: Place, fault: str, question: Question, answer, worlds, rested: bool = False) -> None:
        if rested and self._is_behind(place, question):
            # What a checkpoint stands for is gone: whatever rows there are, they are not an answer.
            worlds = []
        verdict = classify(answer, question.fits, worlds)
        if verdict == WRONG and question.by_consumer and place.cluster:
            removed = place.contents.removed.get(question.stream, {})
            verdict = classify(answer, question.fits, [with_deleted(world, removed) for world in worlds])
        if verdict == WRONG:
            moved = place.moved(question.stream)
            verdict = classify(answer, question.fits, [with_moved(world, moved) for world in worlds]) if moved else verdict
        if verdict == WRONG and (question.filtered or question.newest) and self._hides_damage(place, question, answer, worlds):
            verdict = HIDDEN
        self.tally.answers[fault, question.reader, verdict] += 1
        if verdict == ERROR:
            self.tally.errors[fault, answer.error.splitlines()[0][:150]] += 1
        if verdict == WRONG:
            folder = record.keep(self.seed, len(self.schedule), place, fault, question, answer, worlds, self.schedule)
            self.tally.wrong.append(folder)
            print(f"WRONG {self.kind.name}; {fault}; {question.reader}: {folder}", file=sys.stderr, flush=True)

    @staticmethod
    def _hides_damage(place: Place, question: Question, answer: Answer, worlds: Sequence[World]) -> bool:
        """Whether all that an answer lacks are messages that the server cannot give to anybody; of the newest, those that it passes over."""
        hidden = lambda entry: place.is_unreadable(question.stream, entry.seq) and (question.filtered or place.passes_over(question.stream, entry))
        got = {row[0] for row in answer.rows}
        for world in worlds:
            missing = {seq: entry for seq, entry in world.must.items() if seq not in got}
            # One that is missing and matches: with it, the answer is no answer for a world without the others.
            others = lambda seq: World({s: e for s, e in world.must.items() if s in got or s == seq}, world.may)
            lacking = [seq for seq in missing if not question.fits(others(seq), answer.rows)]
            given = World({s: e for s, e in world.must.items() if s not in lacking}, world.may)
            if lacking and question.fits(given, answer.rows) and all(hidden(missing[seq]) for seq in lacking):
                return True
        return False

    @staticmethod
    def _is_behind(place: Place, question: Question) -> bool:
        """Whether the stream ends before a checkpoint that bounds the question."""
        bound = max(question.after or 0, question.upto or 0)
        if not bound:
            return False
        try:
            return place.call(lambda wire: wire.request("STREAM.INFO.S"))["state"]["last_seq"] < bound
        except Exception:
            return True
