"""Runs the matrix of scripts/matrix.py on a built extension and closes with a table and one line of counts.

    .tools/venv/bin/python -m scripts.run_tests [--profile release] [--suite sql] [--file scan] [--host 2.0.0] [--server 2.15.1] [--door v2]
"""

import argparse
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from scripts import doors, fixtures, matrix, package, paths, processes, tools
from scripts.matrix import Combination
from scripts.nats_server import Server, ServerError, end_on_sigterm, environment_without_nats

WORKERS = 2
# Of one file. `make soak` sets NATS_JS_SOAK to a number of rounds, for the tests that have them.
SOAK = {name: value for name, value in os.environ.items() if name == "NATS_JS_SOAK"}
FILE_SECONDS = 4 * 3600 if SOAK else 600
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
EXIT_CODES = {0: PASSED, 77: SKIPPED}

_print_lock = threading.Lock()


@dataclass
class Report:
    """What became of a combination's files."""

    combination: Combination
    counts: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, outcome: str, what: str | Path, text: str) -> None:
        self.counts[outcome] += 1
        if outcome == SKIPPED:
            self.notes.append(f"skipped {what} ({self.combination.name}): {text.strip().splitlines()[-1]}")
        if outcome == FAILED:
            with _print_lock:
                print(f"--- FAILED {what} ({self.combination.name})\n{text.rstrip()}\n", flush=True)


def command(combination: Combination, file: Path, profile: str) -> list[str | Path]:
    """How a file of this kind is run."""
    match combination.kind:
        case "sql":
            return [tools.VENV_PYTHON, "-m", "scripts.sqllogic", "--profile", profile, file]
        case "python":
            return [tools.VENV_PYTHON, "-m", "scripts.unittest_file", file]
        case "cli":
            load = f"LOAD '{paths.extension(profile, package.machine())}'"
            return [tools.cli_binary(combination.host), "-unsigned", "-bail", "-init", os.devnull, "-cmd", load, "-f", file]
    raise ValueError(combination.kind)


def environment(combination: Combination, url: str, directory: str, profile: str) -> dict[str, str]:
    """This process's environment without its NATS settings, and what test/README.md promises."""
    clean = environment_without_nats()
    host = tools.duckdb(combination.host).folder
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
    clean |= SOAK
    if combination.kind == "cli":
        clean["NATS_URL"] = url
    return clean


def run_file(combination: Combination, file: Path, profile: str) -> tuple[str, str]:
    """Runs a file against a new server with its fixtures; the outcome and what there is to say."""
    try:
        needs = fixtures.needs(paths.ROOT / file)
        with (
            Server(combination.server, needs.config()) as server,
            tempfile.TemporaryDirectory(prefix="nats_js-test-") as directory,
        ):
            needs.prepare(server.url)
            variables = environment(combination, server.url, directory, profile)
            finished = processes.run(command(combination, file, profile), variables, FILE_SECONDS)
    except (fixtures.FixtureError, ServerError) as error:
        return FAILED, str(error)
    if finished.code < 0:
        return FAILED, f"{finished.output}\nended by signal {-finished.code}"
    return EXIT_CODES.get(finished.code, FAILED), finished.output


def run_combination(combination: Combination, profile: str) -> Report:
    """Runs the files one after the other."""
    report = Report(combination)
    missing = combination.missing()
    if missing is not None:
        report.add(FAILED, "everything", f"{missing} is not installed: run 'make configure'")
        return report
    if not combination.files:
        report.add(FAILED, "everything", "the suite has no files")
        return report
    for file in combination.files:
        outcome, text = run_file(combination, file, profile)
        report.add(outcome, file, text)
    return report


def chosen(arguments: argparse.Namespace) -> list[Combination]:
    """The combinations and files that the options leave."""
    out = []
    for combination in matrix.combinations(arguments.both_doors):
        if arguments.suite not in (None, combination.suite):
            continue
        if arguments.host not in (None, combination.host) or arguments.server not in (None, combination.server):
            continue
        if arguments.door not in (None, combination.door.name):
            continue
        if arguments.file is not None:
            combination = replace(combination, files=tuple(f for f in combination.files if arguments.file in str(f)))
            if not combination.files:
                continue
        out.append(combination)
    return out


def table(reports: Iterable[Report]) -> str:
    """What ran where."""
    rows = [("suite", "host", "door", "nats-server", PASSED, FAILED, SKIPPED)]
    for report in reports:
        place = report.combination
        counts = [str(report.counts[outcome]) for outcome in (PASSED, FAILED, SKIPPED)]
        host = f"{'CLI' if place.kind == 'cli' else 'DuckDB'} {place.host}"
        rows.append((place.suite, host, place.door.name, place.server, *counts))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--profile", choices=["release", "debug"], default="release")
    arguments.add_argument("--suite", help="only this suite")
    arguments.add_argument("--file", help="only files with this in their path")
    arguments.add_argument("--host", help="only this version of DuckDB")
    arguments.add_argument("--server", help="only this version of nats-server")
    arguments.add_argument("--door", choices=list(doors.DOORS), help="only this door into DuckDB")
    arguments.add_argument("--both-doors", action="store_true", help="every suite of the newest DuckDB through both doors")
    options = arguments.parse_args()
    end_on_sigterm()
    combinations = chosen(options)
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            reports = list(pool.map(lambda combination: run_combination(combination, options.profile), combinations))
        except BaseException:
            processes.close()
            raise
    total = sum((report.counts for report in reports), Counter())
    for report in reports:
        for note in report.notes:
            print(note)
    print(f"\n{table(reports)}\n")
    print(f"{total[PASSED]} passed, {total[FAILED]} failed, {total[SKIPPED]} skipped", flush=True)
    return 0 if total[PASSED] and not total[FAILED] else 1


if __name__ == "__main__":
    sys.exit(main())
