"""Measures one case: runs what it asks for in a process of its own, and checks what came out."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from scripts import doors, fixtures, package, paths, tools
from scripts.bench import follow, libraries
from scripts.bench.model import Case, Follow, NatsPy, Program, Sample, Statement, Wrong
from scripts.bench.summary import percentile
from scripts.nats_server import environment_without_nats

CASE_SECONDS = 900


@dataclass
class Bench:
    """Where the cases of a group find things. `link` is the far end of the slow link to the server, `replay` the server that answers from
    memory, where there is one."""

    program: str
    host: str
    url: str
    link: str
    replay: str
    files: Path
    # What each statement answered first.
    answers: dict[str, list[list[str]]] = field(default_factory=dict)

    def measure(self, case: Case, first: bool) -> Sample:
        """One sample. `first`: what can be checked once is checked now."""
        if not case.fills:
            return self._measure(case, first)
        with fixtures.Wire(self.url) as wire:
            wire.request(f"STREAM.PURGE.{case.fills}")
            sample = self._measure(case, first)
            stored = wire.request(f"STREAM.INFO.{case.fills}")["state"]["messages"]
        if stored != case.messages:
            raise Wrong(f"{case.name}: {stored} messages were stored, not {case.messages}")
        return sample

    def _measure(self, case: Case, first: bool) -> Sample:
        match case:
            case Program():
                return self._program(case, [self.program, *(self._text(word, case) for word in case.words)])
            case NatsPy():
                return self._program(case, [*_python("nats_py"), self.url, case.stream, str(case.messages)])
            case Statement():
                return self._statement(case, first)
            case Follow():
                return self._follow(case)
        raise ValueError(case)

    def _program(self, case: Case, command: list[str]) -> Sample:
        tally, cpu = self._run(case, command)
        if tally["messages"] != case.messages:
            raise Wrong(f"{case.name}: {tally}")
        latencies = {f"{name}_us": tally[name] for name in ("p50", "p99") if name in tally}
        return Sample(case.messages, tally["seconds"], cpu, cpu, **latencies)

    def _statement(self, case: Statement, first: bool) -> Sample:
        with tempfile.TemporaryDirectory(prefix="nats_js-bench-") as folder:
            job = {
                "extension": str(extension(doors.DOORS[case.door])) if case.loads else None,
                "database": f"{folder}/bench.duckdb" if case.database else "",
                "setup": [self._text(statement, case) for statement in case.setup],
                "sql": self._text(case.sql, case),
                "before": self._text(case.before, case),
                "repeat": case.repeat,
                "check": self._text(case.check, case) if first else "",
            }
            result, cpu = self._run(case, _python("child"), json.dumps(job))
        expected = [list(row) for row in case.rows] if case.rows else self.answers.setdefault(case.name, result["rows"])
        if result["rows"] != expected:
            raise Wrong(f"{case.name}: {result['rows'][:3]}, not {expected[:3]}")
        if not result["checked"]:
            raise Wrong(f"{case.name}: this is not true: {job['check']}")
        seconds = result["seconds"]
        several = len(seconds) > 1
        latencies = {f"p{part}_us": percentile(seconds, part) * 1e6 for part in (50, 95, 99) if several}
        grown = result["grown_kib"] / 1024
        return Sample(case.messages * len(seconds), sum(seconds), result["cpu_seconds"], cpu, grown, **latencies)

    def _follow(self, case: Follow) -> Sample:
        subject, rate = f"{case.stream.lower()}.event", case.messages / case.seconds
        before = os.times()
        found = follow.measure(self.url, case.stream, subject, self._environment(case), str(extension(doors.V1)), case.seconds, rate)
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Sample(found.pop("count"), case.seconds, cpu, cpu, **found)

    def _text(self, text: str, case: Case) -> str:
        return text.replace("{url}", self._url(case)).replace("{files}", str(self.files))

    def _url(self, case: Case) -> str:
        if case.replay:
            return self.replay
        return self.link if case.link else self.url

    def _environment(self, case: Case) -> dict[str, str]:
        folders = [tools.duckdb(self.host).folder, libraries.python().folder, paths.ROOT]
        return {
            **environment_without_nats(), "NATS_URL": self._url(case), "PYTHONPATH": os.pathsep.join(map(str, folders)), "TZ": "UTC",
        }

    def _run(self, case: Case, command: list[str], text: str = "") -> tuple[dict, float]:
        """The line of JSON that the command prints, and the processor time that it took."""
        process = subprocess.Popen(
            command, cwd=paths.ROOT, env=self._environment(case), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        limit = threading.Timer(CASE_SECONDS, process.kill)
        limit.start()
        try:
            with process.stdin, process.stdout:
                process.stdin.write(text)
                process.stdin.close()
                output = process.stdout.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            limit.cancel()
            if process.returncode is None:
                process.kill()
                process.wait()
        if process.returncode:
            raise Wrong(f"{case.name}: ended with {process.returncode}")
        return json.loads(output), used.ru_utime + used.ru_stime


def extension(door: doors.Door) -> Path:
    """The file that is measured."""
    return paths.extension("release", package.machine(), door.folder)


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", f"scripts.bench.{module}"]
