"""The doors into DuckDB: one library, and a file for each C API that it speaks. The footer of a file says which."""

import os
from dataclasses import dataclass

from scripts import tools


@dataclass(frozen=True)
class Door:
    """`abi` and `version` are fields of the footer: the version of the C API, or of the one DuckDB that loads the file."""

    name: str
    abi: str
    version: str
    # Below build/<profile>/, for the file; none for the one that most hosts load.
    folder: str | None

    def opens(self, host: str) -> bool:
        """Whether a DuckDB of this version loads the file."""
        return self.folder is None or self.version == f"v{host}"


V2_HOST = tools.pins()["v2-door"]
V1 = Door("v1", "C_STRUCT", "v1.2.0", None)
V2 = Door("v2", "C_STRUCT_UNSTABLE", f"v{V2_HOST}", f"v{V2_HOST}")
DOORS = {door.name: door for door in (V1, V2)}


def tested() -> Door:
    """The door that this test run is about: NATS_JS_TEST_DOOR."""
    return DOORS[os.environ.get("NATS_JS_TEST_DOOR", V1.name)]
