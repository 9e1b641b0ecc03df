"""Runs a program to its end, with a time limit, and leaves none behind."""

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import paths

GRACE_SECONDS = 15
_running: set[subprocess.Popen] = set()
_lock = threading.Lock()
_closed = threading.Event()


class Closed(Exception):
    """Nothing more is started: this program is ending."""


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit code (negative: the signal that ended it) and what it printed."""

    code: int
    output: str


def run(command: Sequence[str | Path], environment: Mapping[str, str], seconds: float) -> Finished:
    """Runs `command` in the project's folder and in a process group of its own, which the time limit ends."""
    with _lock:
        if _closed.is_set():
            raise Closed
        process = subprocess.Popen(
            [str(part) for part in command], cwd=paths.ROOT, env=dict(environment), text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )
        _running.add(process)
    try:
        output, _ = process.communicate(timeout=seconds)
        return Finished(process.returncode, output)
    except subprocess.TimeoutExpired:
        end(process)
        output, _ = process.communicate()
        return Finished(process.returncode or 1, f"{output}\nended after {seconds:g} seconds without an end of its own")
    finally:
        _running.discard(process)


def end(process: subprocess.Popen) -> None:
    """Asks the group to end, so that it can stop what it started, and then makes it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


@atexit.register
def close() -> None:
    """Ends what still runs, and starts nothing more."""
    with _lock:
        _closed.set()
    for process in list(_running):
        end(process)
