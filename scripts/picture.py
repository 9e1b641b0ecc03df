"""Draws docs/session.svg: a session of the DuckDB shell with a real server, as it was.

    .tools/venv/bin/python -m scripts.picture
"""

import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from scripts import fixtures, matrix, paths, shell
from scripts.nats_server import Server, end_on_sigterm, environment_without_nats

OUT = paths.ROOT / "docs" / "session.svg"
FIXTURES = (
    "stream name=MEDIA_EVENTS subjects=playback.> max_age=7d",
    "events stream=MEDIA_EVENTS count=20000",
)
STATEMENTS = (
    "SELECT count(*), max(seq) FROM nats_scan('MEDIA_EVENTS');",
    "SELECT title, count(*) AS plays FROM nats_scan('MEDIA_EVENTS', subject := 'playback.*.movie',\n"
    "  columns := {'title': 'VARCHAR', 'event_type': 'VARCHAR'}) WHERE event_type = 'start' GROUP BY ALL ORDER BY plays DESC;",
    "CREATE TABLE sessions (correlation_key VARCHAR PRIMARY KEY, title VARCHAR);",
    "INSERT INTO sessions SELECT correlation_key, title FROM nats_ingest('MEDIA_EVENTS', columns := {'title': 'VARCHAR'},\n"
    "  correlation_key := '{user_id}:{rating_key}:{started_at@5m}') ON CONFLICT DO NOTHING;",
    "INSERT INTO sessions SELECT correlation_key, title FROM nats_ingest('MEDIA_EVENTS', columns := {'title': 'VARCHAR'},\n"
    "  correlation_key := '{user_id}:{rating_key}:{started_at@5m}') ON CONFLICT DO NOTHING;  -- again",
)
PROMPT = "D "
LINE, COLUMN, MARGIN = 19, 7.8, 16
STYLE = "text { font: 13px ui-monospace, Menlo, Consolas, monospace; white-space: pre } .typed { fill: #79c0ff } .said { fill: #e6edf3 }"


def answer(command: list[str | Path], environment: dict[str, str], sql: str) -> list[str]:
    """What the shell prints for a statement."""
    ended = subprocess.run(command, env=environment, input=sql, text=True, capture_output=True, check=True)
    return ended.stdout.rstrip().splitlines()


def session(url: str, database: Path) -> list[tuple[bool, str]]:
    """The lines of the session, and whether they were typed."""
    command = [*shell.command("release", "-bail", "-cmd", ".changes on"), database]
    environment = {**environment_without_nats(), "NATS_URL": url, "NO_COLOR": "1"}
    lines: list[tuple[bool, str]] = []
    for statement in STATEMENTS:
        typed = (PROMPT + statement).splitlines()
        shown = [line for line in answer(command, environment, statement) if not (line.startswith("changes:") and "INSERT" not in statement)]
        lines += [(True, line) for line in typed] + [(False, line) for line in shown]
    return lines


def svg(lines: list[tuple[bool, str]]) -> str:
    """The lines as a picture of a terminal."""
    width = round(max(len(line) for _, line in lines) * COLUMN) + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    texts = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + LINE * number - 5}" class="{"typed" if typed else "said"}">{escape(line)}</text>'
        for number, (typed, line) in enumerate(lines, 1)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
        f"<title>A session of the DuckDB shell with nats_js</title>\n<style>{STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>\n{texts}\n</svg>\n'
    )


def main() -> None:
    end_on_sigterm()
    with Server(matrix.NEWEST_SERVER) as server:
        with fixtures.Wire(server.url) as wire:
            for line in FIXTURES:
                fixtures.parse(__file__, line).apply(wire)
        OUT.write_text(svg(session(server.url, server.store / "session.duckdb")))
    print(OUT.relative_to(paths.ROOT))


if __name__ == "__main__":
    main()
