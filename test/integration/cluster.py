"""Three nats-servers in a cluster, with one replicated stream."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from scripts import fixtures
from scripts.nats_server import Server
from scripts.ports import free_ports

VERSION = os.environ["NATS_JS_TEST_SERVER"]
NAMES = ("one", "two", "three")
READY_SECONDS = 60
POLL_SECONDS = 0.1

# The ports by which a server reaches the others, by its name and the ports on which they listen.
Routes = Callable[[str, dict[str, int]], Iterable[int]]


class Cluster:
    """Servers by name. A server that was killed can be started again, and finds its place."""

    def __init__(self, version: str = VERSION, routes: Routes | None = None, accounts: str = ""):
        ports = dict(zip(NAMES, free_ports(len(NAMES))))
        # Where ways of its own are given, no server tells others or clients of another way.
        alone = ", no_advertise: true, advertise: '127.0.0.1:1'" if routes else ""
        self.servers = {}
        for name, port in ports.items():
            ways = routes(name, ports) if routes else ports.values()
            urls = ", ".join(f"nats-route://127.0.0.1:{way}" for way in ways)
            self.servers[name] = Server(
                version,
                f"server_name: {name}\njetstream {{ store_dir: $STORE_DIR }}\n"
                f"cluster {{ name: trio, listen: '127.0.0.1:{port}', routes: [{urls}]{alone} }}\n{accounts}",
            )
        self._stack = ExitStack()

    def __enter__(self) -> "Cluster":
        with ExitStack() as stack:
            for server in self.servers.values():
                stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """All servers."""
        return ",".join(server.url for server in self.servers.values())

    def call(self, name: str, action):
        """What `action` answers on a connection to this server, tried until the cluster is ready for it."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with fixtures.Wire(self.servers[name].url) as wire:
                    return action(wire)
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)

    def fill(self, count: int, size: int) -> None:
        """The stream S on every server, with `count` messages."""
        lines = "stream name=S subjects=a num_replicas=3", f"messages stream=S subject=a count={count} size={size}"
        for line in lines:
            self.call(NAMES[0], fixtures.parse(line, line).apply)
        self.wait_until_whole()

    def leader(self, ask: str = NAMES[0]) -> str:
        """The server that leads the stream."""
        return self.call(ask, lambda wire: wire.request("STREAM.INFO.S")["cluster"]["leader"])

    def lead(self, name: str) -> None:
        """Makes this server the leader of the stream, by letting the others step down until it is."""
        deadline = time.monotonic() + READY_SECONDS
        while self.leader() != name:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} does not become the leader")
            self.call(NAMES[0], lambda wire: wire.request("STREAM.LEADER.STEPDOWN.S"))
            time.sleep(POLL_SECONDS)
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Until every replica has every message."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            cluster = self.call(NAMES[0], lambda wire: wire.request("STREAM.INFO.S")["cluster"])
            replicas = cluster.get("replicas", [])
            if cluster.get("leader") and len(replicas) == 2 and all(replica.get("current") for replica in replicas):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the cluster does not become whole: {cluster}")
            time.sleep(POLL_SECONDS)
