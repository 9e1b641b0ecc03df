"""What a fault is, for the runs: how it happens beside a read, and which histories an answer to it may be exact for."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaos.model import Answer, World
from chaos.place import Kind, Place
from chaos.readers import Question


class Dead(Exception):
    """The fault ended a server for good: there is nothing left to ask, and the round is over."""


Worlds = Callable[[Question], Sequence[World]]


@dataclass(frozen=True)
class Happened:
    """One fault: whether it happened, what was answered, and what an answer may be exact for: this
    one, and one to a question afterwards."""

    met: bool
    answer: Answer
    worlds: Worlds


@dataclass(frozen=True)
class Fault:
    """A kind of fault. `beside(place, chance, question)` lets it happen while the question is answered.

    `lasting`: it leaves the streams other than they were: they are made anew after some questions more. `prepare` makes a place
    ready for it, before there is a question.
    """

    name: str
    beside: Callable[[Place, random.Random, Question], Happened]
    possible: Callable[[Kind], bool] = field(default=lambda kind: True)
    lasting: bool = False
    prepare: Callable[[Place], None] = field(default=lambda place: None)


def unchanged(place: Place) -> Worlds:
    """The streams stay what they are."""
    return lambda question: [place.world(question.stream)]


def at_a_frame(place: Place, chance: random.Random, question: Question, action=lambda: None, rule=None, most: int | None = None):
    """Asks, and lets `action` happen when a frame by chance comes by; whether it came, and the answer.

    Early frames are the likelier, as faults are rarer that meet a read in its first steps.
    """
    last = most or question.frames + 4
    at = 1 + int(last * chance.random() ** 2)
    place.tap.arm(at, action, *([rule] if rule else []))
    answer = question.ask()
    reached, failed = place.tap.wait()
    place.tap.disarm()
    if failed:
        raise failed
    return reached, answer


def for_a_while(place: Place, chance: random.Random, question: Question, begin, end, seconds: tuple[float, float]):
    """Asks; `begin` happens at a frame by chance, and `end` so long after it. Both have happened when this returns what
    `at_a_frame` does."""
    ending = []

    def action():
        begin()
        ending.append(later(chance.uniform(*seconds), end))

    met, answer = at_a_frame(place, chance, question, action)
    for thread in ending:
        thread.join()
    return met, answer


def later(seconds: float, action: Callable[[], None]) -> threading.Thread:
    """Does something after a while, beside everything else; the caller joins it."""

    def run():
        waited.wait(seconds)
        action()

    waited = threading.Event()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread
