"""A proxy before a server, such as for one direction of a route between two, which can be cut and healed."""

import socket
import threading


class Link:
    """Listens on a port of its own while the `with` block runs, and passes on bytes to `port` unless it is cut."""

    def __init__(self, port: int):
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __enter__(self) -> "Link":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends what is open, and refuses what comes."""
        with self._lock:
            self._cut = True
            sockets, self._open = self._open, set()
        for each in sockets:
            _shut(each)

    def heal(self) -> None:
        self._cut = False

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._open |= {near, far}
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            _shut(each)
            with self._lock:
                self._open.discard(each)


def _shut(each: socket.socket) -> None:
    try:
        each.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    each.close()
