"""Runs one file of the matrix in a process of its own, against a nats-server of its own."""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from scripts import fixtures, paths, processes, servers, shell, tools
from scripts.matrix import Combination
from scripts.nats_server import Server, ServerError, environment_without_nats

# `make soak` sets a number of rounds, for the tests that have them; SERVERS of make, which servers there are.
SOAK = "NATS_JS_SOAK"
FUZZ = "NATS_JS_FUZZ"
PASSED_ON = {name: value for name, value in os.environ.items() if name in (SOAK, FUZZ, f"{FUZZ}_SEED", servers.VARIABLE, paths.NAME_VARIABLE)}
FILE_SECONDS = 4 * 3600 if {SOAK, FUZZ} & PASSED_ON.keys() else 600
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
EXIT_CODES = {0: PASSED, 77: SKIPPED}


@dataclass(frozen=True)
class Job:
    """A file, and what it runs on."""

    combination: Combination
    file: Path


@dataclass(frozen=True)
class Result:
    """What became of a job; `text` is what there is to say of it."""

    job: Job
    outcome: str
    text: str
    seconds: float = 0


def command(job: Job, profile: str) -> list[str | Path]:
    """How a file of this kind is run."""
    match job.combination.kind:
        case "sql":
            return [tools.VENV_PYTHON, "-m", "scripts.sqllogic", "--profile", profile, job.file]
        case "python":
            return [tools.VENV_PYTHON, "-m", "scripts.unittest_file", job.file]
        case "page":
            return [tools.VENV_PYTHON, "-m", "scripts.page", "--profile", profile, job.file]
        case "cli":
            return [*shell.command(profile, "-bail", version=job.combination.host), "-f", job.file]
    raise ValueError(job.combination.kind)


def environment(combination: Combination, url: str, directory: str, profile: str) -> dict[str, str]:
    """This process's environment without its NATS settings, and what test/README.md promises."""
    clean = environment_without_nats()
    host = combination.host_tool.folder
    clean |= {
        "PYTHONPATH": os.pathsep.join([str(host), str(paths.ROOT), str(paths.ROOT / "test")]),
        "TZ": "UTC",
        "NATS_JS_ROOT": str(paths.ROOT),
        "NATS_JS_PROFILE": profile,
        "NATS_JS_TEST_URL": url,
        "NATS_JS_TEST_DIR": directory,
        "NATS_JS_TEST_HOST": combination.host,
        "NATS_JS_TEST_SERVER": combination.server,
        "NATS_JS_TEST_DOOR": combination.door.name,
    }
    clean |= PASSED_ON
    if combination.kind == "cli":
        clean["NATS_URL"] = url
    return clean


def run(job: Job, profile: str) -> Result:
    """Runs the file against a new server with its fixtures."""
    start = time.monotonic()
    outcome, text = _run(job, profile)
    return Result(job, outcome, text, time.monotonic() - start)


def _run(job: Job, profile: str) -> tuple[str, str]:
    try:
        needs = fixtures.needs(paths.ROOT / job.file)
        with (
            Server(job.combination.server, needs.config()) as server,
            tempfile.TemporaryDirectory(prefix="nats_js-test-") as directory,
        ):
            needs.prepare(server.url)
            variables = environment(job.combination, server.url, directory, profile)
            finished = processes.run(command(job, profile), variables, FILE_SECONDS)
    except (fixtures.FixtureError, ServerError) as error:
        return FAILED, str(error)
    if finished.code < 0:
        return FAILED, f"{finished.output}\nended by signal {-finished.code}"
    return EXIT_CODES.get(finished.code, FAILED), finished.output
