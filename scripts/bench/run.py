"""Runs a group: a server or some, its streams and files, and then its cases in turn, round after round."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

from scripts import fixtures
from scripts.bench import data, place
from scripts.bench.measure import Bench
from scripts.bench.model import Group, Sample
from scripts.bench.settings import Settings
from scripts.bench.summary import summarize
from scripts.nats_server import Server


def run(group: Group, program: str, settings: Settings) -> dict:
    """The group's results. The first round warms up and does not count; it is also the one that checks most."""
    started = time.monotonic()
    rounds = min(settings.rounds, group.rounds or settings.rounds)
    samples: dict[str, list[Sample]] = {case.name: [] for case in group.cases}
    if len(samples) < len(group.cases):
        raise ValueError(f"{group.name}: two cases have one name")
    with (
        place.servers(settings.server, group.servers) as servers,
        tempfile.TemporaryDirectory(prefix="nats_js-bench-") as folder,
        slow_links(program, servers, group) if group.link_ms or group.link_mb else nullcontext("") as link,
    ):
        server = servers[0]
        prepare(group, program, server, Path(folder))
        with replay(program, server.url, group.replayed) if group.replayed else nullcontext("") as replayed:
            print(f"{group.name}: prepared in {time.monotonic() - started:.0f} s", flush=True)
            bench = Bench(program, settings.host, server.url, link, replayed, Path(folder))
            for number in range(rounds + 1):
                began = time.monotonic()
                for case in group.cases:
                    if group.cold:
                        chill(server)
                    sample = bench.measure(case, first=number == 0)
                    if number:
                        samples[case.name].append(sample)
                about = f"round {number} of {rounds}" if number else "warmed up"
                print(f"{group.name}: {about} in {time.monotonic() - began:.0f} s", flush=True)
    return {**summarize(group, samples), "round_count": rounds, "took_seconds": round(time.monotonic() - started)}


def prepare(group: Group, program: str, server: Server, folder: Path) -> None:
    """Makes and fills the streams and writes the files."""
    for stream in group.streams:
        line = f"stream name={stream.name} subjects={stream.prefix}.> {stream.options}"
        place.ready(server, fixtures.parse(group.name, line).apply)
    for stream in group.streams:
        if stream.subjects:
            tool(program, "load", server.url, stream.prefix, stream.subjects, stream.kind, str(stream.size), str(stream.messages))
            place.wait_until_current(server, stream.name)
    for file in group.files:
        tool(program, "file", str(folder / file.name), file.kind, str(file.size), str(file.messages))
    (folder / "event.proto").write_text(data.PROTO)


def tool(program: str, *words: str) -> None:
    """Runs the program with the baselines for its effect."""
    subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def listening(program: str, *words: str) -> Iterator[str]:
    """The URL on which the program with the baselines listens."""
    with subprocess.Popen([program, *words], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        # It ends with its input, which leaving the block closes.
        yield "nats://" + json.loads(process.stdout.readline())["address"]


@contextmanager
def slow_links(program: str, servers: list[Server], group: Group) -> Iterator[str]:
    """The URLs of a proxy to each server that delays each direction, or is narrow."""
    numbers = str(group.link_ms), str(group.link_mb)
    with ExitStack() as stack:
        yield ",".join(
            stack.enter_context(listening(program, "proxy", server.url.removeprefix("nats://"), *numbers)) for server in servers
        )


def replay(program: str, url: str, stream: str) -> AbstractContextManager[str]:
    """The URL of a server that answers from memory what the server at `url` answers about a stream."""
    return listening(program, "replay", url, stream)


def chill(server: Server) -> None:
    """Restarts the server, which forgets what it has cached, and then drops its files from the page cache: starting reads them."""
    server.stop()
    server.start()
    for file in server.store.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            try:
                # Only what is on the disk can be dropped.
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
