#!/usr/bin/env bash
# Makes a table follow a stream, until it is stopped. Stop it at any moment: what was not acknowledged comes again, and the key
# keeps it from standing twice. For a service, take service/follower.py (docs/follower.md).
#
#     NATS_URL=nats://localhost:4222 examples/follow.sh follow.duckdb [STEPS]
set -euo pipefail
cd "$(dirname "$0")/.."
database=$1
steps=${2:-0}
duckdb=${DUCKDB:-duckdb}
extension=${NATS_JS_EXTENSION:-build/release/nats_js.duckdb_extension}

for ((step = 1; steps == 0 || step <= steps; step++)); do
    # A step that fails is tried again: an error leaves the table as it was.
    "$duckdb" -unsigned -bail -init /dev/null "$database" -cmd "LOAD '$extension'" -f examples/follow.sql || sleep 1
done
