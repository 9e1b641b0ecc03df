"""Moves what a stream has into Parquet files, so that its retention may remove it; run it as often as you like, or with `--every`.

    NATS_URL=nats://localhost:4222 python examples/archive/archive.py EVENTS /archive/EVENTS [--every SECONDS]

Below the folder are `day=<date>/<first>-<last>-<number>.parquet` and `manifest.json`, which says what is archived: the files, the ranges with their counts and digests, and
the checkpoint behind the last of them. A file that the manifest does not name is not archived. The manifest is replaced in one step, once the files were read again and
are what the stream has. docs/archive.md says the rest. It needs Python 3.11 and duckdb.
"""

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
import uuid
from pathlib import Path

import duckdb

COLUMNS = "seq, ts_nats, subject, headers, payload"
# The same for rows in any order, and another when one is missing, comes twice, or differs.
DIGEST = "count(*), min(seq), max(seq), coalesce(sum(hash(seq, ts_nats, subject, headers::VARCHAR, payload)::HUGEINT), 0)::VARCHAR"


class Archive:
    def __init__(self, stream: str, folder: Path):
        self.stream, self.folder = stream, folder
        folder.mkdir(parents=True, exist_ok=True)
        # One archiver a folder. The system gives the lock back when the process ends, however it does.
        self.lock = open(folder / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        root = Path(__file__).parents[2]
        extension = os.environ.get("NATS_JS_EXTENSION", str(root / "build/release/nats_js.duckdb_extension"))
        self.database.execute(f"LOAD '{extension}'")
        self.clean()

    @property
    def manifest(self) -> dict:
        file = self.folder / "manifest.json"
        if file.exists():
            return json.loads(file.read_text())
        # A view wants at least one file.
        empty = self.folder / "empty.parquet"
        self.database.execute(f"COPY (SELECT {COLUMNS} FROM nats_scan(?, headers := true) LIMIT 0) TO '{empty}' (FORMAT parquet)", [self.stream])
        return {"stream": self.stream, "last": 0, "checkpoint": None, "files": [empty.name], "ranges": []}

    def clean(self) -> None:
        """Removes what an archiver that died left behind: whatever the manifest does not name."""
        known = set(self.manifest["files"])
        shutil.rmtree(self.folder / "staged", ignore_errors=True)
        for file in self.folder.glob("day=*/*.parquet"):
            if str(file.relative_to(self.folder)) not in known:
                file.unlink()

    def step(self) -> int:
        """Archives what came since the last time; how many messages."""
        manifest = self.manifest
        (upto,) = self.database.execute("SELECT nats_checkpoint(?)", [self.stream]).fetchone()
        if upto == manifest["checkpoint"]:
            return 0
        staged = self.stage(manifest["checkpoint"], upto)
        rows, first, last, digest = self.verify(staged, manifest["checkpoint"], upto)
        files = self.place(staged, first, last) if rows else []
        manifest["files"] += files
        if rows:
            manifest["ranges"].append({"first": first, "last": last, "rows": rows, "digest": digest})
        manifest |= {"last": last or manifest["last"], "checkpoint": upto}
        self.record(manifest)
        return rows

    def scan(self, after: str | None, upto: str) -> str:
        quoted = "NULL" if after is None else f"'{after}'"
        return f"nats_scan('{self.stream}', after := {quoted}, upto := '{upto}', headers := true)"

    def stage(self, after: str | None, upto: str) -> Path:
        """Writes the range where nobody looks."""
        staged = self.folder / "staged" / uuid.uuid4().hex
        staged.parent.mkdir(exist_ok=True)
        self.database.execute(
            f"COPY (SELECT {COLUMNS}, ts_nats::DATE AS day FROM {self.scan(after, upto)}) TO '{staged}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day))"
        )
        return staged

    def verify(self, staged: Path, after: str | None, upto: str) -> tuple[int, int, int, str]:
        """Reads both, the files and the stream. What differs is an error, and nothing is archived."""
        of_stream = self.database.execute(f"SELECT {DIGEST} FROM {self.scan(after, upto)}").fetchone()
        files = [str(file) for file in staged.glob("day=*/*.parquet")]
        of_files = self.database.execute(f"SELECT {DIGEST} FROM read_parquet(?, hive_partitioning := false)", [files]).fetchone() if files else (0, None, None, "0")
        if of_stream != of_files:
            raise RuntimeError(f"the files have (rows, first, last, digest) {of_files}, and the stream {of_stream}: nothing is archived; run it again")
        return of_files

    def place(self, staged: Path, first: int, last: int) -> list[str]:
        """Moves the files to their days; their names relative to the folder."""
        placed = []
        for number, file in enumerate(sorted(staged.glob("day=*/*.parquet"))):
            target = self.folder / file.parent.name / f"{first:020}-{last:020}-{number}.parquet"
            target.parent.mkdir(exist_ok=True)
            with open(file, "rb") as written:
                os.fsync(written.fileno())
            file.rename(target)
            synced(target.parent)
            placed.append(str(target.relative_to(self.folder)))
        synced(self.folder)
        shutil.rmtree(staged)
        return placed

    def record(self, manifest: dict) -> None:
        """From here on the range is archived."""
        temporary = self.folder / "manifest.new"
        with open(temporary, "w") as out:
            json.dump(manifest, out)
            out.flush()
            os.fsync(out.fileno())
        temporary.rename(self.folder / "manifest.json")
        synced(self.folder)


def synced(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("stream")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--every", type=float, help="goes on, with pauses of so many seconds")
    options = arguments.parse_args()
    archive = Archive(options.stream, options.folder)
    if not (options.folder / "manifest.json").exists():
        archive.record(archive.manifest)
    while True:
        try:
            print(f"{options.stream}: {archive.step()} archived", flush=True)
        except (duckdb.Error, RuntimeError) as error:
            print(f"{options.stream}: {error}", file=sys.stderr, flush=True)
            if options.every is None:
                return 1
        if options.every is None:
            return 0
        time.sleep(options.every)


if __name__ == "__main__":
    sys.exit(main())
