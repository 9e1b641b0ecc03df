"""Where things are in the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
EXTENSION = "nats_js"


def extension(profile: str, platform: str) -> Path:
    """The built extension for a DuckDB of `platform`, as `scripts.package` lays it out."""
    folder = ROOT / "build" / profile
    if platform.endswith("_gcc4"):
        folder /= platform
    return folder / f"{EXTENSION}.duckdb_extension"
