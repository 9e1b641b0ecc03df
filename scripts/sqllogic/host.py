"""A DuckDB for Python as the runner sees it: one database at a time, connections by name, values rendered by DuckDB."""

from pathlib import Path

import duckdb

from scripts import doors, paths

from .compare import Answer

SETTINGS = {
    "allow_unsigned_extensions": "true",
    # Otherwise a name in SQL could mean a variable of this program.
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
FETCH_ROWS = 10_000


class Connections:
    """Named connections to one database; each thread of a concurrent loop has its own set."""

    def __init__(self, database: duckdb.DuckDBPyConnection):
        self._database = database
        self._named: dict[str, duckdb.DuckDBPyConnection] = {}

    def get(self, name: str) -> duckdb.DuckDBPyConnection:
        """The connection of that name, made when first asked for; the empty name is the unnamed one."""
        if name not in self._named:
            self._named[name] = self._database.cursor()
        return self._named[name]

    def close(self) -> None:
        for connection in self._named.values():
            connection.close()
        self._named.clear()


class Host:
    """A DuckDB with one open database and the extensions that the file has required."""

    def __init__(self, profile: str):
        self._profile = profile
        self._extensions: list[str] = []
        self._path, self._read_only = ":memory:", False
        self._database: duckdb.DuckDBPyConnection | None = None
        self.connections: Connections | None = None
        self.open(self._path, self._read_only)

    def open(self, path: str, read_only: bool) -> None:
        """Closes the database that is open and opens another, with the same extensions."""
        self.close()
        self._path, self._read_only = path, read_only
        self._database = duckdb.connect(path, read_only=read_only, config=SETTINGS)
        self.connections = Connections(self._database)
        for load in self._extensions:
            self._database.execute(load)

    def restart(self) -> None:
        """The same database, closed and opened."""
        self.open(self._path, self._read_only)

    def reconnect(self) -> None:
        """New connections to the database that stays open."""
        self.connections.close()

    def close(self) -> None:
        if self._database is not None:
            self.connections.close()
            self._database.close()

    def another(self) -> Connections:
        """A set of connections for a thread."""
        return Connections(self._database)

    def built(self) -> Path:
        """The file of the built extension that this host loads."""
        [(platform,)] = self._database.execute("PRAGMA platform").fetchall()
        return paths.extension(self._profile, platform, doors.tested().folder)

    def require(self, name: str) -> bool:
        """Loads an extension and says whether this host has it. Ours is the built one, and must load."""
        load = f"LOAD {name}"
        if name == paths.LIBRARY:
            load = f"LOAD '{self.built()}'"
        try:
            self._database.execute(load)
        except duckdb.Error:
            if name == paths.LIBRARY:
                raise
            return False
        self._extensions.append(load)
        return True


def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Runs statements to their end, so that what fails on the way is seen."""
    connection.execute(sql)
    if connection.description is not None:
        while connection.fetchmany(FETCH_ROWS):
            pass


def query(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Runs statements once; the rows of the last, cast to VARCHAR by DuckDB in a projection over them."""
    relation = connection.sql(sql)
    if relation is None:
        return Answer([], [])
    types = [str(name) for name in relation.types]
    casts = ", ".join(f"CAST(#{position} AS VARCHAR)" for position in range(1, len(types) + 1))
    return Answer(types, [list(row) for row in relation.project(casts).fetchall()])
