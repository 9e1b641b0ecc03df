"""Checks that the library compiles for every platform it is built for; nothing is linked, so no foreign linker is needed.

    python3 -m scripts.cross_check [TARGET ...]

A target whose standard library cannot be had by rustup is skipped with a word. Build scripts that compile C find a stand-in
for the target's compiler: a check reads Rust alone, and what a C compiler makes would only be linked.
"""

import argparse
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts import paths

TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "x86_64-pc-windows-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
)

# Writes the file that a compiler or an archiver is asked for, empty: after -o, or the one that ends in .a.
STAND_IN = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        -o) : > "$2"; shift ;;
        *.a) : > "$1" ;;
    esac
    shift
done
"""


def stand_in(folder: Path) -> Path:
    """The program that is called instead of the target's C compiler and archiver."""
    program = folder / "cc"
    program.write_text(STAND_IN)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def installed(target: str) -> bool:
    """Whether the standard library of `target` is there, or could be had."""
    try:
        return subprocess.run(["rustup", "target", "add", target], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def check(target: str, compiler: Path) -> bool:
    """Whether the library compiles for `target`."""
    name = target.replace("-", "_")
    tools = {f"{tool}_{name}": str(compiler) for tool in ("CC", "CXX", "AR")}
    command = ["cargo", "check", "--locked", "--quiet", "--lib", "--target", target]
    return subprocess.run(command, cwd=paths.ROOT, env=os.environ | tools, check=False).returncode == 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("targets", nargs="*", default=TARGETS)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        compiler = stand_in(Path(folder))
        for target in arguments.parse_args().targets:
            if not installed(target):
                print(f"{target}: skipped, rustup cannot add it", flush=True)
            elif check(target, compiler):
                print(f"{target}: compiles", flush=True)
            else:
                failed.append(target)
                print(f"{target}: does not compile", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
