"""Where things are in the project."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
# The name of the crate, and the word by which tests and pages mean the extension, whatever it is called.
LIBRARY = "nats_js"
# The name under which DuckDB loads it: `make release NAME=...`.
NAME_VARIABLE = "NATS_JS_NAME"
EXTENSION = os.environ.get(NAME_VARIABLE, LIBRARY)


def extension(profile: str, platform: str, door: str | None = None) -> Path:
    """The built extension for a DuckDB of `platform`, as `scripts.package` lays it out; `door` is a folder of `scripts.doors`."""
    folder = ROOT / "build" / profile
    if platform.endswith("_gcc4"):
        folder /= platform
    elif door is not None:
        folder /= door
    return folder / f"{EXTENSION}.duckdb_extension"


def registry_extension(profile: str) -> Path:
    """Where the build of DuckDB's community registry looks for the extension."""
    return ROOT / "build" / profile / "extension" / EXTENSION / f"{EXTENSION}.duckdb_extension"
