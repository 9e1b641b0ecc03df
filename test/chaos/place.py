"""A server, or three in a cluster, with the streams of contents.py, behind proxies whose frames the faults see."""

import base64
import random
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import duckdb

from chaos import contents
from chaos.contents import Contents
from chaos.model import Answer, Entries, Entry, World, moved
from chaos.wiretap import Wiretap
from fixtures.wire import Wire, WireError
from integration import host
from integration.cluster import NAMES, Cluster
from integration.link import Link
from integration.proxy import Proxy
from scripts.nats_server import Server

READY_SECONDS = 60
POLL_SECONDS = 0.02
# The server's number for a stream that does not exist: asking again is of no use.
NO_STREAM = "(10059)"
# A read that has neither rows nor an error by then hangs.
HANG_SECONDS = 60


@dataclass(frozen=True)
class Kind:
    """What is started: a version of the server, one or three of them, and how the streams are stored."""

    version: str
    servers: int
    storage: str
    replicas: int

    @property
    def name(self) -> str:
        return f"{self.version}, {self.servers} server{'s' * (self.servers > 1)}, {self.storage}, R{self.replicas}"


class Place:
    """Servers by name, and what is in them. Faults reach everything here; readers see `url` alone."""

    def __init__(self, kind: Kind, chance: random.Random):
        self.kind, self.chance = kind, chance
        self.tap = Wiretap()
        self.links: dict[tuple[str, str], Link] = {}
        self._stack = ExitStack()
        self._epochs = 0
        # A copy of the only server's store, and the sequence at which S ended then.
        self.backup: Path | None = None
        self.backup_ends = 0

    def __enter__(self) -> "Place":
        with ExitStack() as stack:
            self.cluster = stack.enter_context(Cluster(self.kind.version, self._routes(stack))) if self.kind.servers > 1 else None
            self.servers = self.cluster.servers if self.cluster else {"one": stack.enter_context(Server(self.kind.version))}
            self.proxies = {name: stack.enter_context(Proxy(server.url, self.tap.frame)) for name, server in self.servers.items()}
            for proxy in self.proxies.values():
                proxy.sent = self.tap.sent
            self.database = stack.enter_context(host.connect())
            self.renew()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_) -> None:
        self.tap.release()
        self._stack.close()

    def _routes(self, stack: ExitStack):
        """Each server's way to each other one, through a link of its own."""

        def routes(name: str, ports: dict[str, int]) -> list[int]:
            for other in NAMES:
                if other != name:
                    self.links[name, other] = stack.enter_context(Link(ports[other]))
            return [link.port for (source, _), link in self.links.items() if source == name]

        return routes

    @property
    def names(self) -> list[str]:
        return list(self.servers)

    @property
    def url(self) -> str:
        """Through the proxies, in an order by chance: the first is where a reader connects."""
        urls = [proxy.url for proxy in self.proxies.values()]
        return ",".join(self.chance.sample(urls, len(urls)))

    def url_of(self, name: str) -> str:
        return self.proxies[name].url

    def call(self, action):
        """What `action(wire)` answers on a connection to any server that answers, past the proxies."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            for server in self.servers.values():
                try:
                    with Wire(server.url) as wire:
                        return action(wire)
                except Exception as error:
                    if time.monotonic() > deadline or NO_STREAM in str(error):
                        raise
            time.sleep(POLL_SECONDS)

    def renew(self) -> None:
        """All streams made anew, with other content than ever."""
        self._epochs += 1
        self.epoch = f"{self._epochs}-{self.chance.randrange(1 << 32):08x}"
        half = contents.COUNT // 2
        self.call(lambda wire: contents.create(wire, self.kind.storage, self.kind.replicas))
        first = self.call(lambda wire: contents.fill_stream(wire, self.epoch, 1, half))
        self.contents = Contents({"S": first}, {}, {})
        self._take_checkpoint(half)
        rest = self.call(lambda wire: contents.fill_stream(wire, self.epoch, half + 1, contents.COUNT))
        holes = self._holes()
        self.call(lambda wire: contents.delete(wire, holes))
        for part, kept in ((self.contents.streams, True), (self.contents.removed, False)):
            part["S"] = {seq: entry for seq, entry in (first | rest).items() if (seq not in set(holes)) == kept}
        kept, removed = self.call(lambda wire: contents.fill_bucket(wire, self.epoch))
        self.contents.streams["KV_K"], self.contents.removed["KV_K"] = kept, removed
        stored = self.call(lambda wire: contents.fill_objects(wire, self.epoch, self.chance))
        self.contents.streams["OBJ_O"], self.contents.objects = stored
        self.settle()
        self._take_checkpoint(contents.COUNT)
        self._clock()

    def grow(self, count: int) -> None:
        """So many more messages at the end of S, whose second checkpoint is the new end."""
        last = max(self.contents.checkpoints)
        more = self.call(lambda wire: contents.fill_stream(wire, self.epoch, last + 1, last + count))
        self.contents.streams["S"] |= more
        del self.contents.checkpoints[last]
        self._take_checkpoint(last + count)
        self._clock()

    def _clock(self) -> None:
        """What was published is there; when it was stored is what the server says."""
        sql = f"SELECT seq, ts_nats FROM nats_scan('S', url := '{self.direct_url}')"
        times = dict(self.database.execute(sql).fetchall())
        missing = self.contents.streams["S"].keys() ^ times.keys()
        if missing:
            raise AssertionError(f"S is not what was published: {sorted(missing)[:10]}")
        self.contents.clock("S", times)

    def _holes(self) -> list[int]:
        """None, some, or many of the sequences of S, never the ends."""
        middle = range(2, contents.COUNT - 1)
        return sorted(self.chance.sample(middle, self.chance.choice([0, 0, 5, 300])))

    def _take_checkpoint(self, seq: int) -> None:
        [text] = self.database.execute("SELECT nats_checkpoint('S', ?)", [self.direct_url]).fetchone()
        self.contents.checkpoints[seq] = text

    @property
    def direct_url(self) -> str:
        """Past the proxies."""
        return ",".join(server.url for server in self.servers.values())

    def settle(self) -> None:
        """Until every stream has a leader, and all of its replicas have everything."""
        for stream in contents.STREAMS:
            self._settle(stream)

    def _settle(self, stream: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            info = self.call(lambda wire: wire.request(f"STREAM.INFO.{stream}"))
            cluster = info.get("cluster", {})
            replicas = cluster.get("replicas") or []
            whole = len(replicas) == self.kind.replicas - 1 and all(replica.get("current") for replica in replicas)
            if not self.cluster or cluster.get("leader") and whole:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"stream {stream} does not settle: {info}")
            time.sleep(POLL_SECONDS)

    def leader(self, stream: str = "S") -> str:
        """The server that leads the stream."""
        if not self.cluster:
            return "one"
        deadline = time.monotonic() + READY_SECONDS
        while True:
            leader = self.call(lambda wire: wire.request(f"STREAM.INFO.{stream}")).get("cluster", {}).get("leader")
            if leader or time.monotonic() > deadline:
                return leader
            time.sleep(POLL_SECONDS)

    def holds(self, stream: str = "S") -> list[str]:
        """The servers with a replica of the stream."""
        if not self.cluster:
            return ["one"]
        cluster = self.call(lambda wire: wire.request(f"STREAM.INFO.{stream}"))["cluster"]
        return [cluster["leader"], *(replica["name"] for replica in cluster.get("replicas") or [])]

    def world(self, stream: str) -> World:
        """As published."""
        entries = self.contents.streams[stream]
        return World(entries, entries)

    def declared(self, stream: str) -> World:
        """What the stream's leader says that there is; all that was ever published may come."""
        published = self.contents.streams[stream]
        ever = published | self.contents.removed.get(stream, {})
        try:
            state = self.call(lambda wire: wire.request(f"STREAM.INFO.{stream}", {"deleted_details": True}))["state"]
        except Exception:
            return World({}, ever, declared=True)
        gone = set(state.get("deleted") or [])
        left = {s: e for s, e in ever.items() if state["messages"] and state["first_seq"] <= s <= state["last_seq"] and s not in gone}
        return World(left, ever, declared=True)

    def moved(self, stream: str) -> Entries:
        """The messages that the stream's leader gives with another end of the subject than they were published with."""

        def ask(wire: Wire) -> Entries:
            given = {}
            for seq, entry in self.contents.streams[stream].items():
                try:
                    message = wire.request(f"STREAM.MSG.GET.{stream}", {"seq": seq})["message"]
                except WireError:
                    # It is gone, or cannot be read.
                    continue
                if changed := moved(entry, message["subject"], base64.b64decode(message.get("data", ""))):
                    given[seq] = changed
            return given

        try:
            return self.call(ask)
        except Exception:
            return {}

    def is_unreadable(self, stream: str, seq: int) -> bool:
        """Whether the extension itself, asked for a message by its sequence, says that it is damaged."""
        error = self.ask(f"FROM nats_get('{stream}', {seq}, url := '{self.direct_url}')").error
        return error is not None and "[damaged]" in error

    def passes_over(self, stream: str, entry: Entry) -> bool:
        """Whether the stream's leader gives an older message as the newest of the subject, where it cannot give this one."""
        newest = lambda wire: wire.request(f"STREAM.MSG.GET.{stream}", {"last_by_subj": entry.subject})["message"]["seq"]
        try:
            return self.call(newest) < entry.seq
        except Exception:
            return False

    def ask(self, sql: str) -> Answer:
        """What a statement answers; one that neither answers nor fails in time is broken."""
        return self.asked(lambda database: database.execute(sql).fetchall())

    def asked(self, work) -> Answer:
        """The rows that `work(database)` returns, or its error."""
        outcome: list[Answer] = []

        def run():
            with self.database.cursor() as cursor:
                try:
                    outcome.append(Answer(rows=work(cursor)))
                except (duckdb.InternalException, duckdb.FatalException) as error:
                    outcome.append(Answer(error=str(error), broken=True))
                except duckdb.Error as error:
                    outcome.append(Answer(error=str(error), broken="nats_" not in str(error)))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(HANG_SECONDS)
        return outcome[0] if outcome else Answer(error=f"no answer within {HANG_SECONDS} s", broken=True)
