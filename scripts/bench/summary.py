"""Figures made of samples: medians, percentiles, ratios, and whether they are what they shall be. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from scripts.bench.model import Case, Floor, Follow, Group, Ratio, Sample, Statement

# Resident memory above DuckDB's own, in every case.
MEMORY_MIB = 128


@dataclass(frozen=True)
class Comparison:
    """A ratio as it came out: of the medians, and the least and the most of the rounds. `met` is None where there is no goal."""

    case: str
    against: str
    of: str
    value: float
    least: float
    most: float
    goal: float | None
    met: bool | None


@dataclass(frozen=True)
class Reached:
    """A figure that is asked for as it came out: the median, and the worst of the rounds, which decides."""

    case: str
    of: str
    value: float
    worst: float
    goal: float
    met: bool


@dataclass(frozen=True)
class Memory:
    """The most by which a case grew, and what is left of it when the same without us is taken off. `own` is empty where nothing was."""

    case: str
    grown_mib: float
    own: str
    ours_mib: float
    met: bool


def percentile(values: Sequence[float], part: float) -> float:
    """The least of the values that at least `part` of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part / 100) - 1)]


def median(samples: Sequence[Sample], field: str) -> float | None:
    """The median of a field, or of `rate`; None where it was not measured."""
    values = [value for sample in samples if (value := getattr(sample, field)) is not None]
    return statistics.median(values) if values else None


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """Of everything that was measured."""
    names = ["rate", *(field.name for field in fields(Sample))]
    return {name: round(value, 6) for name in names if (value := median(samples, name)) is not None}


def compare(ratio: Ratio, samples: Mapping[str, Sequence[Sample]]) -> Comparison:
    """A case beside another: medians, and round by round."""
    above, below = ([getattr(sample, ratio.of) for sample in samples[name]] for name in (ratio.case, ratio.against))
    if ratio.less:
        above = [value - getattr(sample, ratio.of) for value, sample in zip(above, samples[ratio.less], strict=True)]
    rounds = [a / b for a, b in zip(above, below, strict=True)]
    value = statistics.median(above) / statistics.median(below)
    met = None
    if ratio.goal is not None:
        met = value <= ratio.goal if ratio.at_most else value >= ratio.goal
    return Comparison(ratio.title, ratio.against, ratio.of, value, min(rounds), max(rounds), ratio.goal, met)


def reach(floor: Floor, samples: Mapping[str, Sequence[Sample]]) -> Reached:
    """A case against the figure that is asked for."""
    values = [getattr(sample, floor.of) for sample in samples[floor.case]]
    worst = max(values) if floor.at_most else min(values)
    met = worst <= floor.goal if floor.at_most else worst >= floor.goal
    return Reached(floor.case, floor.of, statistics.median(values), worst, floor.goal, met)


def memory(cases: Sequence[Case], samples: Mapping[str, Sequence[Sample]]) -> list[Memory]:
    """What each statement of ours added to resident memory."""

    def most(name: str) -> float:
        return max(sample.grown_mib or 0.0 for sample in samples[name])

    out = []
    for case in cases:
        if isinstance(case, Statement) and case.loads:
            ours = most(case.name) - (most(case.own) if case.own else 0.0)
            out.append(Memory(case.name, most(case.name), case.own, ours, ours < MEMORY_MIB))
    return out


def summarize(group: Group, samples: Mapping[str, Sequence[Sample]]) -> dict:
    """A group as it goes into the results: every sample, and what it comes to."""
    return {
        "name": group.name,
        "title": group.title,
        "note": group.note,
        "cases": [
            {
                "name": case.name,
                "ours": case_is_ours(case),
                "medians": medians(samples[case.name]),
                "rounds": [_present(sample) for sample in samples[case.name]],
            }
            for case in group.cases
        ],
        "ratios": [vars(compare(ratio, samples)) for ratio in group.ratios],
        "floors": [vars(reach(floor, samples)) for floor in group.floors],
        "memory": [vars(entry) for entry in memory(group.cases, samples)],
    }


def merged(old: dict, new: dict, order: Sequence[str]) -> dict:
    """`new`, and of `old` the groups that `new` lacks, when both are of one machine, one date, the same versions and sizes."""
    if any(old[name] != new[name] for name in ("date", "machine", "versions", "settings")):
        return new
    groups = {group["name"]: group for group in [*old["groups"], *new["groups"]]}
    return {**new, "groups": [groups[name] for name in order if name in groups]}


def case_is_ours(case: Case) -> bool:
    """Whether the extension does it."""
    return case.loads if isinstance(case, Statement) else isinstance(case, Follow)


def _present(sample: Sample) -> dict:
    return {name: round(value, 6) for name, value in vars(sample).items() if value is not None}
