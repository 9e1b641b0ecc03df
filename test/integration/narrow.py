"""A proxy before a nats-server that passes so many bytes a second of what the server sends, for each connection."""

import socket
import time

from integration.proxy import Proxy

PIECE = 1 << 15


class Narrow(Proxy):
    """Listens on a port of its own while the `with` block runs. `received` has what each connection brought, in bytes."""

    def __init__(self, url: str, bytes_a_second: float):
        super().__init__(url)
        self._rate = bytes_a_second
        self._clients: list[socket.socket] = []
        self.received: list[int] = []

    def hang_up_one(self, number: int) -> None:
        """Ends a connection, by its place in `received`."""
        self._end(self._clients[number])

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with self._lock:
            number = len(self.received)
            self._clients.append(client)
            self.received.append(0)
        free = time.monotonic()
        while data := server.recv(PIECE):
            time.sleep(max(0.0, free - time.monotonic()))
            free = max(free, time.monotonic()) + len(data) / self._rate
            self.received[number] += len(data)
            client.sendall(data)
