"""Runs the matrix of scripts/matrix.py on a built extension and closes with a table and one line of counts.

    .tools/venv/bin/python -m scripts.run_tests [--profile release] [--suite sql] [--file scan] [--host 2.0.0] [--server 2.15.1] [--door v2]
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from scripts import doors, matrix, processes, run_file
from scripts.matrix import Combination
from scripts.nats_server import end_on_sigterm
from scripts.run_file import FAILED, PASSED, SKIPPED, Job, Result
from scripts.run_report import Report

# The files wait for servers as much as they compute: one more than the two cores that CI has.
WORKERS = 3


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


def results(combinations: list[Combination], options: argparse.Namespace) -> Iterator[Result]:
    """Runs all files, several at once, and yields each result as it comes."""
    jobs = []
    for combination in combinations:
        missing = combination.missing()
        if missing is not None:
            yield Result(Job(combination, Path("everything")), SKIPPED if combination.optional else FAILED, f"{missing} is not installed: run 'make configure'")
        elif not combination.files:
            yield Result(Job(combination, Path("everything")), FAILED, "the suite has no files")
        else:
            jobs += [Job(combination, file) for file in combination.files]
    with ThreadPoolExecutor(options.workers) as pool:
        try:
            for future in as_completed([pool.submit(run_file.run, job, options.profile) for job in jobs]):
                yield future.result()
        except BaseException:
            processes.close()
            raise


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--profile", choices=["release", "debug"], default="release")
    arguments.add_argument("--suite", help="only this suite")
    arguments.add_argument("--file", help="only files with this in their path")
    arguments.add_argument("--host", help="only this version of DuckDB")
    arguments.add_argument("--server", help="only this version of nats-server")
    arguments.add_argument("--door", choices=list(doors.DOORS), help="only this door into DuckDB")
    arguments.add_argument("--both-doors", action="store_true", help="every suite of the newest DuckDB through both doors")
    arguments.add_argument("--workers", type=int, default=WORKERS, help="how many files run at once")
    options = arguments.parse_args()
    end_on_sigterm()
    combinations = chosen(options)
    report = Report(combinations, sum(max(1, len(combination.files)) for combination in combinations))
    for result in results(combinations, options):
        report.add(result)
    print(f"\nthe slowest files:\n{report.slowest()}\n")
    for line in report.skipped():
        print(line)
    print(f"{report.table()}\n")
    print(report.counts(), flush=True)
    total = report.total()
    return 0 if total[PASSED] and not total[FAILED] else 1


if __name__ == "__main__":
    sys.exit(main())
