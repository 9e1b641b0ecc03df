"""Shows examples/quickstart.sql at work: a nats-server of its own, believable events, a real DuckDB; then cleans up.

    .tools/venv/bin/python -m scripts.demo [FILE.sql]
"""

import argparse
import subprocess
import sys
from pathlib import Path

from scripts import fixtures, matrix, paths, shell
from scripts.nats_server import Server, end_on_sigterm, environment_without_nats

QUICKSTART = paths.ROOT / "examples" / "quickstart.sql"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file", type=Path, nargs="?", default=QUICKSTART)
    file = arguments.parse_args().file
    end_on_sigterm()
    needs = fixtures.needs(file)
    with Server(matrix.NEWEST_SERVER, needs.config()) as server:
        print(f"nats-server {server.version} listens on {server.url}")
        needs.prepare(server.url)
        for fixture in needs.fixtures:
            print(f"  {fixture.name}: {', '.join(f'{key}={value}' for key, value in fixture.arguments.items())}")
        print(f"DuckDB {matrix.CLI} runs {file}\n", flush=True)
        ended = subprocess.run(
            [*shell.command("release", "-bail", "-echo", "-cmd", ".changes on"), "-f", file],
            env={**environment_without_nats(), "NATS_URL": server.url}, stdin=subprocess.DEVNULL,
        )
    print("\nnats-server stopped, its store removed. Try it on your own: make play" if not ended.returncode else "\nfailed")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main())
