"""Runs real nats-servers for tests, demo and benchmarks: a free port, a temporary store, gone when the program ends.

    with Server("2.15.1") as server:
        connect(server.url)
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from scripts import tools

READY_SECONDS = 30
POLL_SECONDS = 0.01
STOP_SECONDS = 10
# The address space of a server in bytes: one that reads a damaged block without end (2.15.1) would take all memory of the machine.
MOST_MEMORY = 8 << 30

DEFAULT_CONFIG = "jetstream { store_dir: $STORE_DIR }\n"


class ServerError(Exception):
    """A server that did not start; the text holds its log."""


def limit_memory(process: int) -> None:
    """Ends the process when it takes more than a server should; on Linux alone."""
    if sys.platform == "linux":
        import resource

        try:
            resource.prlimit(process, resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        except ProcessLookupError:
            # It has ended; who waits for it says so.
            pass


class Server:
    """A nats-server of `version` with the NATS configuration `config`, in which `$STORE_DIR` stands for its store.

    The listening address is added; `addresses` has what it listens on, by kind (nats, websocket, monitoring). Without `config` it is a server with JetStream and nothing else.
    """

    def __init__(self, version: str, config: str = DEFAULT_CONFIG):
        self.version = version
        self.config = config
        self.port = -1
        self.addresses: dict[str, list[str]] = {}
        self._process: subprocess.Popen | None = None
        self._place: Path | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """What the server wrote to its log so far."""
        return (self._place / "log").read_text(errors="replace")

    @property
    def store(self) -> Path:
        """Where it keeps its streams."""
        return self._place / "store"

    def __enter__(self) -> "Server":
        self._place = Path(tempfile.mkdtemp(prefix="nats_js-server-"))
        _running.add(self)
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def start(self) -> None:
        """Starts the process; after a `kill` or `stop` again on the same port and store."""
        for stale in self._place.glob("*.ports"):
            stale.unlink()
        config = self._place / "server.conf"
        config.write_text(f'listen: "127.0.0.1:{self.port}"\n{self.config}')
        store = json.dumps(str(self.store))
        with open(self._place / "log", "ab") as log:
            self._process = subprocess.Popen(
                [tools.nats_binary(self.version), "-c", config, "--ports_file_dir", self._place],
                env={**os.environ, "STORE_DIR": store}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        limit_memory(self._process.pid)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            port = self._published_port()
            if port is not None:
                self.port = port
                return
            time.sleep(POLL_SECONDS)
        raise ServerError(f"nats-server {self.version} did not start:\n{self.log}")

    def _published_port(self) -> int | None:
        """The port that the server says it listens on, once it has said so."""
        for file in self._place.glob("*.ports"):
            try:
                self.addresses = json.loads(file.read_text())
            except json.JSONDecodeError:
                return None
            [url] = self.addresses["nats"]
            return int(url.rsplit(":", 1)[1])
        return None

    def stop(self) -> None:
        """Asks the process to end, and waits; one that does not is killed."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: what a crash looks like."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, until `resume`. Every thread has stopped when it returns."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Stops the process and removes its files. Twice is fine."""
        _running.discard(self)
        if self.running:
            self.stop()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)


_running: set[Server] = set()


@atexit.register
def _close_all() -> None:
    for server in list(_running):
        server.close()


def environment_without_nats() -> dict[str, str]:
    """This program's environment without the variables that name a NATS server or an account on one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("NATS_")}


def end_on_sigterm() -> None:
    """Makes SIGTERM end this program as Ctrl-C does, so that nothing it started survives it. Call it in `main`."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
