"""Moves what a stream has into Parquet files, so that its retention may remove it; run it as often as you like, or with `--every`.

    NATS_URL=nats://localhost:4222 python examples/archive/archive.py EVENTS /archive/EVENTS [--every SECONDS]

Below the folder are `day=<date>/<first>-<last>-<number>.parquet` and `manifest.json`, which says what is archived: the files, the ranges with their counts and digests, and
the checkpoint behind the last of them. A file that the manifest does not name is not archived. The manifest is replaced in one step, once the files were read again and
are what the stream has. docs/archive.md says the rest. It needs Python 3.11 and duckdb.

The folder may be one of an object store, `s3://bucket/EVENTS`; `--before` has the statements that make DuckDB reach it. A catalogue of a DuckLake, `ducklake:...`, is
a third target: archive_lake.py.
"""

import argparse
import fcntl
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from pathlib import Path

import duckdb

COLUMNS = "seq, ts_nats, subject, headers, payload"
# The same for rows in any order, and another when one is missing, comes twice, or differs.
DIGEST = "count(*), min(seq), max(seq), coalesce(sum(hash(seq, ts_nats, subject, headers::VARCHAR, payload)::HUGEINT), 0)::VARCHAR"


def connected(before: list[str] = ()) -> duckdb.DuckDBPyConnection:
    """A database with the extension, behind the statements of `before`."""
    database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    root = Path(__file__).parents[2]
    extension = os.environ.get("NATS_JS_EXTENSION", str(root / "build/release/nats_js.duckdb_extension"))
    database.execute(f"LOAD '{extension}'")
    for statement in before:
        database.execute(os.path.expandvars(statement))
    return database


def scan(stream: str, after: str | None, upto: str) -> str:
    """The messages from behind one checkpoint up to another, as a relation."""
    quoted = "NULL" if after is None else f"'{after}'"
    return f"nats_scan('{stream}', after := {quoted}, upto := '{upto}', headers := true)"


class Archive:
    def __init__(self, stream: str, folder: Path):
        self.stream, self.folder = stream, folder
        folder.mkdir(parents=True, exist_ok=True)
        # One archiver a folder. The system gives the lock back when the process ends, however it does.
        self.lock = open(folder / "lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.database = connected()
        self.clean()
        if not (folder / "manifest.json").exists():
            self.record(self.manifest)

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
        return scan(self.stream, after, upto)

    def files(self, staged: Path) -> list[str]:
        """The files of a range that is written and not archived yet."""
        return [str(file) for file in staged.glob("day=*/*.parquet")]

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
        files = self.files(staged)
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


class StoreArchive(Archive):
    """The same in an object store, which has no lock and no rename: files are written once, under names that nobody else takes, and an object is replaced in one step."""

    def __init__(self, stream: str, folder: str, before: list[str]):
        self.stream, self.folder = stream, folder.rstrip("/")
        self.database = connected(before)
        if self.found() is None:
            empty = f"{self.folder}/empty.parquet"
            self.database.execute(f"COPY (SELECT {COLUMNS} FROM nats_scan('{stream}', headers := true) LIMIT 0) TO '{empty}' (FORMAT parquet)")
            self.record({"stream": stream, "last": 0, "checkpoint": None, "files": ["empty.parquet"], "ranges": []})

    def found(self) -> dict | None:
        """The manifest that is there; None before the first."""
        if not self.database.execute("SELECT file FROM glob(?)", [f"{self.folder}/manifest*.json"]).fetchall():
            return None
        return json.loads(self.database.execute("SELECT content FROM read_text(?)", [self.name]).fetchone()[0])

    @property
    def name(self) -> str:
        return f"{self.folder}/manifest.json"

    @property
    def manifest(self) -> dict:
        self.began = self.found()
        return json.loads(json.dumps(self.began))

    def stage(self, after: str | None, upto: str) -> list[str]:
        """Writes the range under names of its own, which no manifest has yet; the names."""
        written = self.database.execute(
            f"""COPY (SELECT {COLUMNS}, ts_nats::DATE AS day FROM {self.scan(after, upto)}) TO '{self.folder}'
            (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (day), OVERWRITE_OR_IGNORE, FILENAME_PATTERN '{uuid.uuid4().hex}-{{i}}', RETURN_FILES)"""
        )
        (_, files) = written.fetchone()
        return files

    def files(self, staged: list[str]) -> list[str]:
        return staged

    def place(self, staged: list[str], first: int, last: int) -> list[str]:
        return [file.removeprefix(f"{self.folder}/") for file in staged]

    def record(self, manifest: dict) -> None:
        """From here on the range is archived. Where another archiver was faster, nothing is."""
        if manifest["checkpoint"] is not None and self.found() != self.began:
            raise RuntimeError("another archiver has replaced the manifest meanwhile: nothing is archived; let one run at a time")
        shape = "{'stream': 'VARCHAR', 'last': 'UBIGINT', 'checkpoint': 'VARCHAR', 'files': 'VARCHAR[]', 'ranges': 'STRUCT(first UBIGINT, last UBIGINT, rows UBIGINT, digest VARCHAR)[]'}"
        with tempfile.NamedTemporaryFile("w", suffix=".json") as out:
            json.dump(manifest, out)
            out.flush()
            self.database.execute(f"COPY (FROM read_json('{out.name}', columns := {shape}, maximum_object_size := 1073741824)) TO '{self.name}' (FORMAT json)")


def synced(folder: Path) -> None:
    """Waits until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def opened(stream: str, target: str, before: list[str]):
    """The archive at a target: a folder, one of an object store, or a DuckLake."""
    if target.startswith("ducklake:"):
        from archive_lake import LakeArchive

        return LakeArchive(stream, target, before)
    return StoreArchive(stream, target, before) if "://" in target else Archive(stream, Path(target))


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("stream")
    arguments.add_argument("folder", help="a folder, s3://..., or ducklake:...")
    arguments.add_argument("--before", action="append", default=[], help="a statement to run first, such as LOAD and CREATE SECRET; $NAMES are taken from the environment")
    arguments.add_argument("--every", type=float, help="goes on, with pauses of so many seconds")
    options = arguments.parse_args()
    archive = opened(options.stream, options.folder, options.before)
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
