"""Every way to say who connects: its success, its refusal, and where the words for it may come from."""

import json
import os
import unittest
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import duckdb

from integration import host
from integration.identities import NKey, Operator
from scripts.nats_server import Server

JETSTREAM = "jetstream { store_dir: $STORE_DIR }\n"
VERSION = os.environ["NATS_JS_TEST_SERVER"]
PING = "SELECT url, jetstream FROM nats_ping({})"


def options(**values: object) -> str:
    """Named parameters."""
    return ", ".join(f"{name} := {literal(value)}" for name, value in values.items())


def literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "'{}'".format(str(value).replace("'", "''"))


class Case(unittest.TestCase):
    """Tests with a folder of their own, in which no NATS CLI has left anything."""

    def setUp(self):
        self.folder = Path(os.environ["NATS_JS_TEST_DIR"]) / self.id()
        self.folder.mkdir()
        self.enterContext(mock.patch.dict(os.environ, {"XDG_CONFIG_HOME": str(self.folder)}))
        self.database = host.connect()
        self.addCleanup(self.database.close)

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def context(self, name: str, **fields: object) -> None:
        """Writes a NATS CLI context, with the empty fields that the CLI writes as well."""
        self.file(f"nats/context/{name}.json", json.dumps({"description": "", "user": "", "creds": "", **fields}))

    def ping(self, **values: object) -> None:
        """Connects, or raises."""
        [(url, jetstream)] = self.database.sql(PING.format(options(**values))).fetchall()
        self.assertTrue(jetstream)
        self.assertNotIn("@", url)

    def refused(self, *words: str, **values: object) -> str:
        """The connection fails, with these words in the error."""
        with self.assertRaises(duckdb.Error) as caught:
            self.ping(**values)
        for word in words:
            self.assertIn(word, str(caught.exception))
        return str(caught.exception)


@contextmanager
def server(config: str, base: str = JETSTREAM):
    with Server(VERSION, base + config) as running:
        yield running


class Passwords(Case):
    def test_user_and_password(self):
        with server("authorization { user: ann, password: 'p@ss/w:rd' }") as running:
            address = running.url.removeprefix("nats://")
            self.ping(url=running.url, user="ann", password="p@ss/w:rd")
            self.ping(url=f"nats://ann:p%40ss%2Fw%3Ard@{address}")
            self.ping(url=f"nats://ann:wrong@{address}", password="p@ss/w:rd")
            self.refused("authorization violation", url=running.url, user="ann", password="wrong")
            self.refused("authorization violation", "give user and password", url=running.url)
            self.refused("user is given, but no password", url=running.url, user="ann")
            self.refused("password is given, but no user", url=running.url, password="x")
            self.refused("malformed", url=f"nats://ann:p@ss/w:rd@{address}")

    def test_token(self):
        with server("authorization { token: t0k3n }") as running:
            self.ping(url=running.url, token="t0k3n")
            self.ping(url=running.url.replace("://", "://t0k3n@"))
            self.refused("authorization violation", url=running.url, token="wrong")
            self.refused("exclude each other", url=running.url, token="t0k3n", user="u", password="p")

    def test_environment(self):
        with server("authorization { user: ann, password: secret }") as running:
            variables = {"NATS_URL": running.url, "NATS_USER": "ann", "NATS_PASSWORD": "secret"}
            with mock.patch.dict(os.environ, variables):
                self.ping()
                self.refused("authorization violation", user="bob", password="x")
        with server("authorization { token: t0k3n }") as running:
            with mock.patch.dict(os.environ, {"NATS_URL": running.url, "NATS_USER": "t0k3n"}):
                self.ping()

    def test_struct_of_a_scalar_function(self):
        with server("authorization { user: ann, password: secret }") as running:
            def last(connection: str) -> str:
                with self.assertRaises(duckdb.Error) as caught:
                    self.database.sql(f"SELECT nats_last_seq('NONE', {connection})").fetchall()
                return str(caught.exception)

            good = f"{{'url': '{running.url}', 'user': 'ann', 'password': 'secret', 'timeout': INTERVAL '9 seconds'}}"
            self.assertIn("no such stream", last(good))
            self.assertIn("authorization violation", last(good.replace("secret", "wrong")))
            dictionary = {"url": running.url, "user": "ann", "password": "secret"}
            with self.assertRaisesRegex(duckdb.Error, "no such stream"):
                self.database.execute("SELECT nats_last_seq('NONE', ?)", [dictionary]).fetchall()
            self.assertIn("unknown connection option 'pasword'", last(good.replace("'password'", "'pasword'")))


class Keys(Case):
    def test_nkey(self):
        key = NKey("user")
        with server(f"authorization {{ users: [ {{ nkey: {key.public} }} ] }}") as running:
            self.ping(url=running.url, nkey=self.file("user.nk", key.seed + "\n"))
            self.refused("authorization violation", url=running.url, nkey=self.file("other.nk", NKey("user").seed))
            bad = self.file("bad.nk", "SUNOSEED")
            error = self.refused("nkey: '", str(bad), "NKey user seed", url=running.url, nkey=bad)
            self.assertNotIn("SUNOSEED", error)

    def test_creds(self):
        operator = Operator()
        with Server(VERSION, operator.config()) as running:
            good, other = operator.creds(self.folder / "good.creds"), Operator().creds(self.folder / "other.creds")
            self.ping(url=running.url, creds=good)
            self.ping(url=running.url, credentials_file=good)
            self.refused("authorization violation", url=running.url, creds=other)
            self.refused("creds: cannot read '/nowhere/x.creds'", "No such file", url=running.url, creds="/nowhere/x.creds")
            self.refused("is not a file", url=running.url, creds=self.folder)
            half = self.file("half.creds", good.read_text()[:300])
            self.refused("creds: '", str(half), "not a credentials file", url=running.url, creds=half)
            with mock.patch.dict(os.environ, {"NATS_URL": running.url, "NATS_CREDS": "/nowhere/y.creds"}):
                self.refused("NATS_CREDS: cannot read '/nowhere/y.creds'")
                self.ping(creds=good)

    def test_jwt_and_seed(self):
        operator = Operator()
        with Server(VERSION, operator.config()) as running:
            text = operator.creds(self.folder / "user.creds").read_text().splitlines()
            jwt = next(line for line in text if line.startswith("eyJ"))
            seed = next(line for line in text if line.startswith("SU"))
            self.ping(url=running.url, user_jwt=jwt, user_seed=seed)
            self.context("jwt", url=running.url, user_jwt=jwt, user_seed=seed)
            self.ping(context="jwt")
            # A read has a socket of its own, which proves the user by itself.
            with self.assertRaisesRegex(duckdb.Error, "no such stream"):
                self.database.sql("FROM nats_scan('NONE', context := 'jwt')").fetchall()
            other = NKey("user").seed
            error = self.refused("authorization violation", url=running.url, user_jwt=jwt, user_seed=other)
            error += self.refused("not a user JWT and an NKey user seed", url=running.url, user_jwt=jwt, user_seed="SUx")
            error += self.refused("user_jwt is given, but no user_seed", url=running.url, user_jwt=jwt)
            error += self.refused("user_seed is given, but no user_jwt", url=running.url, user_seed=seed)
            for secret in (jwt, seed, other):
                self.assertNotIn(secret, error)

    def test_a_replaced_file_is_used_at_once(self):
        operator = Operator()
        with Server(VERSION, operator.config()) as running:
            creds = operator.creds(self.folder / "user.creds")
            self.ping(url=running.url, creds=creds)
            Operator().creds(creds)
            self.refused("authorization violation", url=running.url, creds=creds)
            operator.creds(creds)
            self.ping(url=running.url, creds=creds)

    def test_an_unreadable_file(self):
        self.refused("creds: cannot read '/proc/self/mem'", url="nats://localhost:1", creds="/proc/self/mem")


class Contexts(Case):
    def test_named_and_selected(self):
        with server("authorization { user: ann, password: secret }") as running:
            self.context("prod.eu", url=running.url, user="ann", password="secret", color_scheme="red")
            self.context("wrong", url=running.url, user="ann", password="no")
            self.ping(context="prod.eu")
            self.refused("authorization violation", context="wrong")
            self.refused("authorization violation", context="prod.eu", password="no")
            self.refused("context: cannot read context 'nope'", "prod.eu, wrong", context="nope")
            with mock.patch.dict(os.environ, {"NATS_CONTEXT": "prod.eu"}):
                self.ping()
                self.ping(context="prod.eu")
                # A server that is named by hand is not given what belongs to another.
                self.refused("authorization violation", url=running.url)
            with mock.patch.dict(os.environ, {"NATS_CONTEXT": "prod.eu", "NATS_URL": "nats://127.0.0.1:1"}):
                self.ping()
            self.file("nats/context.txt", "prod.eu\n")
            self.ping()
            with mock.patch.dict(os.environ, {"NATS_URL": running.url}):
                self.refused("authorization violation")
            with mock.patch.dict(os.environ, {"NATS_CONTEXT": "wrong"}):
                self.refused("authorization violation")

    def test_fields_that_are_not_supported(self):
        self.context("odd", nsc="nsc://o/a/u", socks_proxy="x", inbox_prefix="")
        self.refused("instead of nsc, name the file", "instead of socks_proxy, name an address", context="odd")
        self.refused("sets the fields nsc, socks_proxy, which are not supported", context="odd")
        self.file("nats/context/torn.json", '{"password": "secret')
        self.assertNotIn("secret", self.refused("is not JSON", context="torn"))
        self.refused("'../x' is not the name of a context", context="../x")


if __name__ == "__main__":
    unittest.main()
