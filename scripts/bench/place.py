"""The servers that a group is measured on: one, or some in a cluster."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from scripts import fixtures
from scripts.nats_server import Server
from scripts.ports import free_ports

READY_SECONDS = 60
POLL_SECONDS = 0.1


@contextmanager
def servers(version: str, count: int) -> Iterator[list[Server]]:
    """So many servers, which know nothing of each other's addresses for clients: whoever connects by a proxy stays there."""
    with ExitStack() as stack:
        if count == 1:
            yield [stack.enter_context(Server(version))]
            return
        ports = free_ports(count)
        routes = ", ".join(f"nats-route://127.0.0.1:{port}" for port in ports)
        yield [
            stack.enter_context(Server(
                version,
                f"server_name: s{port}\njetstream {{ store_dir: $STORE_DIR }}\n"
                f"cluster {{ name: bench, listen: '127.0.0.1:{port}', no_advertise: true, routes: [{routes}] }}\n",
            ))
            for port in ports
        ]


def ready(server: Server, action: Callable[[fixtures.Wire], object]) -> object:
    """What `action` answers, tried until the servers have found each other."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with fixtures.Wire(server.url) as wire:
                return action(wire)
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def wait_until_current(server: Server, stream: str) -> None:
    """Until every replica has every message."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        cluster = ready(server, lambda wire: wire.request(f"STREAM.INFO.{stream}")).get("cluster", {})
        if all(replica.get("current") for replica in cluster.get("replicas", [])):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the replicas of {stream} do not catch up: {cluster}")
        time.sleep(POLL_SECONDS)
