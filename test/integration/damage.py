"""Damage to the files of a stopped server's streams, as a disk does it."""

from pathlib import Path


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
