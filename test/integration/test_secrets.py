"""No secret in any output: every way to give one, on every path that fails.

Values go in as parameters of prepared statements, because DuckDB itself quotes the text of a statement under some errors.
"""

import json
import os
import socket
import tempfile
import unittest
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import duckdb

from integration.identities import Authority, NKey, Operator
from integration.test_authentication import Case, server
from integration.test_tls import closed_port, tls

MARK = "s3cr3tm4rk"
STATEMENTS = (
    "FROM nats_ping({})",
    "FROM nats_scan('NONE', {})",
    "FROM nats_get('NONE', 1, {})",
    "EXPLAIN FROM nats_scan('NONE', {})",
    "EXPLAIN ANALYZE FROM nats_scan('NONE', {})",
    "DESCRIBE FROM nats_scan('NONE', {})",
)
TIMEOUT = "timeout := INTERVAL '700 milliseconds'"


@dataclass
class Way:
    """A way to give secrets: parameters, variables, settings, and the file of a context, for a server's address."""

    parameters: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)


def ways(url: str) -> list[Way]:
    scheme, address = url.split("://")
    with_password, with_token = f"{scheme}://ann:{MARK}@{address}", f"{scheme}://{MARK}@{address}"
    user = {"user": "ann", "password": MARK}
    return [
        Way({"url": url, **user}),
        Way({"url": url, "token": MARK}),
        Way({"url": with_password}),
        Way({"url": with_token}),
        Way({"url": f"{with_password},nats://127.0.0.1:1"}),
        Way(environment={"NATS_URL": url, "NATS_USER": "ann", "NATS_PASSWORD": MARK}),
        Way(environment={"NATS_URL": url, "NATS_USER": MARK}),
        Way(environment={"NATS_URL": with_password}),
        Way(settings={"nats_url": url, "nats_user": "ann", "nats_password": MARK}),
        Way(settings={"nats_url": url, "nats_token": MARK}),
        Way(settings={"nats_url": with_token}),
        Way({"context": "marked"}, context={"url": url, **user}),
        Way({"context": "marked"}, context={"url": url, "token": MARK}),
        Way({"context": "marked"}, context={"url": with_password}),
        # What cannot be read.
        Way({"url": f"{scheme}://ann:{MARK}/{MARK}@{address}"}),
        Way({"url": f"{scheme}://ann:{MARK},{MARK}@{address}"}),
        Way({"url": f"http://ann:{MARK}@{address}"}),
        Way({"url": url, "token": MARK, **user}),
        Way({"url": url, "password": MARK}),
        Way({"context": "marked"}, context={"url": url, "password": MARK, "user_jwt": MARK, "user_seed": MARK}),
    ]


class Secrets(Case):
    def setUp(self):
        super().setUp()
        self.output: list[str] = []

    def run_sql(self, sql: str, values: list | dict | None = None) -> None:
        try:
            answer = self.database.execute(sql, values)
            self.output += [str(answer.description), str(answer.fetchall())]
        except duckdb.Error as error:
            self.output.append(str(error))

    @contextmanager
    def no_secret(self, *secrets: str):
        """Catches what is written to the process's streams, and looks for the secrets in that and in all answers."""
        with tempfile.TemporaryFile() as streams, mock.patch.dict(os.environ, {"RUST_LOG": "trace", "RUST_BACKTRACE": "1"}):
            saved = [(number, os.dup(number)) for number in (1, 2)]
            for number, _ in saved:
                os.dup2(streams.fileno(), number)
            try:
                yield
            finally:
                for number, copy in saved:
                    os.dup2(copy, number)
                    os.close(copy)
            streams.seek(0)
            self.output.append(streams.read().decode(errors="replace"))
        self.run_sql("FROM nats_stats()")
        shown = "\n".join(self.output)
        self.assertTrue(shown.strip())
        for secret in secrets:
            for text in (secret, json.dumps(secret).strip('"')):
                at = shown.find(text)
                self.assertEqual(at, -1, shown[max(0, at - 300) : at + 100])

    def try_everything(self, way: Way, more: str = "") -> None:
        """Every statement with the secrets of one way."""
        if way.context:
            self.context("marked", **way.context)
        with mock.patch.dict(os.environ, way.environment):
            for name, value in way.settings.items():
                self.database.execute(f"SET {name} = '{value}'")
            names = ", ".join([f"{name} := ${name}" for name in way.parameters] + [TIMEOUT] + ([more] if more else []))
            for statement in STATEMENTS:
                self.run_sql(statement.format(names), way.parameters)
            members = [f"'{name}': ${name}" for name in way.parameters] + ["'timeout': INTERVAL '700 milliseconds'"]
            self.run_sql(f"SELECT nats_last_seq('NONE', {{{', '.join(members)}}}) AS last", way.parameters)
            for name in way.settings:
                self.database.execute(f"RESET {name}")

    def try_all_ways(self, url: str, more: str = "") -> None:
        with self.no_secret(MARK):
            for way in ways(url):
                self.try_everything(way, more)
            # Names of tables: no error of the extension has them.
            scheme, address = url.split("://")
            self.run_sql(f"FROM '{scheme}://ann:{MARK}@{address}/NONE?timeout=00:00:00.7'")
            self.run_sql(f"FROM '{scheme}://{address}/NONE?timeout=00:00:00.7&user=ann&password={MARK}'")
            self.run_sql(f"EXPLAIN FROM '{scheme}://{address}/NONE?token={MARK}'")
            self.run_sql("FROM nats_url_scan(?)", [f"{scheme}://ann:{MARK}@{address}/NONE?nope=1"])
            self.run_sql("FROM nats_url_scan(?)", [f"{scheme}://ann:{MARK}@{address}/NONE?start_seq={MARK}"])
            self.run_sql("FROM nats_url_scan(?)", [f"{scheme}://ann:{MARK}@{address}"])

    def test_nobody_listens(self):
        self.try_all_ways(f"nats://127.0.0.1:{closed_port()}")

    def test_nobody_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.try_all_ways(f"nats://127.0.0.1:{silent.getsockname()[1]}")

    def test_the_server_refuses(self):
        with server("authorization { user: ann, password: another }") as running:
            self.try_all_ways(running.url)

    def test_the_server_accepts(self):
        with server(f"authorization {{ user: ann, password: {MARK} }}") as running:
            self.try_all_ways(running.url)
        with server(f"authorization {{ token: {MARK} }}") as running:
            self.try_all_ways(running.url)

    def test_encryption_fails(self):
        with server(tls(Authority(self.folder).issue("server"))) as running:
            self.try_all_ways(running.url.replace("nats://", "tls://"))
            key = self.file("key.pem", f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n")
            self.try_all_ways(running.url, f"tls_cert := '{self.folder / 'server.pem'}', tls_key := '{key}'")
            self.try_all_ways(running.url, f"tls_ca := '{self.file('ca.pem', MARK)}'")

    def test_files(self):
        key, operator = NKey("user"), Operator()
        creds = operator.creds(self.folder / "user.creds")
        jwt, seed = creds.read_text().splitlines()[1], creds.read_text().splitlines()[5]
        self.assertTrue(jwt.startswith("ey") and seed.startswith("SU"))
        files = {
            "nkey": [self.file("good.nk", key.seed), self.file("torn.nk", key.seed[:-3]), self.file("bad.nk", f"SU{MARK}")],
            "creds": [
                creds, self.file("torn.creds", creds.read_text()[:-60]), self.file("bad.creds", f"{MARK}\n{seed}"),
                self.file("swapped.creds", creds.read_text().replace(seed, jwt)),
            ],
        }
        with self.no_secret(MARK, jwt, seed, key.seed, key.seed[:-3], seed[:40]):
            with server("authorization { token: t }") as wrong, server("", operator.config()) as good:
                for url in (wrong.url, good.url, f"nats://127.0.0.1:{closed_port()}"):
                    for name, paths in files.items():
                        for path in paths:
                            self.try_everything(Way({"url": url, name: str(path)}))


if __name__ == "__main__":
    unittest.main()
