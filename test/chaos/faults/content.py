"""Faults of the streams themselves: deleted, purged, outgrown, made anew, or put back to an older copy while they are read."""

import random
import shutil
import time
from datetime import datetime

from chaos import contents
from chaos.faults.fault import Fault, Happened, at_a_frame, unchanged
from chaos.model import Entries, Entry, World, steady, while_filled
from chaos.place import Kind, Place
from chaos.readers import Question

MORE = 300
SHORT_AGE_NS = 100_000_000
# Messages whose time nobody asked for; no bound of a question is that late.
LATE = datetime(9999, 1, 1)


def ended(place: Place, happened: tuple, left: Entries, more: Entries = {}, removes: bool = False) -> Happened:
    """S when only `left` of it is there in the end, and `more` came.

    `removes`: messages went that nobody had deleted by their sequence; a read after a checkpoint may not leave them out.
    """
    met, answer = happened
    if not met:
        return Happened(False, answer, unchanged(place))
    before = place.contents.streams["S"]

    def worlds(question: Question) -> list[World]:
        if question.stream != "S":
            return [place.world(question.stream)]
        return [World(before if removes and question.after is not None else left, before | more)]

    return Happened(True, answer, worlds)


def deleted(place: Place, chance: random.Random, question: Question) -> Happened:
    """Single messages are deleted, some of them the newest."""
    there = sorted(place.contents.streams["S"])
    doomed = chance.sample(there, chance.choice([1, 20, 200])) + there[-chance.choice([1, 3]) :]
    action = lambda: place.call(lambda wire: contents.delete(wire, sorted(set(doomed))))
    left = {seq: entry for seq, entry in place.contents.streams["S"].items() if seq not in doomed}
    return ended(place, at_a_frame(place, chance, question, action), left)


def purged(place: Place, chance: random.Random, question: Question) -> Happened:
    """The front of the stream is purged."""
    first = chance.randrange(2, contents.COUNT)
    action = lambda: place.call(lambda wire: wire.request("STREAM.PURGE.S", {"seq": first}))
    left = {seq: entry for seq, entry in place.contents.streams["S"].items() if seq >= first}
    return ended(place, at_a_frame(place, chance, question, action), left, removes=True)


def outgrown(place: Place, chance: random.Random, question: Question) -> Happened:
    """New messages push out the oldest while they are read, in step with the reader."""
    before = place.contents.streams["S"]
    update(place, {"max_msgs": len(before)})
    more = publisher(place)
    every, seen = max(1, question.frames // 8), [0]

    def rule(frame):
        seen[0] += 1
        if seen[0] % every == 0:
            more.publish(40)
        return [frame]

    place.tap.arm(rule=rule)
    answer = question.ask()
    place.tap.disarm()
    if not more.entries:
        # The read was over before anything came: the stream goes on as it was, without the limit.
        update(place, {"max_msgs": -1})
    first = place.call(lambda wire: wire.request("STREAM.INFO.S"))["state"]["first_seq"]
    left = {seq: entry for seq, entry in before.items() if seq >= first}
    return ended(place, (bool(more.entries), answer), left, more.entries, removes=True)


def growing(place: Place, chance: random.Random, question: Question) -> Happened:
    """Messages come while the stream is read."""
    more = publisher(place)
    happened = at_a_frame(place, chance, question, lambda: more.publish(MORE))
    return ended(place, happened, place.contents.streams["S"], more.entries)


def expiring(place: Place, chance: random.Random, question: Question) -> Happened:
    """Everything expires from one moment on."""

    def action():
        update(place, {"max_age": SHORT_AGE_NS, "duplicate_window": SHORT_AGE_NS})
        time.sleep(chance.uniform(0, 0.2))

    return ended(place, at_a_frame(place, chance, question, action), {}, removes=True)


class publisher:
    """Publishes to S behind its end, and knows what."""

    def __init__(self, place: Place):
        self.place, self.entries = place, {}

    def publish(self, count: int) -> None:
        last = self.place.call(lambda wire: wire.request("STREAM.INFO.S"))["state"]["last_seq"]
        new = self.place.call(lambda wire: contents.fill_stream(wire, f"{self.place.epoch}+", last + 1, last + count))
        self.entries |= {seq: Entry(seq, entry.subject, entry.payload, LATE) for seq, entry in new.items()}


def update(place: Place, change: dict) -> None:
    config = place.call(lambda wire: wire.request("STREAM.INFO.S"))["config"]
    place.call(lambda wire: wire.request("STREAM.UPDATE.S", config | change))


def made_anew(place: Place, chance: random.Random, question: Question) -> Happened:
    """The streams are deleted and made anew, with as many other messages."""
    old = {stream: place.world(stream) for stream in contents.STREAMS}
    happened = at_a_frame(place, chance, question, place.renew)
    if not happened[0]:
        return Happened(False, happened[1], unchanged(place))
    worlds = [old[question.stream]]
    if question.after is None and question.upto is None:
        worlds.append(place.world(question.stream))
    if question.by_consumer:
        new, removed = place.contents.streams["S"], place.contents.removed["S"]
        worlds += [while_filled(new, removed, made, happened[1].rows) for made in made_consumers(place)]
    return Happened(True, happened[1], lambda _: worlds)


def made_consumers(place: Place) -> list[datetime]:
    """When the consumers of S were made, in UTC as the times of messages are."""
    consumers = place.call(lambda wire: wire.request("CONSUMER.LIST.S")).get("consumers") or []
    return [datetime.fromisoformat(consumer["created"][:26].rstrip("Z")) for consumer in consumers]


def removed(place: Place, chance: random.Random, question: Question) -> Happened:
    """The stream is deleted."""
    action = lambda: place.call(lambda wire: wire.request(f"STREAM.DELETE.{question.stream}"))
    met, answer = at_a_frame(place, chance, question, action)
    return Happened(met, answer, unchanged(place))


def put_back(goes_on: bool):
    """The server's store is replaced by an older copy, which goes on with other messages or does not."""

    def beside(place: Place, chance: random.Random, question: Question) -> Happened:
        server = place.servers["one"]
        newer = place.contents.streams["S"]
        older = {seq: entry for seq, entry in newer.items() if seq <= place.backup_ends}
        other = {}

        def action():
            server.stop()
            shutil.rmtree(server.store)
            shutil.copytree(place.backup, server.store)
            server.start()
            if goes_on:
                more = publisher(place)
                more.place.epoch += "other"
                more.publish(MORE + 50)
                other.update(more.entries)

        met, answer = at_a_frame(place, chance, question, action)

        def worlds(question: Question) -> list[World]:
            if question.stream != "S":
                return [place.world(question.stream)]
            # A checkpoint in the past that both have in common stands for either.
            common = all(bound is None or bound <= place.backup_ends for bound in (question.after, question.upto))
            return [steady(newer), steady(older | other)] if met and common else [steady(newer)]

        return Happened(met, answer, worlds)

    return beside


def take_backup(place: Place) -> None:
    """A copy of the store; then more messages, and a checkpoint of the new end."""
    server = place.servers["one"]
    place.backup, place.backup_ends = server.store.with_name("backup"), max(place.contents.checkpoints)
    server.stop()
    shutil.rmtree(place.backup, ignore_errors=True)
    shutil.copytree(server.store, place.backup)
    server.start()
    place.grow(MORE)


def one_file(kind: Kind) -> bool:
    return kind.servers == 1 and kind.storage == "file"


FAULTS = (
    Fault("messages deleted", deleted, lasting=True),
    Fault("purged", purged, lasting=True),
    Fault("retention races", outgrown, lasting=True),
    Fault("growing", growing, lasting=True),
    Fault("expiring", expiring, lasting=True),
    Fault("made anew", made_anew),
    Fault("stream deleted", removed, lasting=True),
    Fault("older copy of the store", put_back(False), one_file, True, take_backup),
    Fault("older copy that went on", put_back(True), one_file, True, take_backup),
)
