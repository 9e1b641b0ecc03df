"""The tally as Markdown: faults by kind, and answers by fault and reader."""

from collections import Counter

from chaos.model import DECLARED, ERROR, EXACT, WRONG
from chaos.run import Tally

VERDICTS = (EXACT, DECLARED, ERROR, WRONG)


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
