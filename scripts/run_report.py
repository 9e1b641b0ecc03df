"""What a run of the matrix says: a line for each file as it ends, and a table of all of them."""

from collections import Counter
from collections.abc import Sequence

from scripts.matrix import Combination
from scripts.run_file import FAILED, PASSED, SKIPPED, Result

SLOWEST = 10


class Report:
    """Of a run of `files` files."""

    def __init__(self, combinations: Sequence[Combination], files: int) -> None:
        self._counts: dict[Combination, Counter] = {combination: Counter() for combination in combinations}
        self._files = files
        self._results: list[Result] = []

    def add(self, result: Result) -> None:
        """Counts a result and prints its line, and what there is to say of a failure."""
        job = result.job
        self._results.append(result)
        self._counts[job.combination][result.outcome] += 1
        done = str(len(self._results)).rjust(len(str(self._files)))
        print(f"{done}/{self._files} {result.outcome} {result.seconds:6.1f} s  {job.file}  ({job.combination.name})", flush=True)
        if result.outcome == FAILED:
            print(f"--- FAILED {job.file} ({job.combination.name})\n{result.text.rstrip()}\n", flush=True)

    def total(self) -> Counter:
        return sum(self._counts.values(), Counter())

    def slowest(self) -> str:
        """The files that took longest, each on what it took longest on."""
        longest: dict[object, Result] = {}
        for result in sorted(self._results, key=lambda result: result.seconds):
            longest[result.job.file] = result
        ordered = sorted(longest.values(), key=lambda result: -result.seconds)[:SLOWEST]
        return "\n".join(f"{result.seconds:6.1f} s  {result.job.file}" for result in ordered)

    def skipped(self) -> list[str]:
        """A line for each file that was skipped, with its reason."""
        return [
            f"skipped {result.job.file} ({result.job.combination.name}): {result.text.strip().splitlines()[-1]}"
            for result in self._results
            if result.outcome == SKIPPED
        ]

    def table(self) -> str:
        """What ran where."""
        rows = [("suite", "host", "door", "nats-server", PASSED, FAILED, SKIPPED)]
        for place, counts in self._counts.items():
            outcomes = [str(counts[outcome]) for outcome in (PASSED, FAILED, SKIPPED)]
            host = f"{'CLI' if place.kind == 'cli' else 'DuckDB'} {place.host}"
            rows.append((place.suite, host, place.door.name, place.server, *outcomes))
        widths = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)

    def counts(self) -> str:
        """The last line of a run."""
        total = self.total()
        return f"{total[PASSED]} passed, {total[FAILED]} failed, {total[SKIPPED]} skipped"
