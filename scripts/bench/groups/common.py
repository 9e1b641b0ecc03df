"""Cases that several groups have."""

from scripts.bench.model import Program, Statement

DRAIN = "wire drain"
PULL = "async-nats, pull consumer"
PUSH = "push drain"
DURABLE, SETTLE = "durable drain", "durable drain, acknowledgements"
SINGLE = "async-nats, single gets in turn"
COUNT = "count(*)"
SUM = "sum(octet_length(payload))"

# Messages in a batch of the client, and of the drain, for which more than 4000 gained nothing.
BATCH = 1000
DRAIN_BATCH = 4000
# What a batch may hold: four of them are under way, and a server hangs up on a reader with 64 MiB unread.
BATCH_BYTES = 4 << 20


def warm(stream: str) -> tuple[str, ...]:
    """Opens both connections of a scan."""
    return (f"SELECT last_seq FROM nats_last_seq('{stream}')", f"SELECT count(*) FROM nats_scan('{stream}', end_seq := 10)")


def drain(stream: str, messages: int, size: int, name: str = DRAIN, link: bool = False) -> Program:
    """A raw socket that looks at the frames and drops them. The stream has no holes."""
    batch = min(DRAIN_BATCH, BATCH_BYTES // size)
    return Program(name, messages, link, words=("drain", "{url}", stream, str(messages), str(batch)))


def pull(stream: str, messages: int, *subject: str, name: str = PULL) -> Program:
    """The client's consumer, which leaves state on the server while it reads."""
    return Program(name, messages, words=("pull", "{url}", stream, str(messages), *subject))


def push(stream: str, messages: int) -> Program:
    """A raw socket and a push consumer, which sends without being asked; frames are looked at and dropped."""
    return Program(PUSH, messages, words=("push", "{url}", stream, str(messages)))


def durable(stream: str, messages: int) -> tuple[Program, Program]:
    """A raw socket and a durable, whose server remembers what is not acknowledged: the reading, and the acknowledging."""
    return tuple(Program(name, messages, words=(word, "{url}", stream, str(messages))) for name, word in ((DURABLE, "durable"), (SETTLE, "settle")))


def single(stream: str, messages: int, link: bool = False, name: str = SINGLE) -> Program:
    """One request after the other."""
    return Program(name, messages, link, words=("single", "{url}", stream, str(messages)))


def scan(name: str, stream: str, messages: int, what: str = "count(*)", arguments: str = "", **more) -> Statement:
    """`SELECT what FROM nats_scan(stream, arguments)`, warm."""
    extra = f", {arguments}" if arguments else ""
    return Statement(name, messages, sql=f"SELECT {what} FROM nats_scan('{stream}'{extra})", setup=warm(stream), **more)


def count_and_sum(stream: str, messages: int, size: int, suffix: str = "") -> tuple[Statement, Statement]:
    """The two statements that stand beside every drain. All payloads have `size` bytes."""
    return (
        scan(COUNT + suffix, stream, messages, rows=((str(messages),),)),
        scan(SUM + suffix, stream, messages, "sum(octet_length(payload))", rows=((str(messages * size),),)),
    )


def numbers(first: int, last: int) -> tuple[tuple[str, ...], ...]:
    """One column of numbers, as a statement answers them."""
    return tuple((str(number),) for number in range(first, last + 1))


