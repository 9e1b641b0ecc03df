"""Object stores: what is put is what is got, by this extension and by another client."""

import asyncio
import os
import unittest

import duckdb

from integration.host import connect
from scripts.nats_server import Server


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))

    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.of = f"url := '{self.server.url}'"
        self.sql(f"FROM nats_object_store_ensure('files', {self.of})")

    def sql(self, text: str, values: list | None = None) -> list[tuple]:
        return self.database.execute(text, values).fetchall()

    def put(self, name: str, data: bytes, store: str = "files") -> dict:
        [(put,)] = self.sql(f"SELECT nats_object_put('{store}', ?, ?, '{self.server.url}')", [name, data])
        return put

    def get(self, name: str, store: str = "files") -> list[bytes]:
        return [data for (data,) in self.sql(f"SELECT data FROM nats_object_get('{store}', ?, {self.of})", [name])]

    def test_several_megabytes_come_back(self):
        self.sql(f"FROM nats_object_store_ensure('large', {self.of})")
        for size in (0, 1, 128 * 1024, 128 * 1024 + 1, 9 * 1024 * 1024):
            data = os.urandom(size)
            put = self.put("some/name ä", data, "large")
            self.assertEqual((put["size"], put["chunks"]), (size, -(-size // (128 * 1024))))
            self.assertEqual(self.get("some/name ä", "large"), [data])
        # Each replaced the one before, and its chunks are gone.
        [(stored,)] = self.sql(f"SELECT messages FROM nats_stream_info('OBJ_large', {self.of})")
        self.assertEqual(stored, 72 + 1)
        self.assertEqual(self.sql(f"SELECT bucket FROM nats_object_stores({self.of})"), [("files",), ("large",)])

    def test_another_client_reads_and_writes_the_same(self):
        import nats

        async def other() -> bytes:
            client = await nats.connect(self.server.url)
            store = await client.jetstream().object_store("files")
            result = await store.get("ours")
            await store.put("theirs", b"x" * 300_000)
            await client.close()
            return result.data

        data = os.urandom(400_000)
        self.put("ours", data)
        self.assertEqual(asyncio.run(other()), data)
        self.assertEqual(self.get("theirs"), [b"x" * 300_000])

    def test_deleted_and_absent(self):
        self.put("gone", b"abc")
        delete = f"FROM nats_object_delete('files', 'gone', confirm := true, {self.of})"
        self.assertEqual(self.sql(delete), [("files", "gone", "deleted")])
        self.assertEqual(self.sql(delete), [("files", "gone", "absent")])
        self.assertEqual(self.get("gone"), [])
        names = self.sql(f"SELECT name FROM nats_object_list('files', {self.of})")
        self.assertNotIn(("gone",), names)
        self.put("gone", b"again")
        self.assertEqual(self.get("gone"), [b"again"])

    def test_wrong_use(self):
        with self.assertRaisesRegex(duckdb.Error, "say so with confirm := true"):
            self.sql(f"FROM nats_object_delete('files', 'x', {self.of})")
        with self.assertRaisesRegex(duckdb.Error, "no such stream"):
            self.sql(f"SELECT nats_object_put('nowhere', 'x', 'y', '{self.server.url}')")
        with self.assertRaisesRegex(duckdb.Error, "is not a bucket's name"):
            self.sql(f"SELECT nats_object_put('a.b', 'x', 'y', '{self.server.url}')")


if __name__ == "__main__":
    unittest.main()
