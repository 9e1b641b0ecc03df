"""Where a lake lives during a test: a PostgreSQL, an S3 server that can be made to fail, and the workers of examples/lake on both.

PostgreSQL refuses to run as root; then it runs as the user `nobody`.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pgserver

from integration.link import Link
from scripts import paths
from scripts.nats_server import POLL_SECONDS, READY_SECONDS

EXTENSION = paths.extension(os.environ["NATS_JS_PROFILE"], duckdb.connect().execute("PRAGMA platform").fetchone()[0])
PARTS = Path(duckdb.__file__).parents[1]
PROGRAMS = Path(pgserver.__file__).parent / "pginstall" / "bin"
BUCKET = "lake"


def part(extension: str) -> Path:
    """The file of one of DuckDB's own extensions."""
    return PARTS / f"duckdb_extension_{extension}" / "extensions" / f"v{duckdb.__version__}" / f"{extension}.duckdb_extension"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(log.read_text())
        time.sleep(POLL_SECONDS)


class Postgres:
    """A PostgreSQL with an empty database, gone after the `with` block."""

    def __enter__(self) -> "Postgres":
        self.place = Path(tempfile.mkdtemp(prefix="nats_js-postgres-"))
        self.port, self.process = free_port(), None
        self.user: dict = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.place, nobody.pw_uid, nobody.pw_gid)
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        command = [PROGRAMS / "initdb", "-D", self.place / "data", "-U", "lake", "--auth=trust", "--no-sync", "--encoding=UTF8"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.place, **self.user)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self) -> None:
        """After `kill` again on the same port and data."""
        log = self.place / "log"
        command = [PROGRAMS / "postgres", "-D", self.place / "data", "-h", "127.0.0.1", "-p", str(self.port), "-k", self.place, "-c", "max_connections=300"]
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.place, **self.user)
        deadline = time.monotonic() + READY_SECONDS
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text())
            time.sleep(POLL_SECONDS)

    def sql(self, statement: str) -> None:
        command = [PROGRAMS / "psql", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lake", "-c", statement, "postgres"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        """Breaks off every connection, as a restart by hand does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(READY_SECONDS)

    def crash(self) -> None:
        """Ends at once, and recovers from its log at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(READY_SECONDS)

    def __exit__(self, *_) -> None:
        if self.process is not None and self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.place, ignore_errors=True)

    @property
    def catalogue(self) -> str:
        return f"postgres:host=127.0.0.1 port={self.port} user=lake dbname=postgres"


class Store:
    """An S3 server in a process of its own, with a door before it: while that is cut, connections are broken off and refused."""

    def __enter__(self) -> "Store":
        self.folder = Path(tempfile.mkdtemp(prefix="nats_js-s3-"))
        self.port, log = free_port(), self.folder / "log"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        wait_for(self.port, self.process, log)
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.port}/{BUCKET}", method="PUT")).close()
        self.stack = ExitStack()
        self.door = self.stack.enter_context(Link(self.port))
        return self

    def __exit__(self, *_) -> None:
        self.stack.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def secret(self) -> str:
        return f"CREATE SECRET (TYPE s3, KEY_ID 'x', SECRET 'y', ENDPOINT '127.0.0.1:{self.door.port}', URL_STYLE 'path', USE_SSL false, REGION 'us-east-1')"


def before(store: Store | None) -> list[str]:
    """The statements that make a lake attachable."""
    return [f"LOAD '{part(extension)}'" for extension in ("ducklake", "postgres_scanner", "httpfs")] + ([store.secret] if store else [])


def attach(catalogue: str, data: str, store: Store | None = None) -> duckdb.DuckDBPyConnection:
    """A connection of the test's own, with the lake attached as `lake`."""
    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for statement in (f"LOAD '{EXTENSION}'", *before(store)):
        database.execute(statement)
    database.execute(f"ATTACH 'ducklake:{catalogue}' AS lake (DATA_PATH '{data}')")
    return database


class Workers:
    """Processes of examples/lake/worker.py; what they say in their logs."""

    def __init__(self, config: Path, url: str):
        self.config, self.url = config, url
        self.processes: dict[str, subprocess.Popen] = {}
        self.options: dict[str, tuple[str, ...]] = {}
        self.lines: list[dict] = []
        self.number = 0

    def start(self, *options: str) -> str:
        """Starts one more; its name."""
        self.number += 1
        label = f"w{self.number}"
        self.options[label] = options
        command = [sys.executable, str(paths.ROOT / "examples/lake/worker.py"), str(self.config), "--name", label, *options]
        environment = os.environ | {"NATS_URL": self.url, "NATS_JS_EXTENSION": str(EXTENSION)}
        process = self.processes[label] = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        threading.Thread(target=self._listen, args=(label, process), daemon=True).start()
        return label

    def _listen(self, label: str, process: subprocess.Popen) -> None:
        for line in process.stderr:
            try:
                self.lines.append({"of": label} | json.loads(line))
            except ValueError:
                self.lines.append({"of": label, "event": "other", "text": line.rstrip()})
        process.stderr.close()

    def said(self, event: str) -> list[dict]:
        return [line for line in list(self.lines) if line["event"] == event]

    def running(self) -> list[str]:
        return [label for label, process in self.processes.items() if process.poll() is None]

    def kill(self, label: str) -> None:
        self.processes[label].kill()
        self.processes[label].wait()

    def _ended_by_duckdb(self, label: str) -> bool:
        """Whether DuckDB ended the process: an error of its own made the database invalid, and it threw on the way out."""
        return any(line["of"] == label and "database has been invalidated" in line.get("text", "") for line in list(self.lines))

    def wait(self, seconds: float) -> None:
        """Until every one has ended; one that fails is an error. One that DuckDB ended is started anew, as a service manager does."""
        deadline = time.monotonic() + seconds
        waiting = list(self.processes.items())
        while waiting:
            label, process = waiting.pop(0)
            try:
                code = process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise TimeoutError(f"{label} has no end: {self.lines[-20:]}") from None
            if code == -signal.SIGABRT and self._ended_by_duckdb(label):
                again = self.start(*self.options[label])
                waiting.append((again, self.processes[again]))
            elif code not in (0, -signal.SIGKILL):
                raise AssertionError(f"{label} ended with {code}: {[line for line in self.lines if line['of'] == label][-10:]}")

    def close(self) -> None:
        for label in self.running():
            self.kill(label)
