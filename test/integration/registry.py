"""A schema registry as clients see it: the part of its HTTP API that gives schemas by their numbers."""

import base64
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote


class Registry:
    """Listens on a port of its own while the `with` block runs.

    `answers` holds the answer for each number, beside `schema` whatever else it has, and for each subject and version. With `user` and `password`, or `token`, no other request is
    answered. `status` is the status of every answer while it is set.
    """

    def __init__(self, answers: dict[int | tuple[str, int], dict], authorization: str | None = None, tls: ssl.SSLContext | None = None):
        self.answers, self.authorization, self.status = answers, authorization, None
        self.asked: list[str] = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, answer = registry.answer(self.path, self.headers)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"localhost:{self._server.server_address[1]}"

    def answer(self, path: str, headers) -> tuple[int, dict]:
        self.asked.append(path)
        if self.status:
            return self.status, {"error_code": self.status * 100 + 1, "message": "out of order"}
        if self.authorization and headers.get("Authorization") != self.authorization:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        match [unquote(part) for part in path.split("/")]:
            case ["", "schemas", "ids", number]:
                key, code = int(number), 40403
            case ["", "subjects", subject, "versions", version]:
                key, code = (subject, int(version)), 40402
            case _:
                return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        found = self.answers.get(key)
        return (200, found) if found else (404, {"error_code": code, "message": f"{key} not found"})

    def __enter__(self) -> "Registry":
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


def basic(user: str, password: str) -> str:
    """The header of a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
