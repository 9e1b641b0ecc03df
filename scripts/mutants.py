"""make mutants: plants faults into the rooms without I/O, one at a time, and lists those that no unit test notices.

The rooms are copied into a crate of their own, build/mutants/crate, which builds in a second where the whole extension
takes a minute. Arguments go on to cargo-mutants: `python3 -m scripts.mutants --file src/plan/range.rs --shard 1/4`.
"""

import os
import re
import shutil
import subprocess
import sys

from scripts import paths

FOLDER = paths.ROOT / "build" / "mutants"
CRATE = FOLDER / "crate"
ROOMS = ("calendar.rs", "codec", "column", "document.rs", "error", "plan", "predicate.rs", "record.rs", "value.rs")
# The readers of frames and header blocks, which need nothing else of their room.
WIRE = ("reply_headers.rs", "frame.rs")
# What those rooms may not know.
LEFT_OUT = (
    "async-nats", "duckdb", "duckdb-loadable-macros", "duckdb-neo", "futures-util", "libduckdb-sys", "nkeys", "rustls-native-certs",
    "tokio", "tokio-rustls",
)
LIBRARY = "#![allow(dead_code)]\n#[cfg(test)]\nmod testing;\n" + "".join(f"pub mod {room.removesuffix('.rs')};\n" for room in ROOMS) + "mod wire;\n"
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


def copy() -> None:
    """Makes the crate anew; what was built of its dependencies stays."""
    shutil.rmtree(CRATE, ignore_errors=True)
    source = CRATE / "src"
    source.mkdir(parents=True)
    for room in ROOMS:
        origin = paths.ROOT / "src" / room
        (shutil.copytree if origin.is_dir() else shutil.copy)(origin, source / room)
    shutil.copytree(paths.ROOT / "src" / "testing", source / "testing")
    (source / "wire").mkdir()
    for file in WIRE:
        shutil.copy(paths.ROOT / "src" / "jetstream" / "wire" / file, source / "wire" / file)
    (source / "wire" / "mod.rs").write_text("mod frame;\nmod reply_headers;\n")
    (source / "lib.rs").write_text(LIBRARY)
    (CRATE / "Cargo.toml").write_text(manifest())
    shutil.copy(paths.ROOT / "Cargo.lock", CRATE)
    (CRATE / ".cargo").mkdir()
    (CRATE / ".cargo" / "mutants.toml").write_text(SETTINGS)
    # Files that the tests of these rooms read.
    for data in ("docs/errors.md", "test/protobuf", "test/corpus"):
        target = CRATE / data
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (paths.ROOT / data).is_dir() else shutil.copy)(paths.ROOT / data, target)


def main() -> int:
    copy()
    environment = os.environ | {"CARGO_TARGET_DIR": str(FOLDER / "target")}
    command = ["cargo", "mutants", "--in-place", "--no-shuffle", "--output", str(FOLDER), *sys.argv[1:]]
    return subprocess.run(command, cwd=CRATE, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
