"""A proxy before a nats-server that passes so many bytes a second of what the server sends, for each connection."""

import socket
import threading
import time
from urllib.parse import urlsplit

PIECE = 1 << 15


class Narrow:
    """Listens on a port of its own while the `with` block runs. `received` has what each connection brought, in bytes."""

    def __init__(self, url: str, bytes_a_second: float):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._rate = bytes_a_second
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.received: list[int] = []

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Narrow":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        for each in self._sockets:
            _shut(each)

    def hang_up(self, number: int) -> None:
        """Ends a connection, by its place in `received`."""
        for each in self._sockets[2 * number : 2 * number + 2]:
            _shut(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                # The server is down, or takes no more.
                client.close()
                continue
            self._sockets += [client, server]
            self.received.append(0)
            number = len(self.received) - 1
            threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
            threading.Thread(target=self._pass_slowly, args=(number, server, client), daemon=True).start()

    def _pass_slowly(self, number: int, server: socket.socket, client: socket.socket) -> None:
        free = time.monotonic()
        try:
            while data := server.recv(PIECE):
                time.sleep(max(0.0, free - time.monotonic()))
                free = max(free, time.monotonic()) + len(data) / self._rate
                self.received[number] += len(data)
                client.sendall(data)
        except OSError:
            pass
        _shut(client)


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    try:
        while data := client.recv(PIECE):
            server.sendall(data)
    except OSError:
        pass
    _shut(server)


def _shut(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
