"""Runs scripts/memory.sql in the DuckDB CLI under valgrind: an access to memory that is not the extension's is an error.

    .tools/venv/bin/python -m scripts.valgrind
"""

import os
import shutil
import subprocess
import sys

from scripts import fixtures, matrix, package, paths, tools
from scripts.nats_server import Server, end_on_sigterm, environment_without_nats

ERRORS = 9
FIXTURES = ("stream name=S subjects=s", "messages stream=S subject=s count=5000 kind=json")
# DuckDB copies structs with padding that nobody set; what is looked for are places, not values.
OPTIONS = (f"--error-exitcode={ERRORS}", "--leak-check=no", "--undef-value-errors=no", "--quiet")
# Every error that the statements are to end with, in order.
EXPECTED = ("white space", "no such stream", "out of range for UTINYINT", "no stream captures", "done")


def main() -> int:
    end_on_sigterm()
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return 1
    statements = (paths.ROOT / "scripts" / "memory.sql").read_text()
    load = f"LOAD '{paths.extension('release', package.machine())}';\n"
    with Server(matrix.NEWEST_SERVER) as server:
        with fixtures.Wire(server.url) as wire:
            for line in FIXTURES:
                fixtures.parse(line, line).apply(wire)
        command = ["valgrind", *OPTIONS, str(tools.cli_binary(matrix.CLI)), "-unsigned", "-init", os.devnull]
        environment = environment_without_nats() | {"NATS_URL": server.url}
        finished = subprocess.run(command, input=load + statements, env=environment, capture_output=True, text=True)
    output = finished.stdout + finished.stderr
    print(output)
    missing = [text for text in EXPECTED if text not in output]
    if missing:
        print(f"the statements did not do what they were to do: {missing}")
    print(f"exit code {finished.returncode}")
    return 1 if missing or finished.returncode == ERRORS else 0


if __name__ == "__main__":
    sys.exit(main())
