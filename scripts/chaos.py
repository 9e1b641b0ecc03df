"""Runs the fault suite, test/chaos, on the built extension; what follows is passed on to it.

    .tools/venv/bin/python -m scripts.chaos [--profile debug] [--jobs 4] --seconds 3600 --seed 7

With several jobs, as many run side by side; each has seeds of its own, and their counts are put together.
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from scripts import doors, matrix, paths, tools
from scripts.matrix import Combination
from scripts.nats_server import end_on_sigterm
from scripts.run_file import environment

# Between the seeds of two jobs: more than the rounds of one.
SEEDS_APART = 10_000
TALLIES = paths.ROOT / "build" / "chaos"


def main(arguments: list[str]) -> int:
    end_on_sigterm()
    options = argparse.ArgumentParser()
    options.add_argument("--profile", default="release")
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    own, passed_on = options.parse_known_args(arguments)
    seeds = [own.seed + SEEDS_APART * job for job in range(own.jobs)]
    with tempfile.TemporaryDirectory(prefix="nats_js-chaos-") as directory:
        variables = run_variables(directory, own.profile)
        with ExitStack() as stack:
            jobs = [stack.enter_context(subprocess.Popen(suite("chaos", "--seed", str(seed), *passed_on), cwd=paths.ROOT, env=variables)) for seed in seeds]
            # Whatever ends this process ends them, and each ends its servers.
            stack.callback(lambda: [job.terminate() for job in jobs])
            codes = [job.wait() for job in jobs]
        if own.jobs > 1:
            tallies = [str(TALLIES / f"tally-{seed}.json") for seed in seeds]
            subprocess.run(suite("chaos.table", *(name for name in tallies if Path(name).exists())), cwd=paths.ROOT, env=variables, check=True)
    return max(codes, key=abs)


def suite(module: str, *arguments: str) -> list[str]:
    return [str(tools.VENV_PYTHON), "-m", module, *arguments]


def run_variables(directory: str, profile: str) -> dict[str, str]:
    place = Combination("chaos", "python", matrix.NEWEST_HOST, matrix.NEWEST_SERVER, (), doors.V2)
    return environment(place, "", directory, profile)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
