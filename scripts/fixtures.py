"""Reads the fixtures that a test or an example asks for in its comments, and applies them to a server.

    # fixture: stream name=ORDERS subjects=orders.>
    -- fixture: events stream=MEDIA_EVENTS count=1000
    # server: no_jetstream
    <!-- fixture: stream name=ORDERS subjects=orders.> -->
"""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts import paths
from scripts.nats_server import DEFAULT_CONFIG

sys.path.insert(0, str(paths.ROOT / "test"))

from fixtures import NAMES  # noqa: E402
from fixtures.wire import Message, Wire, WireError  # noqa: E402, F401

SERVERS = paths.ROOT / "test" / "servers"
_DIRECTIVE = re.compile(r"^(?:#|--|<!--) (fixture|server): *(.*?)(?: -->)?$")


class FixtureError(Exception):
    """A line that asks for something that cannot be done, with its place."""


@dataclass(frozen=True)
class Fixture:
    """One `fixture:` line."""

    place: str
    name: str
    arguments: dict[str, str]

    def apply(self, wire: Wire) -> None:
        try:
            NAMES[self.name](wire, **self.arguments)
        except Exception as error:
            raise FixtureError(f"{self.place}: fixture {self.name}: {error}") from error


@dataclass(frozen=True)
class Needs:
    """What a file wants to find: its fixtures, and the special server it runs under, if any."""

    fixtures: list[Fixture]
    server: Path | None

    def config(self) -> str:
        """The configuration of the server."""
        return self.server.read_text() if self.server else DEFAULT_CONFIG

    def prepare(self, url: str) -> None:
        """Applies the fixtures to a server that has just started."""
        if not self.fixtures:
            return
        with Wire(administrator(url, self.config())) as wire:
            for fixture in self.fixtures:
                fixture.apply(wire)


def needs(file: Path) -> Needs:
    """What the comments of `file` ask for."""
    fixtures, server = [], None
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = _DIRECTIVE.match(line)
        if match is None:
            continue
        place = f"{file}:{number}"
        if match[1] == "server":
            server = SERVERS / f"{match[2].strip()}.conf"
            if not server.exists():
                raise FixtureError(f"{place}: there is no {server}")
        else:
            fixtures.append(parse(place, match[2]))
    return Needs(fixtures, server)


def parse(place: str, text: str) -> Fixture:
    """A fixture's name and arguments, split as a shell would."""
    name, *pairs = shlex.split(text) or [""]
    if name not in NAMES:
        raise FixtureError(f"{place}: there is no fixture '{name}'; there are {', '.join(NAMES)}")
    arguments = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise FixtureError(f"{place}: '{pair}' is not key=value")
        arguments[key] = value
    return Fixture(place, name, arguments)


def administrator(url: str, config: str) -> str:
    """The URL by which fixtures reach the server: with the user of the `# admin: user:password` line of its configuration."""
    match = re.search(r"^# admin: (\S+)$", config, re.MULTILINE)
    return url.replace("://", f"://{match[1]}@") if match else url
