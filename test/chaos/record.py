"""What is kept of a wrong answer: how to play it again, what was answered, and the stores of the servers."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from chaos.model import Answer, World
from chaos.place import Place
from chaos.readers import Question
from scripts import paths

FOLDER = paths.ROOT / "build" / "chaos"
MOST = 50


def difference(answer: Answer, world: World) -> dict:
    """How the rows differ from a history; the first few of each."""
    got = [row[0] for row in answer.rows if len(row) == 3]
    return {
        "rows": len(answer.rows),
        "declared": world.declared,
        "of": [len(world.must), len(world.may)],
        "missing": sorted(world.must.keys() - set(got))[:MOST],
        "unknown": sorted(set(got) - world.may.keys())[:MOST],
        "other": [seq for seq, *rest in answer.rows if len(rest) == 2 and seq in world.may and tuple(rest) != (world.may[seq].subject, world.may[seq].payload)][:MOST],
        "in order": got == sorted(set(got)),
    }


def rows(answer: Answer) -> list[str]:
    """The first value of each row, which mostly is the sequence; runs as `first-last`."""
    runs: list[list[int]] = []
    for first, *_ in answer.rows:
        if not isinstance(first, int):
            return [str(row)[:200] for row in answer.rows[:MOST]]
        if runs and first == runs[-1][1] + 1:
            runs[-1][1] = first
        else:
            runs.append([first, first])
    return [f"{first}-{last}" for first, last in runs]


def keep(seed: int, number: int, place: Place, fault: str, question: Question, answer: Answer, worlds: Sequence[World], schedule: list[str]) -> Path:
    """Writes the record and copies stores and logs; the folder."""
    folder = FOLDER / f"wrong-{seed}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record = {
        "play again": f"make chaos SEED={seed} ROUNDS=1 PLACE='{place.kind.name}'",
        "place": asdict(place.kind), "fault": fault, "reader": question.reader, "statement": question.text, "stream": question.stream,
        "error": answer.error, "rows": rows(answer), "differs": [difference(answer, world) for world in worlds], "schedule": schedule,
    }
    (folder / "record.json").write_text(json.dumps(record, indent=1, default=str))
    for name, server in place.servers.items():
        (folder / f"{name}.log").write_text(server.log)
        shutil.copytree(server.store, folder / name, ignore_dangling_symlinks=True, dirs_exist_ok=True)
    return folder
