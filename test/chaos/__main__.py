"""Runs rounds until a time or a number is reached: python -m chaos --seconds 3600 --rounds 100 --seed 1 [--fault NAME] [--servers TEXT]."""

import argparse
import faulthandler
import signal
import sys
import time

import duckdb

from chaos import record, table
from chaos.faults import FAULTS
from chaos.run import FAULTS_A_ROUND, KINDS, Round, Tally
from fixtures.wire import WireError
from scripts.nats_server import ServerError, end_on_sigterm


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--rounds", type=int, default=1 << 30)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--most", type=int, default=FAULTS_A_ROUND, help="faults in a round")
    arguments.add_argument("--fault", help="only faults with this in their name")
    arguments.add_argument("--servers", help="only places with this in their name")
    options = arguments.parse_args()
    end_on_sigterm()
    # Where a run stands: kill -USR1.
    faulthandler.register(signal.SIGUSR1)
    kinds = [kind for kind in KINDS if not options.servers or options.servers in kind.name]
    faults = [fault for fault in FAULTS if not options.fault or options.fault in fault.name]
    tally, until, number = Tally(), time.monotonic() + options.seconds, 0
    broken: list[str] = []
    report = record.FOLDER / f"tally-{options.seed}.json"
    record.FOLDER.mkdir(parents=True, exist_ok=True)
    while time.monotonic() < until and number < options.rounds:
        kind = kinds[(options.seed + number) % len(kinds)]
        started = Round(options.seed + number, kind, tally, until - time.monotonic(), options.most, faults)
        try:
            started.run()
        except (TimeoutError, OSError, ServerError, WireError, duckdb.Error) as error:
            # Servers that do not come back to rest after what was done to them.
            broken.append(f"{kind.name}, seed {started.seed}: {started.schedule[-1:]}: {str(error)[:300]}")
            print(f"ended early: {broken[-1]}", flush=True)
        finally:
            table.write(tally, report)
            last = started.schedule[-1] if started.schedule else "nothing"
            print(f"round {options.seed + number}, {kind.name}: {len(started.schedule)} faults, the last {last}", flush=True)
        number += 1
    print(table.markdown(tally))
    for (fault, text), count in tally.errors.most_common(60):
        print(f"{count:6} {fault}: {text}")
    print(f"{sum(tally.faults.values())} faults, {sum(tally.answers.values())} answers, {len(tally.wrong)} wrong, {number} rounds, {len(broken)} of them ended early")
    return 1 if tally.wrong or not tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
