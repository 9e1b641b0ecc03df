"""What is measured: one function a group, which says it as data for given settings."""

from scripts.bench.groups import (
    cluster,
    connections,
    decoding,
    floors,
    ingesting,
    link,
    many,
    publishing,
    reading,
    requests,
    sizes,
    stores,
    threads,
    where,
)

GROUPS = {
    "reading": reading.group,
    "decoding": decoding.group,
    "sizes": sizes.group,
    "many": many.group,
    "memory": stores.memory,
    "holes": stores.holes,
    "cold": stores.cold,
    "link": link.group,
    "connections": connections.group,
    "cluster": cluster.group,
    "requests": requests.group,
    "publishing": publishing.group,
    "ingesting": ingesting.group,
    "floors": floors.group,
    "threads": threads.group,
    "where": where.group,
}
