"""Events a second into a lake by 1, 2 and 4 workers, on partitions and on a shared durable. `make lake` prints it

    PYTHONPATH=.tools/lake-1.5.5:.:test NATS_JS_PROFILE=release NATS_JS_TEST_SERVER=2.15.1 .tools/venv/bin/python -m lake.speed
"""

import time

from lake import test_lake_workers as rounds

ROUNDS, EVENTS, BATCH = 2, 400_000, 20_000
WORKERS = (1, 2, 4)


def seconds(case: rounds.LakeWorkers, number: int, workers: int, partitioned: bool) -> tuple[float, int]:
    """How long `workers` take from the first commit that is seen to the last, and how often a commit was refused."""
    place = case.round(number, partitioned)
    for _ in range(workers):
        place.start("--once")
    while len({line["of"] for line in place.said("started")}) < workers:
        time.sleep(0.01)
    started = time.monotonic()
    place.wait(600)
    took = time.monotonic() - started
    case.check()
    return took, sum(line.get("conflicts_total", 0) for line in place.said("stopped"))


def main() -> None:
    rounds.EVENTS, rounds.BATCH = EVENTS, BATCH
    rounds.LakeWorkers.setUpClass()
    try:
        number = 1000
        for turn in range(ROUNDS):
            for partitioned in (True, False):
                for workers in WORKERS:
                    number += 1
                    case = rounds.LakeWorkers()
                    try:
                        took, conflicts = seconds(case, number, workers, partitioned)
                    finally:
                        case.doCleanups()
                    print(f"{'partitions' if partitioned else 'shared'}, {workers} workers: {EVENTS / took:,.0f} events/s in {took:.1f} s, {conflicts} refused", flush=True)
    finally:
        rounds.LakeWorkers.doClassCleanups()


if __name__ == "__main__":
    main()
