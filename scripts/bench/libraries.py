"""What only the benchmark needs: Python libraries that it compares with, and the program with the Rust baselines."""

import hashlib
import json
import subprocess

from scripts import paths, tools

REQUIREMENTS = paths.ROOT / "scripts" / "bench" / "requirements.txt"


def python() -> tools.Tool:
    """pandas; put its folder on PYTHONPATH."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return tools.Tool(
        "bench-libraries", f"{tools.ABI} {digest}",
        lambda folder: tools.pip("--only-binary", ":all:", "--target", folder, "--requirement", REQUIREMENTS),
    )


def baselines() -> str:
    """The program with the other ways to read and write, built."""
    built = subprocess.run(
        ["cargo", "build", "--locked", "--release", "--bench", "baselines", "--message-format=json"],
        check=True, stdout=subprocess.PIPE, text=True, cwd=paths.ROOT,
    )
    programs = [json.loads(line).get("executable") for line in built.stdout.splitlines() if '"baselines"' in line]
    return next(program for program in programs if program)
