"""The results as tables, for a terminal and as Markdown. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


# How a field of a sample is told.
WORDS = {"rate": "", "p50_us": ", p50", "p95_us": ", p95", "p99_us": ", p99", "cpu_seconds": ", processor time"}


@dataclass(frozen=True)
class Table:
    """Cells of text under a header; all columns but the first are numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def text(results: dict) -> str:
    """For a terminal."""
    out = []
    for group in results["groups"]:
        out += [f"\n{group['title']}", f"{about(group)}\n"]
        out += [f"{plain(table)}\n" for table in tables(group)]
    return "\n".join([*out, conditions(results)])


def markdown(results: dict) -> str:
    """A page of documentation."""
    made = "`BENCH_RECORD=1 make bench` writes this page and the JSON file beside it, which has every sample."
    out = [f"# Measured on {results['date']}", literal(conditions(results)), made, literal(goals(results))]
    for group in results["groups"]:
        out += [f"## {group['title']}", literal(about(group)), *(marked(table) for table in tables(group))]
    return "\n\n".join(part for part in out if part) + "\n"


def conditions(results: dict) -> str:
    """Machine, versions, and how it was measured."""
    machine, versions = results["machine"], results["versions"]
    where = f"{machine['processor']}, {machine['processors']} processors, {machine['memory_gib']} GiB, {machine['system']}"
    which = ", ".join(f"{name} {version}" for name, version in versions.items())
    how = "Server and client are on one machine; every case is a process of its own, and its answer is checked."
    what = "Ratios carry over to other machines, figures do not."
    return f"{where}. {which}. {how} {what}"


def goals(results: dict) -> str:
    """How many of the ratios, floors and memories that have a goal meet it, and which do not."""
    ratios = [ratio for group in results["groups"] for ratio in group["ratios"] if ratio["met"] is not None]
    memories = [entry for group in results["groups"] for entry in group["memory"]]
    floors = [floor for group in results["groups"] for floor in group.get("floors", [])]
    missed = [f"{ratio['case']} / {ratio['against']}: {number(ratio['value'])}, goal {bound(ratio)}" for ratio in ratios if not ratio["met"]]
    missed += [f"{floor['case']}{WORDS[floor['of']]}: {number(floor['worst'])}, goal {bound(floor)}" for floor in floors if not floor["met"]]
    missed += [f"memory of {entry['case']}: {entry['ours_mib']:.0f} MiB" for entry in memories if not entry["met"]]
    goals = len(ratios) + len(floors) + len(memories)
    met = goals - len(missed)
    listed = "".join(f"\n- {line}" for line in missed)
    return f"{met} of {goals} goals are met." + (f" Those that are not:\n{listed}" if missed else "")


def about(group: dict) -> str:
    rounds = group["round_count"]
    measured = "One round" if rounds == 1 else f"Medians of {rounds} interleaved rounds"
    return f"{measured} after one that warms up. {group['note']}".strip()


def tables(group: dict) -> list[Table]:
    """What was measured, what it comes to, and memory."""
    out = [cases(group)]
    if group["ratios"]:
        out.append(ratios(group))
    if group.get("floors"):
        out.append(floors(group))
    if group["memory"]:
        out.append(memory(group))
    return out


def cases(group: dict) -> Table:
    latencies = any("p50_us" in case["medians"] for case in group["cases"])
    header = ["", "messages/s", "seconds", "CPU s"] + (["p50 µs", "p95 µs", "p99 µs"] if latencies else [])
    rows = []
    for case in group["cases"]:
        found = case["medians"]
        row = [case["name"], f"{found['rate']:,.0f}", number(found["seconds"]), number(found["cpu_seconds"])]
        if latencies:
            row += [f"{found[name]:,.0f}" if name in found else "" for name in ("p50_us", "p95_us", "p99_us")]
        rows.append(row)
    return Table(header, rows)


def ratios(group: dict) -> Table:
    rows = [
        [
            f"{ratio['case']} / {ratio['against']}{WORDS[ratio['of']]}", number(ratio["value"]),
            f"{number(ratio['least'])} to {number(ratio['most'])}", bound(ratio), verdict(ratio["met"]),
        ]
        for ratio in group["ratios"]
    ]
    return Table(["ratio", "of medians", "of rounds", "goal", ""], rows)


def floors(group: dict) -> Table:
    rows = [
        [f"{floor['case']}{WORDS[floor['of']]}", number(floor["value"]), number(floor["worst"]), bound(floor), verdict(floor["met"])]
        for floor in group["floors"]
    ]
    return Table(["floor", "median", "worst round", "goal", ""], rows)


def memory(group: dict) -> Table:
    rows = [
        [entry["case"], f"{entry['grown_mib']:.0f}", f"{entry['ours_mib']:.0f}" if entry["own"] else "", verdict(entry["met"])]
        for entry in group["memory"]
    ]
    return Table(["resident memory, MiB", "above a connected process", "above DuckDB doing the same alone", "under 128"], rows)


def bound(ratio: dict) -> str:
    if ratio["goal"] is None:
        return ""
    return f"{'≥' if ratio['of'] == 'rate' else '≤'} {ratio['goal']:g}"


def verdict(met: bool | None) -> str:
    return {True: "met", False: "missed", None: ""}[met]


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def plain(table: Table) -> str:
    """Columns apart by spaces."""
    rows = [table.header, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def marked(table: Table) -> str:
    """As Markdown."""
    rule = ["---"] + ["--:"] * (len(table.header) - 1)
    rows = [[literal(cell) for cell in row] for row in [table.header, *table.rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])


def literal(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{character}" if character in "*_|<" else character for character in text)
