"""Runs the fault suite, test/chaos, on the built extension; what follows is passed on to it.

    .tools/venv/bin/python -m scripts.chaos [--profile debug] --seconds 3600 --seed 7
"""

import subprocess
import sys
import tempfile

from scripts import doors, matrix, paths, tools
from scripts.matrix import Combination
from scripts.nats_server import end_on_sigterm
from scripts.run_file import environment


def main(arguments: list[str]) -> int:
    end_on_sigterm()
    profile = "release"
    if arguments[:1] == ["--profile"]:
        profile, arguments = arguments[1], arguments[2:]
    place = Combination("chaos", "python", matrix.NEWEST_HOST, matrix.NEWEST_SERVER, (), doors.V2)
    with tempfile.TemporaryDirectory(prefix="nats_js-chaos-") as directory:
        variables = environment(place, "", directory, profile)
        return subprocess.run([tools.VENV_PYTHON, "-m", "chaos", *arguments], cwd=paths.ROOT, env=variables).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
