"""Turns the compiled library into files that DuckDB loads: the library and a footer that says what it is.

    python3 -m scripts.package release|debug [--target x86_64-unknown-linux-musl]

The footer is read from the end of the file: 256 bytes of signature (zeros: unsigned), then, going backwards, eight
fields of 32 bytes. It begins with the header of a WebAssembly custom section, so that the same layout serves there.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

from scripts import doors, paths, platforms
from scripts.doors import Door
from scripts.platforms import machine

# A name is a part of the symbols that DuckDB looks for, and of the name of the file.
NAME = re.compile(r"[a-z][a-z0-9_]*")
FIELD_BYTES = 32
FIELD_COUNT = 8
SIGNATURE_BYTES = 256
SECTION_NAME = b"duckdb_signature"


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


def names(platform_name: str) -> list[str]:
    """The names under which DuckDBs of a platform ask for an extension: Python packages of 1.2 have one of their own."""
    return [platform_name, "linux_amd64_gcc4"] if platform_name == "linux_amd64" else [platform_name]


def library(profile: str, platform_name: str, target: str | None) -> Path:
    """The library that cargo built."""
    folder = paths.ROOT / "target"
    return (folder / target if target else folder) / profile / platforms.library(paths.LIBRARY, platform_name)


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
    arguments.add_argument("--target", help="one of Rust's targets, for a library that cargo built with --target")
    options = arguments.parse_args()
    if not NAME.fullmatch(paths.EXTENSION):
        sys.exit(f"'{paths.EXTENSION}' is no name of an extension: it begins with a letter, and letters, digits and '_' follow, in lower case")
    try:
        platform_name = platforms.of_target(options.target) if options.target else machine()
    except platforms.UnknownPlatform as error:
        sys.exit(str(error))
    source = library(options.profile, platform_name, options.target)
    if not source.exists():
        sys.exit(f"{source} does not exist: run 'make {options.profile}'")
    code = source.read_bytes()
    for name in names(platform_name):
        write(code, name, doors.V1, paths.extension(options.profile, name))
    # Where the registry's workflow looks for it.
    write(code, platform_name, doors.V1, paths.registry_extension(options.profile))
    write(code, platform_name, doors.V2, paths.extension(options.profile, platform_name, doors.V2.folder))


if __name__ == "__main__":
    main()
