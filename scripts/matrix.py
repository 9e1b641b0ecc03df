"""What runs where: the suites, and the hosts and servers that each of them runs on."""

from dataclasses import dataclass
from pathlib import Path

from scripts import doors, paths, servers, tools
from scripts.doors import Door
from scripts.tools import Tool

NEWEST_HOST = "2.0.0"
CLI = "1.5.6"
LAKE_HOST = tools.pins()["lake"][0]
CLIENTS_HOST = tools.pins()["clients"][0]
# Suites with a DuckDB and libraries of their own, which some machines cannot have.
EXTRAS = {"lake": tools.lake, "clients": tools.clients}
NEWEST_SERVER = "2.15.1"
SQL_HOSTS = ((NEWEST_HOST, doors.V2), ("1.5.6", doors.V1))


@dataclass(frozen=True)
class Combination:
    """The files of a suite on one host with one server. `kind` says how a file is run: sql, python, page or cli."""

    suite: str
    kind: str
    host: str
    server: str
    files: tuple[Path, ...]
    door: Door = doors.V1

    @property
    def name(self) -> str:
        return f"{self.suite}, host {self.host}, door {self.door.name}, server {self.server}"

    @property
    def host_tool(self) -> Tool:
        """The DuckDB that this runs on."""
        if self.kind == "cli":
            return tools.cli(self.host)
        return EXTRAS.get(self.suite, tools.duckdb)(self.host)

    @property
    def optional(self) -> bool:
        """Whether this is skipped where its host cannot be had."""
        return self.suite in EXTRAS

    def missing(self) -> str | None:
        """The tool without which this cannot run."""
        for tool in (tools.venv(), self.host_tool, tools.nats(self.server)):
            if not tool.installed():
                return tool.name
        return None


def combinations(both_doors: bool = False) -> list[Combination]:
    """Everything that `make test` runs besides cargo; what holds the longest files stands first.

    Each suite goes through the newest door of its host, and the reading suite through the other one, too; with
    `both_doors` every suite of the newest host goes through both.
    """
    pins = tools.pins()
    sql_hosts = [host for host, _ in SQL_HOSTS]
    old_hosts = [version for version in pins["duckdb"] if version not in sql_hosts]
    old_servers = [version for version in servers.chosen() if version != NEWEST_SERVER]
    sql = found("test/sql", "*.test")
    reading = found("test/sql/reading", "*.test")
    integration = found("test/integration", "test_*.py")
    chaos = found("test/chaos", "test_*.py")
    hosts = found("test/hosts", "test_*.py")
    other_door = [
        Combination("sql", "sql", NEWEST_HOST, NEWEST_SERVER, sql),
        Combination("integration", "python", NEWEST_HOST, NEWEST_SERVER, integration),
    ]
    return [
        Combination("integration", "python", NEWEST_HOST, NEWEST_SERVER, integration, doors.V2),
        *(Combination("sql", "sql", host, NEWEST_SERVER, sql, door) for host, door in SQL_HOSTS),
        Combination("lake", "python", LAKE_HOST, NEWEST_SERVER, found("test/lake", "test_*.py")),
        Combination("clients", "python", CLIENTS_HOST, NEWEST_SERVER, found("test/clients", "test_*.py")),
        Combination("chaos", "python", NEWEST_HOST, NEWEST_SERVER, chaos, doors.V2),
        *(other_door if both_doors else [Combination("reading", "sql", NEWEST_HOST, NEWEST_SERVER, reading)]),
        *(Combination("hosts", "python", host, NEWEST_SERVER, hosts) for host in pins["duckdb"]),
        Combination("hosts", "python", NEWEST_HOST, NEWEST_SERVER, hosts, doors.V2),
        *(Combination("reading", "sql", host, NEWEST_SERVER, reading) for host in old_hosts),
        *(Combination("reading", "sql", NEWEST_HOST, server, reading, doors.V2) for server in old_servers),
        Combination("examples", "cli", CLI, NEWEST_SERVER, examples()),
        Combination("docs", "page", NEWEST_HOST, NEWEST_SERVER, pages(), doors.V2),
        Combination("scripts", "python", NEWEST_HOST, NEWEST_SERVER, found("scripts", "test_*.py")),
    ]


def examples() -> tuple[Path, ...]:
    """The SQL that the command line runs; that of the lake, of the archive and of dbt needs more: the suites `lake` and `clients` run it."""
    return tuple(file for file in found("examples", "*.sql") if not {"lake", "archive", "clients"} & set(file.parts))


def pages() -> tuple[Path, ...]:
    """The pages of the documentation that have SQL in them."""
    there = (Path("README.md"), *found("docs", "*.md"))
    return tuple(page for page in there if "\n```sql\n" in (paths.ROOT / page).read_text())


def found(folder: str, pattern: str) -> tuple[Path, ...]:
    """The files of a suite, relative to the project."""
    return tuple(sorted(path.relative_to(paths.ROOT) for path in (paths.ROOT / folder).rglob(pattern)))
