"""How much `make bench` measures, and of what. The environment says so:

    BENCH_MESSAGES   messages of the streams of ordinary size (1000000)
    BENCH_MANY       messages of the largest stream (ten times as many)
    BENCH_ROUNDS     rounds that count, after one that warms up (5)
    BENCH_ONLY       groups, by name and comma (all; `groups.GROUPS` has the names)
    BENCH_RECORD     1: the results go to docs/benchmarks, too; groups that were measured there before on the same day stay
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scripts import matrix

LEAST_MESSAGES = 20_000
# The large groups are repeated less often than the others, and the report says so.
ROUNDS_OF_MANY = 3


class SettingsError(Exception):
    """A variable that cannot be meant so."""


@dataclass(frozen=True)
class Settings:
    """`messages`, `many`: see above; `only` is empty for all groups."""

    messages: int = 1_000_000
    many: int = 10_000_000
    rounds: int = 5
    only: tuple[str, ...] = ()
    record: bool = False
    host: str = matrix.NEWEST_HOST
    server: str = matrix.NEWEST_SERVER


def from_environment(environment: Mapping[str, str], groups: list[str]) -> Settings:
    """What the variables ask for; `groups` are the names that there are."""
    messages = _number(environment, "BENCH_MESSAGES", Settings.messages, LEAST_MESSAGES)
    only = tuple(name.strip() for name in environment.get("BENCH_ONLY", "").split(",") if name.strip())
    unknown = [name for name in only if name not in groups]
    if unknown:
        raise SettingsError(f"BENCH_ONLY: there is no group '{unknown[0]}'; there are {', '.join(groups)}")
    return Settings(
        messages=messages,
        many=_number(environment, "BENCH_MANY", 10 * messages, LEAST_MESSAGES),
        rounds=_number(environment, "BENCH_ROUNDS", Settings.rounds, 1),
        only=only,
        record=environment.get("BENCH_RECORD", "") not in ("", "0"),
    )


def _number(environment: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdecimal() or int(text) < least:
        raise SettingsError(f"{name}: '{text}' is not a number from {least} on")
    return int(text)
