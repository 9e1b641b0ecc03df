"""Turns the compiled library into files that DuckDB loads: the library and a footer that says what it is.

    python3 -m scripts.package release|debug

The footer is read from the end of the file: 256 bytes of signature (zeros: unsigned), then, going backwards, eight
fields of 32 bytes. It begins with the header of a WebAssembly custom section, so that the same layout serves there.
"""

import argparse
import platform
import sys
import tomllib
from pathlib import Path

from scripts import doors, paths
from scripts.doors import Door

FIELD_BYTES = 32
FIELD_COUNT = 8
SIGNATURE_BYTES = 256
SECTION_NAME = b"duckdb_signature"
OPERATING_SYSTEMS = {"Linux": "linux", "Darwin": "osx"}
PROCESSORS = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def leb128(number: int) -> bytes:
    """`number` as WebAssembly writes it: seven bits a byte, lowest first."""
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def field(text: str) -> bytes:
    """One field of the footer: ASCII, padded with zeros."""
    data = text.encode("ascii")
    if len(data) > FIELD_BYTES:
        raise ValueError(f"'{text}' does not fit into {FIELD_BYTES} bytes")
    return data.ljust(FIELD_BYTES, b"\0")


def footer(platform_name: str, version: str, door: Door) -> bytes:
    """What stands behind the library in an extension file."""
    magic = "4"
    fields = [magic, platform_name, door.version, version, door.abi]
    fields += [""] * (FIELD_COUNT - len(fields))
    metadata = b"".join(field(text) for text in reversed(fields)) + bytes(SIGNATURE_BYTES)
    section = bytes([len(SECTION_NAME)]) + SECTION_NAME + leb128(len(metadata)) + metadata
    return b"\0" + leb128(len(section)) + section


def machine() -> str:
    """DuckDB's name for the platform of this machine."""
    return f"{OPERATING_SYSTEMS[platform.system()]}_{PROCESSORS[platform.machine()]}"


def platforms() -> list[str]:
    """The names under which DuckDBs on this machine ask for an extension: wheels of 1.2 have one of their own."""
    own = machine()
    return [own, "linux_amd64_gcc4"] if own == "linux_amd64" else [own]


def library(profile: str) -> Path:
    """The library that cargo built."""
    suffix = "dylib" if platform.system() == "Darwin" else "so"
    return paths.ROOT / "target" / profile / f"lib{paths.EXTENSION}.{suffix}"


def version() -> str:
    """The version of Cargo.toml as DuckDB shows it."""
    manifest = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())
    return f"v{manifest['package']['version']}"


def write(code: bytes, platform_name: str, door: Door, out: Path) -> None:
    """Writes `out` whole or not at all: a host that has the old file open keeps it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".partial")
    partial.write_bytes(code + footer(platform_name, version(), door))
    partial.replace(out)
    print(f"{out.relative_to(paths.ROOT)}: {platform_name}, {version()}, {door.abi} {door.version}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("profile", choices=["release", "debug"])
    profile = arguments.parse_args().profile
    source = library(profile)
    if not source.exists():
        sys.exit(f"{source} does not exist: run 'make {profile}'")
    code = source.read_bytes()
    for name in platforms():
        write(code, name, doors.V1, paths.extension(profile, name))
    write(code, machine(), doors.V2, paths.extension(profile, machine(), doors.V2.folder))


if __name__ == "__main__":
    main()
