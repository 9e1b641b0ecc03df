"""The words in which a group of measurements is declared, and what measuring a case gives. No network, no DuckDB.

In the texts of a case, `{url}` stands for the server (or the far end of the slow link to it, or the replay) and `{files}` for the folder of the
group's files.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stream:
    """A stream that is filled before anything is measured. `kind` and `subjects` are words of benches/baselines; `subjects` empty
    leaves it empty. `options` are fields of its configuration, `name=value`."""

    name: str
    kind: str
    size: int
    messages: int
    subjects: str = "turn=100"
    options: str = ""

    @property
    def prefix(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Lines:
    """A file `name` with messages of `kind`, one a line."""

    name: str
    kind: str
    size: int
    messages: int


@dataclass(frozen=True)
class Case:
    """One thing that is measured. `messages`: how many it handles. `link`: over the slow link. `replay`: from the server that answers
    from memory what the real one answered. `fills`: the stream that it publishes into, which is empty before, and has `messages` after."""

    name: str
    messages: int
    link: bool = False
    fills: str = ""
    replay: bool = False


@dataclass(frozen=True)
class Program(Case):
    """The program of benches/baselines with these words."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement(Case):
    """A statement in a DuckDB of its own process, after `setup` has warmed the connection.

    `rows`: what it answers; without it, what it answered first. `check`: a query that must answer true, asked once. `database`: a
    new file, else memory. `repeat`: how often the statement runs; more than once gives latencies. `before`: a statement that runs before
    each, not timed. `own`: the case that does the same without us, whose memory is not ours. `loads`: whether our extension is there.
    `door`: the C API through which it is loaded, by its name in scripts/doors.py.
    """

    sql: str = ""
    setup: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] | None = None
    check: str = ""
    database: bool = False
    repeat: int = 1
    before: str = ""
    own: str = ""
    loads: bool = True
    door: str = "v1"


@dataclass(frozen=True)
class NatsPy(Case):
    """nats-py fetches `messages` of `stream` into a DataFrame, and DuckDB makes a table of that."""

    stream: str = ""


@dataclass(frozen=True)
class Follow(Case):
    """How long after its publication an event can be queried, when `messages` of them come in `seconds`."""

    stream: str = ""
    seconds: float = 5


@dataclass(frozen=True)
class Ratio:
    """A case beside another: `of` is a field of Sample, or `rate`. `goal` is the least (for times: the most) that it shall be.
    `less`: a case that is taken off the first one, for times of the same number of messages."""

    case: str
    against: str
    goal: float | None = None
    of: str = "rate"
    less: str = ""

    @property
    def title(self) -> str:
        return f"{self.case}, less {self.less}" if self.less else self.case

    @property
    def at_most(self) -> bool:
        return self.of != "rate"


@dataclass(frozen=True)
class Floor:
    """A case against a figure that is asked for, on any machine: `goal` is the least rate, or for latencies the most."""

    case: str
    goal: float
    of: str = "rate"

    @property
    def at_most(self) -> bool:
        return self.of != "rate"


@dataclass(frozen=True)
class Group:
    """What is measured in turn on one server or cluster, and what of it is compared. `rounds` at most. `cold`: before each measurement the server is
    restarted and its files leave the page cache. `link_ms`: the delay that the slow link adds, each way; `link_mb`: the megabytes
    a second that each of its connections passes, 0 for any number. `servers`: how many are in the cluster, each behind a link of its own.
    `replayed`: the stream that is recorded for the cases of a replay."""

    name: str
    title: str
    streams: tuple[Stream, ...]
    cases: tuple[Case, ...]
    ratios: tuple[Ratio, ...] = ()
    floors: tuple[Floor, ...] = ()
    files: tuple[Lines, ...] = ()
    rounds: int | None = None
    cold: bool = False
    link_ms: int = 0
    link_mb: int = 0
    servers: int = 1
    replayed: str = ""
    note: str = ""


@dataclass(frozen=True)
class Sample:
    """One measurement: `seconds` for `messages`; `cpu_seconds` of our process for it (of a program: from start to end), `process_cpu_seconds` of
    the whole process; `grown_mib` by which resident memory exceeded that before. Latencies in microseconds where many were taken."""

    messages: int
    seconds: float
    cpu_seconds: float
    process_cpu_seconds: float
    grown_mib: float | None = None
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


class Wrong(Exception):
    """A measurement that gave another answer than it should."""
