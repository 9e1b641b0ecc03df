"""A service on a stream's subject answers each message, too: its late answers are taken for no other message's."""

import os
import socket
import threading
import unittest
from collections import deque

from integration.host import connect
from scripts import fixtures
from scripts.nats_server import Server

ROWS = 20_000
# More than a call has in flight: the stream has answered a message before so many others are sent.
BEHIND = 5_000


class Service(threading.Thread):
    """Answers each message on a subject with `late`, when `BEHIND` others have come after it."""

    def __init__(self, port: int, subject: str):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = self.socket.makefile("rb")
        self.answered = 0
        self.lines.readline()
        self.socket.sendall(f'CONNECT {{"verbose":false}}\r\nSUB {subject} 1\r\nPING\r\n'.encode())
        while self.lines.readline() != b"PONG\r\n":
            pass

    def run(self) -> None:
        waiting = deque()
        for line in self.lines:
            if line == b"PING\r\n":
                self.socket.sendall(b"PONG\r\n")
            if not line.startswith(b"MSG "):
                continue
            _, _, _, reply, size = line.split()
            self.lines.read(int(size) + 2)
            waiting.append(reply)
            if len(waiting) > BEHIND:
                self.socket.sendall(b"PUB %b 4\r\nlate\r\n" % waiting.popleft())
                self.answered += 1


class PublishAnswers(unittest.TestCase):
    def test_late_answers_of_a_service_end_no_copy(self):
        server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        with fixtures.Wire(server.url) as wire:
            line = "stream name=S subjects=s.>"
            fixtures.parse(line, line).apply(wire)
        service = Service(server.port, "s.a")
        self.addCleanup(service.socket.close)
        service.start()
        database = connect()
        self.addCleanup(database.close)
        copied = database.execute(
            f"COPY (SELECT i::VARCHAR FROM range({ROWS}) t(i)) TO 'S' (FORMAT nats_js, subject 's.a', url '{server.url}')"
        ).fetchall()
        self.assertEqual(copied, [(ROWS,)])
        rows = f"SELECT count(*), sum((payload::VARCHAR::BIGINT = seq - 1)::INTEGER) FROM nats_scan('S', url := '{server.url}')"
        self.assertEqual(database.execute(rows).fetchall(), [(ROWS, ROWS)])
        self.assertGreater(service.answered, 0)


if __name__ == "__main__":
    unittest.main()
