"""DuckDB's names for platforms, and what a library is called on each."""

import os
import platform
import sysconfig

OPERATING_SYSTEMS = {"Linux": "linux", "Darwin": "osx", "Windows": "windows"}
PROCESSORS = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64", "ARM64": "arm64"}

# Of Rust's targets. DuckDB's own builds for Windows are made with MSVC; those of MinGW have a name of their own.
TARGETS = {
    "x86_64-unknown-linux-gnu": "linux_amd64",
    "aarch64-unknown-linux-gnu": "linux_arm64",
    "x86_64-unknown-linux-musl": "linux_amd64_musl",
    "aarch64-unknown-linux-musl": "linux_arm64_musl",
    "x86_64-apple-darwin": "osx_amd64",
    "aarch64-apple-darwin": "osx_arm64",
    "x86_64-pc-windows-msvc": "windows_amd64",
    "aarch64-pc-windows-msvc": "windows_arm64",
    "x86_64-pc-windows-gnu": "windows_amd64_mingw",
}


class UnknownPlatform(Exception):
    """A machine or a target that DuckDB has no name for."""


def machine() -> str:
    """The platform of this machine, or what DUCKDB_PLATFORM says, as for DuckDB's own builds."""
    given = os.environ.get("DUCKDB_PLATFORM")
    if given:
        return given
    try:
        name = f"{OPERATING_SYSTEMS[platform.system()]}_{PROCESSORS[platform.machine()]}"
    except KeyError as error:
        raise UnknownPlatform(f"DuckDB has no name for {platform.system()} on {platform.machine()}; set DUCKDB_PLATFORM") from error
    return f"{name}_musl" if name.startswith("linux") and uses_musl() else name


def uses_musl() -> bool:
    """Whether this Python was built for musl, as on Alpine Linux."""
    return "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "")


def of_target(target: str) -> str:
    """The platform of one of Rust's targets, or what DUCKDB_PLATFORM says."""
    given = os.environ.get("DUCKDB_PLATFORM")
    if not given and target not in TARGETS:
        raise UnknownPlatform(f"DuckDB has no name for {target}; set DUCKDB_PLATFORM, or use one of {', '.join(TARGETS)}")
    return given or TARGETS[target]


def library(name: str, platform_name: str) -> str:
    """What cargo calls a library of this name there."""
    if platform_name.startswith("windows"):
        return f"{name}.dll"
    return f"lib{name}.dylib" if platform_name.startswith("osx") else f"lib{name}.so"
