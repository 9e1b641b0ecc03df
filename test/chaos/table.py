"""The tally as Markdown: faults by kind, and answers by fault and reader. Tallies of several runs as one table:

    python -m chaos.table build/chaos/tally-*.json
"""

import json
import sys
from collections import Counter
from pathlib import Path

from chaos.model import DECLARED, ERROR, EXACT, HIDDEN, WRONG
from chaos.run import Tally

PARTS = ("answers", "faults", "kinds", "errors")
VERDICTS = (EXACT, DECLARED, HIDDEN, ERROR, WRONG)


def rows(header: list[str], lines: list[list]) -> str:
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in (header, ["---"] * len(header), *lines))


def by(tally: Tally, part: int) -> dict[str, Counter]:
    """The verdicts for each fault (part 0) or each reader (part 1)."""
    found: dict[str, Counter] = {}
    for key, count in tally.answers.items():
        found.setdefault(key[part], Counter())[key[2]] += count
    return found


def markdown(tally: Tally) -> str:
    """Four tables: faults, readers, each reader beside each fault, and what was started."""
    faults, readers = by(tally, 0), by(tally, 1)
    total = Counter()
    for counts in faults.values():
        total += counts
    cells = lambda counts: [counts[verdict] for verdict in VERDICTS]
    sums = [["all", sum(tally.faults.values()), *cells(total)]]
    cross = []
    for fault in faults:
        line = []
        for reader in readers:
            counts = [tally.answers[fault, reader, verdict] for verdict in VERDICTS]
            line.append("/".join(map(str, counts)) if any(counts) else "")
        cross.append([fault, *line])
    return "\n\n".join([
        rows(["fault", "happened", *VERDICTS], [[name, tally.faults[name], *cells(counts)] for name, counts in faults.items()] + sums),
        rows(["reader", *VERDICTS], [[name, *cells(counts)] for name, counts in sorted(readers.items())]),
        rows(["fault", *readers], cross),
        rows(["servers", "faults"], [list(item) for item in sorted(tally.kinds.items())]),
    ])


def write(tally: Tally, file: Path) -> None:
    """The counts, for `read`."""
    parts = {name: [[*(key if isinstance(key, tuple) else (key,)), count] for key, count in getattr(tally, name).items()] for name in PARTS}
    file.write_text(json.dumps(parts))


def read(files: list[Path]) -> Tally:
    """The tallies of several runs together."""
    tally = Tally()
    for file in files:
        for name, counts in json.loads(file.read_text()).items():
            for *key, count in counts:
                getattr(tally, name)[tuple(key) if len(key) > 1 else key[0]] += count
    return tally


if __name__ == "__main__":
    all_tallies = read([Path(name) for name in sys.argv[1:]])
    print(markdown(all_tallies))
    print(f"\n{sum(all_tallies.faults.values())} faults, {sum(all_tallies.answers.values())} answers")
