"""A place to try things: a nats-server with a stream of believable events that keep coming, and a DuckDB shell with the extension.

    .tools/venv/bin/python -m scripts.play [FILE.sql]

The streams are those that FILE (an example, by default examples/quickstart.sql) asks for. The end of the shell (Ctrl-D) ends it all.
"""

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from scripts import demo, fixtures, matrix, paths, shell
from scripts.fixtures import Wire, WireError
from scripts.nats_server import Server, end_on_sigterm, environment_without_nats

from fixtures import events  # noqa: E402, of test/, which scripts.fixtures puts on the path

STREAM = "MEDIA_EVENTS"
SOURCES = ["plex", "jellyfin", "tautulli"]
LIVE_SEED = 2
EVENTS_A_SECOND = 5

HINTS = f"""
Try, with {{url}} as the server:

  FROM nats_streams();
  SELECT seq, ts_nats, subject FROM nats_scan('{STREAM}', last_n := 5);
  SELECT title, count(*) AS plays FROM nats_scan('{STREAM}', columns := {{{{'title': 'VARCHAR', 'event_type': 'VARCHAR'}}}})
    WHERE event_type = 'start' GROUP BY ALL ORDER BY plays DESC;
  SELECT last_seq, messages FROM nats_last_seq('{STREAM}');      -- again: events keep coming
  .read {{file}}

Ctrl-D ends the shell, the server and everything else.
"""


def live() -> Iterator[dict]:
    """Events as they happen: each now, with the time since its session began kept."""
    for event in events.generate(10**9, LIVE_SEED, SOURCES):
        now = datetime.now(UTC)
        since = datetime.fromisoformat(event["timestamp"]) - datetime.fromisoformat(event["started_at"])
        stopped = events.instant(now) if event["stopped_at"] else None
        yield event | {"timestamp": events.instant(now), "started_at": events.instant(now - since), "stopped_at": stopped}


class Publisher(threading.Thread):
    """Publishes events until it is stopped."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            with Wire(self._url) as wire:
                for event in live():
                    if self._stopped.wait(1 / EVENTS_A_SECOND):
                        return
                    wire.publish([events.message(event)])
        except (OSError, WireError):
            if not self._stopped.is_set():
                print("no more events: the connection to the server is lost", file=sys.stderr)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def has_stream(url: str) -> bool:
    """Whether the file asked for the stream that events go to."""
    with Wire(url) as wire:
        return STREAM in (wire.request("STREAM.NAMES").get("streams") or [])


def run_shell(url: str) -> int:
    """A DuckDB shell, in which the extension is loaded and knows the server."""
    command = shell.command(os.environ.get("NATS_JS_PROFILE", "release"))
    environment = {**environment_without_nats(), "NATS_URL": url}
    return subprocess.run(command, env=environment, cwd=paths.ROOT, check=False).returncode


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("file", type=Path, nargs="?", default=demo.QUICKSTART)
    file = arguments.parse_args().file
    end_on_sigterm()
    needs = fixtures.needs(file)
    with Server(matrix.NEWEST_SERVER, needs.config()) as server:
        needs.prepare(server.url)
        publisher = Publisher(server.url) if has_stream(server.url) else None
        if publisher is not None:
            publisher.start()
        print(HINTS.format(url=server.url, file=os.path.relpath(file, paths.ROOT)), flush=True)
        try:
            return run_shell(server.url)
        finally:
            if publisher is not None:
                publisher.stop()
            print("nats-server stopped, its store removed.")


if __name__ == "__main__":
    sys.exit(main())
