"""Faults of the disk: bits of blocks and indexes that flip, blocks that are cut, overwritten or gone, on one replica or all."""

import random
import time
from pathlib import Path

from chaos.faults.fault import Dead, Fault, Happened
from chaos.model import World
from chaos.place import Kind, Place
from chaos.readers import Question
from scripts.nats_server import ServerError

# How often every replica is hurt in the same way.
ALL_OF_TEN = 2
SECTOR = 512


def payload_bit(folder: Path, chance: random.Random, place: Place, stream: str) -> bool:
    """One bit of one payload."""
    entry = chance.choice(list(place.contents.streams[stream].values()))
    text = entry.payload[: max(1, len(entry.payload))]
    for file in sorted(folder.glob("*.blk")):
        data = bytearray(file.read_bytes())
        at = data.find(text)
        if at >= 0:
            data[at + chance.randrange(len(text))] ^= 1 << chance.randrange(8)
            file.write_bytes(data)
            return True
    return False


def any_bit(pattern: str, count: int = 1):
    """Some bits of one file."""

    def damage(folder: Path, chance: random.Random, place: Place, stream: str) -> bool:
        file = one_of(folder, pattern, chance)
        if file is None:
            return False
        data = bytearray(file.read_bytes())
        for _ in range(count):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        return True

    return damage


def cut(folder: Path, chance: random.Random, place: Place, stream: str) -> bool:
    """A block without its end."""
    file = one_of(folder, "*.blk", chance)
    if file is None:
        return False
    data = file.read_bytes()
    file.write_bytes(data[: chance.choice([0, len(data) - 1, chance.randrange(len(data))])])
    return True


def overwritten(folder: Path, chance: random.Random, place: Place, stream: str) -> bool:
    """A sector of zeros in a block."""
    file = one_of(folder, "*.blk", chance)
    if file is None:
        return False
    data = bytearray(file.read_bytes())
    at = chance.randrange(len(data)) // SECTOR * SECTOR
    end = min(at + SECTOR, len(data))
    data[at:end] = bytes(end - at)
    file.write_bytes(data)
    return True


def gone(pattern: str):
    """A file that is not there any more."""

    def damage(folder: Path, chance: random.Random, place: Place, stream: str) -> bool:
        file = one_of(folder, pattern, chance)
        if file is None:
            return False
        file.unlink()
        return True

    return damage


def one_of(folder: Path, pattern: str, chance: random.Random) -> Path | None:
    files = [file for file in sorted(folder.glob(pattern)) if file.stat().st_size]
    return chance.choice(files) if files else None


def at_rest(damage):
    """Servers end, files are damaged, servers start; then the question."""

    def beside(place: Place, chance: random.Random, question: Question) -> Happened:
        holders = place.holds(question.stream)
        victims = holders if chance.randrange(10) < ALL_OF_TEN else [chance.choice(holders)]
        ends = chance.choice(["kill", "stop"])
        met, seed = False, chance.randrange(1 << 32)
        for name in victims:
            getattr(place.servers[name], ends)()
        for name in victims:
            [folder] = place.servers[name].store.glob(f"jetstream/$G/streams/{question.stream}/msgs")
            # The same on each: a message that one replica has is not lost.
            met |= damage(folder, random.Random(seed), place, question.stream)
        for name in victims:
            try:
                place.servers[name].start()
            except ServerError:
                # nats-server 2.15.1 does, over some bits of a block: it reads without end.
                place.servers[name].kill()
                raise Dead from None
        place.leader(question.stream)
        if place.cluster:
            time.sleep(chance.choice([0, 0.5]))
        worlds = [place.world(question.stream), place.declared(question.stream)]
        answer = question.ask()

        def afterwards(asked: Question) -> list[World]:
            return [*(worlds if asked is question else ()), place.world(asked.stream), place.declared(asked.stream)]

        return Happened(met, answer, afterwards)

    return beside


def on_disk(kind: Kind) -> bool:
    return kind.storage == "file"


FAULTS = tuple(
    Fault(name, at_rest(damage), on_disk, lasting=True)
    for name, damage in {
        "bit of a payload": payload_bit,
        "bit of a block": any_bit("*.blk"),
        "bits of a block": any_bit("*.blk", 8),
        "block cut": cut,
        "sector of a block": overwritten,
        "block gone": gone("*.blk"),
        "bit of an index": any_bit("index.db"),
        "index gone": gone("index.db"),
    }.items()
)
