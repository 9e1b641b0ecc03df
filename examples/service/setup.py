"""Runs a file of SQL with the extension loaded: what compose.yaml does before the follower starts.

    python setup.py streams.sql
"""

import os
import sys
from pathlib import Path

import duckdb

database = duckdb.connect(config={"allow_unsigned_extensions": "true"})
database.execute(f"LOAD '{os.environ['NATS_JS_EXTENSION']}'")
database.execute(Path(sys.argv[1]).read_text())
