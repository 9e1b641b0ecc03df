"""What the figures were measured on."""

import os
import platform
import subprocess
from pathlib import Path

from scripts import package, paths
from scripts.bench.settings import Settings


def machine() -> dict[str, str | int]:
    """Processor, how many, memory, system."""
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "processors": os.cpu_count() or 0,
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20)),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
    }


def versions(settings: Settings) -> dict[str, str]:
    """Of what is measured and of what it is compared with."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=paths.ROOT, text=True, capture_output=True)
    libraries = dict(
        line.split("==") for file in ("scripts/requirements.txt", "scripts/bench/requirements.txt")
        for line in (paths.ROOT / file).read_text().split()
    )
    return {
        "nats_js": f"{package.version()} {commit.stdout.strip()}".strip(),
        "duckdb": settings.host,
        "nats-server": settings.server,
        "python": platform.python_version(),
        **{name: libraries[name] for name in ("nats-py", "pandas")},
        "async-nats": _locked("async-nats"),
    }


def _first(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _locked(crate: str) -> str:
    lines = (paths.ROOT / "Cargo.lock").read_text().splitlines()
    return lines[lines.index(f'name = "{crate}"') + 1].split('"')[1]
