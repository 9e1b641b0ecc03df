"""A replay to measure against by hand: records a stream of documents, and answers from memory until its input ends.

    .tools/venv/bin/python -m scripts.bench.replay [MESSAGES [KIND]]

Prints the URL; the stream is BENCH. KIND is a word of benches/baselines/documents.rs, json without one. BENCH_PROGRAM names a
built program of the baselines; without it, it is built.
"""

import os
import sys
import tempfile
from pathlib import Path

from scripts.bench import data, libraries
from scripts.bench.model import Group, Stream
from scripts.bench.run import prepare, replay
from scripts.bench.settings import Settings
from scripts.nats_server import Server, end_on_sigterm

STREAM = "BENCH"


def main() -> None:
    end_on_sigterm()
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else Settings.messages
    kind = sys.argv[2] if len(sys.argv) > 2 else "json"
    program = os.environ.get("BENCH_PROGRAM") or libraries.baselines()
    group = Group("replay", "", (Stream(STREAM, kind, data.SIZE, messages),), ())
    with tempfile.TemporaryDirectory(prefix="nats_js-bench-") as folder, Server(Settings.server) as server:
        prepare(group, program, server, Path(folder))
        with replay(program, server.url, STREAM) as url:
            server.close()
            print(url, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
