"""Faults between server and reader: frames that are lost, doubled, late or in another order, and connections that break."""

import random
from datetime import timedelta

from chaos.faults.fault import Fault, Happened, at_a_frame, later, unchanged
from chaos.place import Place
from chaos.readers import Question
from integration.proxy import headers, stamped

HOLD_SECONDS = (0.05, 0.7)
# What bounds of time allow a store time to step back by.
STEP_SECONDS = 59


def by_rule(make):
    """A fault of frames: `make(chance)` gives a rule, and a list that says in the end whether it did anything."""

    def beside(place: Place, chance: random.Random, question: Question) -> Happened:
        rule, done = make(chance, question)
        _, answer = at_a_frame(place, chance, question, rule=rule)
        return Happened(bool(done), answer, unchanged(place))

    return beside


def one_of(chance: random.Random, question: Question) -> int:
    return 1 + int((question.frames + 4) * chance.random() ** 2)


def counting(at: int, change):
    """A rule that changes frame number `at`."""
    seen, done = [0], []

    def rule(frame: bytes):
        seen[0] += 1
        if seen[0] != at:
            return [frame]
        done.append(at)
        return change(frame)

    return rule, done


def lost(chance, question):
    return counting(one_of(chance, question), lambda frame: [])


def some_lost(chance, question):
    part, done = chance.choice([0.003, 0.02]), []

    def rule(frame):
        if chance.random() < part:
            done.append(1)
            return []
        return [frame]

    return rule, done


def doubled(chance, question):
    return counting(one_of(chance, question), lambda frame: [frame, frame])


def statuses_lost(chance, question):
    """The frame that ends a batch."""
    done = []

    def rule(frame):
        if headers(frame).get("status", "").startswith(("204", "404")) and not done:
            done.append(1)
            return []
        return [frame]

    return rule, done


def swapped(chance, question):
    """A frame comes some frames too late."""
    at, by = one_of(chance, question), chance.choice([1, 3, 40])
    seen, held, done = [0], [], []

    def rule(frame):
        seen[0] += 1
        if seen[0] == at:
            # Where too few follow, it is lost.
            done.append(1)
            held.append(frame)
            return []
        if held and seen[0] == at + by:
            return [frame, held.pop()]
        return [frame]

    return rule, done


def hung_up(chance, question):
    return counting(one_of(chance, question), lambda frame: None)


def hung_up_again(chance, question):
    """The connection breaks again and again."""
    every, seen, done = max(20, question.frames // 3), [0], []

    def rule(frame):
        seen[0] += 1
        if seen[0] % every == 0 and len(done) < 3:
            done.append(1)
            return None
        return [frame]

    return rule, done


def cut_in_a_frame(chance, question):
    """The connection breaks in the middle of a message."""

    def part(frame):
        yield frame[: chance.randrange(1, len(frame))]
        # Ends the connection right behind the part.
        raise OSError("cut")

    return counting(one_of(chance, question), part)


def all_connections(place: Place, chance: random.Random, question: Question) -> Happened:
    """Every connection through the proxies breaks at once."""

    def action():
        for proxy in place.proxies.values():
            proxy.hang_up()

    met, answer = at_a_frame(place, chance, question, action)
    return Happened(met, answer, unchanged(place))


def partition(place: Place, chance: random.Random, question: Question) -> Happened:
    """Nothing passes between reader and servers for a while; connections stay open."""
    pending = []

    def action():
        place.tap.hold()
        pending.append(later(chance.uniform(*HOLD_SECONDS), place.tap.release))

    met, answer = at_a_frame(place, chance, question, action)
    for thread in pending:
        thread.join()
    return Happened(met, answer, unchanged(place))


def clock_steps(place: Place, chance: random.Random, question: Question) -> Happened:
    """Stored times go back, twice, by less than a minute, as leaders with different clocks store."""
    first, second = sorted(chance.sample(range(1, question.frames + 2), 2)) if question.frames > 2 else (1, 2)
    back = timedelta(seconds=chance.randrange(1, STEP_SECONDS + 1))
    entries = place.contents.streams["S"]

    def skew(entry):
        return type(entry)(entry.seq, entry.subject, entry.payload, entry.time - (back if first <= entry.seq < second else timedelta()))

    times = {seq: skew(entry).time.isoformat() + "Z" for seq, entry in entries.items()} if question.stream == "S" else {}
    done = []

    def rule(frame):
        found = headers(frame).get("Nats-Sequence")
        known = times.get(int(found)) if found else None
        if known is None or headers(frame).get("Nats-Stream") != "S":
            return [frame]
        done.append(1)
        return [stamped(frame, lambda seq: known)]

    place.tap.arm(rule=rule)
    answer = question.ask()
    place.tap.disarm()
    skewed = lambda world: world.changed(skew) if question.stream == "S" else world
    return Happened(bool(done), answer, lambda _: [skewed(place.world(question.stream))])


FAULTS = (
    Fault("frame lost", by_rule(lost)),
    Fault("frames lost", by_rule(some_lost)),
    Fault("status lost", by_rule(statuses_lost)),
    Fault("frame doubled", by_rule(doubled)),
    Fault("frames in another order", by_rule(swapped)),
    Fault("connection broken", by_rule(hung_up)),
    Fault("connection broken thrice", by_rule(hung_up_again)),
    Fault("connection broken in a message", by_rule(cut_in_a_frame)),
    Fault("every connection broken", all_connections),
    Fault("partition from the reader", partition),
    Fault("clock steps back", clock_steps),
)
