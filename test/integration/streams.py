"""Streams as a test wants them, by the lines of test/fixtures, and what they hold."""

from scripts import fixtures


def fill(url: str, *lines: str) -> None:
    """Applies fixtures: `fill(url, "stream name=S subjects=a", "messages stream=S subject=a count=10")`."""
    with fixtures.Wire(url) as wire:
        for line in lines:
            fixtures.parse(line, line).apply(wire)


def state(url: str, name: str) -> dict:
    """`messages`, `first_seq`, `last_seq` of a stream, in the server's own words."""
    with fixtures.Wire(url) as wire:
        return wire.request(f"STREAM.INFO.{name}")["state"]
