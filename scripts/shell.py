"""The DuckDB shell with the built extension in it."""

import os
from pathlib import Path

from scripts import matrix, package, paths, tools


def command(profile: str, *options: str, version: str = matrix.CLI) -> list[str | Path]:
    """How the shell is started: with these options, no settings of the user's, and then the extension of this profile loaded."""
    load = f"LOAD '{paths.extension(profile, package.machine())}'"
    return [tools.cli_binary(version), "-unsigned", *options, "-init", os.devnull, "-cmd", load]
