"""make mutants: plants faults into the rooms without I/O, one at a time, and lists those that no unit test notices.

The rooms are copied into a crate of their own, build/mutants/crate, which builds in a second where the whole extension
takes a minute. Arguments go on to cargo-mutants: `python3 -m scripts.mutants --file src/plan/range.rs --shard 1/4`.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import paths

FOLDER = paths.ROOT / "build" / "mutants"
CRATE = FOLDER / "crate"
ROOMS = ("calendar.rs", "codec", "column", "document.rs", "error", "plan", "predicate.rs", "record.rs", "value.rs")
WIRE_ROOM = "wire"
# The readers of frames and header blocks, which need nothing else of their room.
WIRE = ("reply_headers.rs", "frame.rs")
# What those rooms may not know.
LEFT_OUT = (
    "async-nats", "duckdb", "duckdb-loadable-macros", "duckdb-neo", "futures-util", "libduckdb-sys", "nkeys", "rustls-native-certs",
    "tokio", "tokio-rustls",
)
LIBRARY = "#![allow(dead_code)]\n#[cfg(test)]\nmod testing;\n"
SETTINGS = """# Texts for users, and tests.
exclude_globs = ["**/tests.rs", "**/tests/**", "**/*_tests.rs", "**/testing.rs", "**/testing/**"]
exclude_re = ["impl (fmt::)?(Display|Debug)", "expecting"]
minimum_test_timeout = 20
"""


def manifest() -> str:
    """The crate's Cargo.toml: the extension's package and dependencies, without those of the other rooms."""
    text = (paths.ROOT / "Cargo.toml").read_text()
    package, dependencies = re.search(r"(\[package\].*?)\n\[lib\].*?(\[dependencies\].*?)\n\n", text, re.DOTALL).groups()
    kept = [line for line in dependencies.splitlines() if line.split(" ")[0] not in LEFT_OUT]
    tests = [line for line in text.splitlines() if line.startswith("proptest = ")]
    return "\n".join([package, *kept, "", "[dev-dependencies]", *tests, "", "# Tests that play thousands of reads run many times.", "[profile.dev]", "debug = false", "opt-level = 1", ""])


def named_by(room: str) -> set[str]:
    """The rooms that a room's files name, and those that these name."""
    rooms, seen = {room}, set()
    while new := rooms - seen:
        seen |= new
        origins = [paths.ROOT / "src" / name for name in new]
        files = [file for origin in origins for file in (origin.rglob("*.rs") if origin.is_dir() else [origin])]
        names = {name for file in files for name in re.findall(r"crate::(\w+)", file.read_text())}
        rooms |= {room for room in ROOMS if room.removesuffix(".rs") in names}
    return rooms


def rooms_of(patterns: list[str]) -> list[str]:
    """The rooms that the faults of some files need: those of one room build faster alone."""
    rooms = {"".join(Path(pattern).parts[1:2]) for pattern in patterns}
    if len(rooms) != 1 or not rooms <= set(ROOMS):
        return [*ROOMS, WIRE_ROOM]
    return sorted(named_by(*rooms))


def copy(rooms: list[str]) -> None:
    """Makes the crate anew; what was built of its dependencies stays."""
    shutil.rmtree(CRATE, ignore_errors=True)
    source = CRATE / "src"
    source.mkdir(parents=True)
    for room in rooms:
        if room == WIRE_ROOM:
            copy_wire(source)
            continue
        origin = paths.ROOT / "src" / room
        (shutil.copytree if origin.is_dir() else shutil.copy)(origin, source / room)
    shutil.copytree(paths.ROOT / "src" / "testing", source / "testing")
    (source / "lib.rs").write_text(LIBRARY + "".join(f"pub mod {room.removesuffix('.rs')};\n" for room in rooms))
    (CRATE / "Cargo.toml").write_text(manifest())
    shutil.copy(paths.ROOT / "Cargo.lock", CRATE)
    (CRATE / ".cargo").mkdir()
    (CRATE / ".cargo" / "mutants.toml").write_text(SETTINGS)
    # Files that the tests of these rooms read.
    for data in ("docs/errors.md", "test/protobuf", "test/corpus"):
        target = CRATE / data
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (paths.ROOT / data).is_dir() else shutil.copy)(paths.ROOT / data, target)


def copy_wire(source: Path) -> None:
    """Copies those files of the room of the wire that need nothing else of it."""
    (source / WIRE_ROOM).mkdir()
    for file in WIRE:
        shutil.copy(paths.ROOT / "src" / "jetstream" / "wire" / file, source / WIRE_ROOM / file)
    (source / WIRE_ROOM / "mod.rs").write_text("mod frame;\nmod reply_headers;\n")


def main() -> int:
    files = [value for name, value in zip(sys.argv, sys.argv[1:]) if name == "--file"]
    copy(rooms_of(files))
    environment = os.environ | {"CARGO_TARGET_DIR": str(FOLDER / "target")}
    command = ["cargo", "mutants", "--in-place", "--no-shuffle", "--output", str(FOLDER), *sys.argv[1:]]
    return subprocess.run(command, cwd=CRATE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
