"""Damage to the files of a stopped server's streams, as a disk does it."""

from pathlib import Path


# Behind the length of a subject in front of the message: a bit of it makes the subject this much longer.
BEHIND = 32


def lengthen_subject(store: Path, subject: bytes, payload: bytes) -> None:
    """Moves the end of one message's subject into its payload, which no checksum of the block notices; the server must not run."""
    for file in sorted(store.rglob("*.blk")):
        data = bytearray(file.read_bytes())
        place = data.find(subject + payload)
        if place >= 0:
            # Two bytes in front of the subject are its length (filestore.go).
            assert int.from_bytes(data[place - 2 : place], "little") == len(subject) < BEHIND
            data[place - 2] += BEHIND
            file.write_bytes(data)
            return
    raise AssertionError(f"not in any block: {payload!r}")


def flip(store: Path, *texts: bytes) -> None:
    """Flips one bit of each text, where it stands in a block of messages; the server must not run."""
    left = set(texts)
    for file in sorted(store.rglob("*.blk")):
        data = bytearray(file.read_bytes())
        for text in list(left):
            place = data.find(text)
            if place >= 0:
                data[place] ^= 1
                left.discard(text)
        file.write_bytes(data)
    assert not left, f"not in any block: {left}"
