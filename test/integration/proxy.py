"""Proxies before a nats-server: one that knows the frames of the NATS protocol and may lose some on the way to the client,
and one that changes the server's greeting and passes on the rest, encrypted or not."""

import re
import socket
import threading
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

# What to send to the client instead of a message: nothing, itself, more. None hangs up.
Rule = Callable[[bytes], Iterable[bytes] | None]


def headers(frame: bytes) -> dict[str, str]:
    """The headers of an HMSG by name, and the status under `status`."""
    line, _, body = frame.partition(b"\r\n")
    if not line.startswith(b"HMSG "):
        return {}
    first, *rest = body[: int(line.split()[-2])].decode().split("\r\n")
    pairs = (text.split(":", 1) for text in rest if ":" in text)
    return {name: value.strip() for name, value in pairs} | {"status": first.removeprefix("NATS/1.0").strip()}


def stamped(frame: bytes, time: Callable[[int], str]) -> bytes:
    """The frame with `time(sequence)` as the time at which its message was stored, in the answer to either kind of get."""
    line, _, body = frame.partition(b"\r\n")
    found = re.search(rb'Nats-Sequence: (\d+)\r\n|"seq":(\d+),', body)
    if not found:
        return frame
    stamp = time(int(found[1] or found[2])).encode()
    changed = re.sub(rb'(?<=Nats-Time-Stamp: )[^\r]+|(?<="time":")[^"]+', stamp, body, count=1)
    words = line.split()
    sizes = 2 if line.startswith(b"HMSG ") else 1
    grown = [b"%d" % (int(word) + len(changed) - len(body)) for word in words[-sizes:]]
    return b" ".join(words[:-sizes] + grown) + b"\r\n" + changed


class Proxy:
    """Listens on a port of its own while the `with` block runs; each MSG and HMSG of the server passes through `rule`.

    Inside of a rule, `here` sends to the client of the frame's own connection, now or later. `sent` is called with what clients send. With `alone`, a connection beside one that is open is hung up: a read then has no socket of its own.
    """

    def __init__(self, url: str, rule: Rule = lambda frame: [frame], alone: bool = False):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self.rule = rule
        self.sent: Callable[[bytes], None] = lambda data: None
        self._alone = alone
        self._open = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._ruled = threading.local()

    @property
    def here(self) -> Callable[[bytes], None]:
        return self._ruled.client.sendall

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Ends every connection that is open now."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._alone and self._open:
                client.close()
                continue
            try:
                server = socket.create_connection(self._server)
            except OSError:
                # The server is down; it may come back.
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open += 1
                self._sockets += [client, server]
            for work in (lambda c=client, s=server: self._forward(c, s), lambda c=client, s=server: self._filter(s, c)):
                threading.Thread(target=work, daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(1 << 16):
                self.sent(data)
                server.sendall(data)
        except OSError:
            pass
        self._end(client, server)

    def _filter(self, server: socket.socket, client: socket.socket) -> None:
        try:
            self._pass_back(server, client)
        except (OSError, ValueError):
            pass
        with self._lock:
            self._open -= 1
        self._end(client, server)

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        """Passes on what the server says, until it ends or a rule hangs up."""
        reader = server.makefile("rb")
        self._ruled.client = client
        while line := reader.readline():
            if not line.startswith((b"MSG ", b"HMSG ")):
                client.sendall(line)
                continue
            frames = self.rule(line + reader.read(int(line.split()[-1]) + 2))
            if frames is None:
                break
            for frame in frames:
                client.sendall(frame)

    @staticmethod
    def _end(*sockets: socket.socket) -> None:
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Greetings:
    """Passes on bytes; what the server says first, its INFO line, passes through `rule` with the number of the connection,
    from 0. Of each connection, `received` has how many bytes it brought the client, and `began` what the client said first."""

    def __init__(self, url: str, rule: Callable[[int, bytes], bytes]):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._rule = rule
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.received: list[int] = []
        self.began: list[bytes] = []

    def __enter__(self) -> "Greetings":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            number = len(self.received)
            self.received.append(0)
            self.began.append(b"")
            for work, to in ((self._to_server, (client, server, number)), (self._to_client, (server, client, number))):
                threading.Thread(target=work, args=to, daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, number: int) -> None:
        try:
            while data := client.recv(1 << 16):
                self.began[number] = self.began[number] or data
                server.sendall(data)
        except OSError:
            pass
        Proxy._end(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket, number: int) -> None:
        try:
            greeting = b""
            while not greeting.endswith(b"\r\n") and (byte := server.recv(1)):
                greeting += byte
            client.sendall(self._rule(number, greeting))
            while data := server.recv(1 << 16):
                self.received[number] += len(data)
                client.sendall(data)
        except OSError:
            pass
        Proxy._end(client, server)
