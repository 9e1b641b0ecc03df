"""The streams of a place: a stream S with two checkpoints, a bucket K, an object store O; every message known."""

import base64
import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import datetime

from chaos.model import Entries, Entry
from fixtures.wire import Message, Wire

COUNT = 1500
SUBJECTS = 7
KEYS = 12
# A block of the store is a quarter of it: there is more than one.
MAX_BYTES = 600_000
CHUNK = 8_000
OBJECTS = {"small.bin": 3_000, "large.bin": 60_000}
STREAMS = ("S", "KV_K", "OBJ_O")


@dataclass
class Contents:
    """What is there, by stream; what was removed, which a server that loses its notes of that gives again; the bytes of the
    objects; the checkpoints of S by the sequence with which it ended."""

    streams: dict[str, Entries]
    removed: dict[str, Entries]
    objects: dict[str, bytes]
    checkpoints: dict[int, str] = field(default_factory=dict)

    def clock(self, stream: str, times: dict[int, datetime]) -> None:
        """Takes the times at which the server stored the messages, which nothing but the server knows."""
        self.streams[stream] = {
            seq: Entry(seq, entry.subject, entry.payload, times[seq]) for seq, entry in self.streams[stream].items()
        }


def message(epoch: str, number: int) -> Message:
    """Message `number` of S; no two epochs have one in common."""
    return Message(f"s.{number % SUBJECTS}", f"{epoch}:{number}".ljust(120, ".").encode())


def configs(storage: str, replicas: int) -> list[dict]:
    """The configurations of the streams."""
    both = {"storage": storage, "num_replicas": replicas, "allow_direct": True}
    bucket = both | {"max_msgs_per_subject": 3, "allow_rollup_hdrs": True, "deny_delete": True, "discard": "new"}
    return [
        both | {"name": "S", "subjects": ["s.>"], "max_bytes": MAX_BYTES},
        bucket | {"name": "KV_K", "subjects": ["$KV.K.>"]},
        both | {"name": "OBJ_O", "subjects": ["$O.O.C.>", "$O.O.M.>"], "allow_rollup_hdrs": True, "discard": "new"},
    ]


def create(wire: Wire, storage: str, replicas: int) -> None:
    """The streams, made anew and empty."""
    there = wire.request("STREAM.NAMES").get("streams") or []
    for config in configs(storage, replicas):
        if config["name"] in there:
            wire.request(f"STREAM.DELETE.{config['name']}")
        wire.request(f"STREAM.CREATE.{config['name']}", config)


def fill_stream(wire: Wire, epoch: str, first: int, last: int) -> Entries:
    """Messages `first` to `last` of S, on a stream that ends before them."""
    messages = [message(epoch, number) for number in range(first, last + 1)]
    wire.publish(messages)
    return {seq: Entry(seq, each.subject, each.payload) for seq, each in zip(range(first, last + 1), messages)}


def delete(wire: Wire, seqs: list[int]) -> None:
    """Deletes these messages of S."""
    list(wire.requests(Message("$JS.API.STREAM.MSG.DELETE.S", json.dumps({"seq": seq}).encode()) for seq in seqs))


def fill_bucket(wire: Wire, epoch: str) -> tuple[Entries, Entries]:
    """Five values for each key of K, of which it keeps three: those, and the others."""
    values = [Message(f"$KV.K.k.{number % KEYS}", f"{epoch}:{number}".encode()) for number in range(5 * KEYS)]
    wire.publish(values)
    entries = [Entry(seq, each.subject, each.payload) for seq, each in enumerate(values, 1)]
    kept, pushed_out = entries[2 * KEYS :], entries[: 2 * KEYS]
    return {entry.seq: entry for entry in kept}, {entry.seq: entry for entry in pushed_out}


def fill_objects(wire: Wire, epoch: str, chance: random.Random) -> tuple[Entries, dict[str, bytes]]:
    """The objects as ADR-20 lays them out: chunks on a subject of the object's own, then what it is."""
    messages, objects = [], {}
    for name, size in OBJECTS.items():
        data = chance.randbytes(size)
        nuid = hashlib.sha256(f"{epoch}{name}".encode()).hexdigest()[:22]
        parts = [data[at : at + CHUNK] for at in range(0, size, CHUNK)]
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
        told = {
            "name": name, "bucket": "O", "nuid": nuid, "size": size, "chunks": len(parts),
            "digest": f"SHA-256={digest}", "mtime": "0001-01-01T00:00:00Z", "options": {"max_chunk_size": CHUNK},
        }
        encoded = base64.urlsafe_b64encode(name.encode()).decode()
        messages += [Message(f"$O.O.C.{nuid}", part) for part in parts]
        messages.append(Message(f"$O.O.M.{encoded}", json.dumps(told).encode(), [("Nats-Rollup", "sub")]))
        objects[name] = data
    wire.publish(messages)
    return {seq: Entry(seq, each.subject, each.payload) for seq, each in enumerate(messages, 1)}, objects
