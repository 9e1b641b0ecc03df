"""`make bench`.

    python -m scripts.bench

Starts nats-servers of its own, fills streams, and measures case after case, round after round, so that a change of the machine's speed
meets all alike. Prints medians and ratios and writes every sample to build/bench/results.json; `settings` has the variables that say how
much. It needs Linux, some GiB in the temporary folder, and no other load.
"""

import json
import os
import sys
import time
from datetime import date

from scripts import paths
from scripts.bench import libraries, plot, report
from scripts.bench.groups import GROUPS
from scripts.bench.machine import machine, versions
from scripts.bench.run import run
from scripts.bench.settings import Settings, SettingsError, from_environment
from scripts.bench.summary import merged
from scripts.nats_server import end_on_sigterm

DOCUMENTS = paths.ROOT / "docs" / "benchmarks"


def main() -> None:
    end_on_sigterm()
    started = time.monotonic()
    try:
        settings = from_environment(os.environ, list(GROUPS))
    except SettingsError as error:
        sys.exit(str(error))
    libraries.python().ensure()
    program = libraries.baselines()
    results = {
        "date": date.today().isoformat(), "machine": machine(), "versions": versions(settings),
        "settings": {"messages": settings.messages, "many": settings.many, "rounds": settings.rounds}, "groups": [],
    }
    for name in settings.only or GROUPS:
        results["groups"].append(run(GROUPS[name](settings), program, settings))
        # A group that fails takes nothing from those before it.
        write(results, settings)
    print(report.text(results))
    print(f"\n{report.goals(results)}")
    print(f"in {time.monotonic() - started:.0f} s")


def write(results: dict, settings: Settings) -> None:
    """The results as files: below build/ and, when they are to be kept, in docs/benchmarks."""
    files = {paths.ROOT / "build" / "bench" / "results.json": lines(results)}
    if settings.record:
        kept = DOCUMENTS / f"{results['date']}.json"
        if kept.exists():
            results = merged(json.loads(kept.read_text(encoding="utf-8")), results, list(GROUPS))
        files[kept] = lines(results)
        files[kept.with_suffix(".md")] = report.markdown(results)
        picture = plot.reading_svg(results)
        if picture:
            files[DOCUMENTS / "reading.svg"] = picture
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    print(f"written to {' and '.join(str(file.relative_to(paths.ROOT)) for file in files)}", flush=True)


def lines(results: dict) -> str:
    return json.dumps(results, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
