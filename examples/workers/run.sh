#!/usr/bin/env bash
# Three workers at once on one durable, and the merge of what they have.
#
#     NATS_URL=nats://localhost:4222 examples/workers/run.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
folder=$1

workers=()
for number in 1 2 3; do
    "$python" "$here/worker.py" "$folder/part-$number.duckdb" &
    workers+=($!)
done
for worker in "${workers[@]}"; do
    wait "$worker"
done
"$python" "$here/merge.py" "$folder/all.duckdb" "$folder"/part-*.duckdb
