"""Damage to the files of a stopped server's streams, as a disk does it."""

from pathlib import Path


# What a disk loses at once, in bytes.
SECTOR = 512
# The bit that lengthen_subject sets in the length of a subject.
LONGER = 32


def block_with(store: Path, text: bytes) -> tuple[Path, bytearray, int]:
    """The block of messages that holds a text, its bytes, and where the text begins in it."""
    for file in sorted(store.rglob("*.blk")):
        data = bytearray(file.read_bytes())
        place = data.find(text)
        if place >= 0:
            return file, data, place
    raise AssertionError(f"not in any block: {text!r}")


def lengthen_subject(store: Path, subject: bytes, payload: bytes) -> None:
    """Makes the subject of one message longer by a part of its payload, which no checksum of the block notices; the server must not run."""
    file, data, place = block_with(store, subject + payload)
    # Two bytes in front of the subject are its length (filestore.go).
    assert int.from_bytes(data[place - 2 : place], "little") == len(subject) < LONGER
    data[place - 2] |= LONGER
    file.write_bytes(data)


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


def zero_sector(store: Path, text: bytes) -> None:
    """Fills the sector of a block in which a text begins with zeros; the server may run."""
    file, data, place = block_with(store, text)
    start = place // SECTOR * SECTOR
    end = min(start + SECTOR, len(data))
    data[start:end] = bytes(end - start)
    file.write_bytes(data)
