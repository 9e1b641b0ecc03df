"""What this extension makes looks to another client as what that one makes, and the other way round."""

import asyncio
import json
import os
import threading
import unittest
from datetime import timedelta

import duckdb
import nats
from nats.js.api import ConsumerConfig, KeyValueConfig, StreamConfig

from integration.host import connect

URL = os.environ["NATS_JS_TEST_URL"]
# What the server adds for itself, and what belongs to the moment.
IGNORED = {"name", "subjects", "metadata", "durable_name", "num_replicas"}


def other(action):
    """Runs `action(jetstream)` of the other client."""

    async def run():
        client = await nats.connect(URL)
        try:
            return await action(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(run())


class OtherClient(unittest.TestCase):
    def setUp(self):
        self.sql = connect()
        self.sql.execute("SELECT 1")
        os.environ["NATS_URL"] = URL

    def rows(self, query, *parameters):
        return self.sql.execute(query, parameters).fetchall()

    def config(self, stream):
        [(text,)] = self.rows("SELECT config FROM nats_stream_info(?)", stream)
        return {name: value for name, value in json.loads(text).items() if name not in IGNORED}

    def consumer(self, stream, name):
        [(text,)] = self.rows("SELECT config FROM nats_consumers(?) WHERE name = ?", stream, name)
        return {name: value for name, value in json.loads(text).items() if name not in IGNORED}

    def test_streams(self):
        self.rows("FROM nats_stream_ensure('OURS', subjects := ['ours.>'], max_age := INTERVAL 1 DAY)")
        other(lambda js: js.add_stream(
            StreamConfig(name="THEIRS", subjects=["theirs.>"], max_age=86400, allow_direct=True)
        ))
        self.assertEqual(self.config("OURS"), self.config("THEIRS"))
        again = self.rows("FROM nats_stream_ensure('THEIRS', subjects := ['theirs.>'], max_age := INTERVAL 1 DAY)")
        self.assertEqual(again, [("THEIRS", "unchanged", [])])
        seen = other(lambda js: js.stream_info("OURS"))
        self.assertEqual((seen.config.subjects, seen.config.max_age, seen.config.allow_direct), (["ours.>"], 86400, True))

    def test_consumers(self):
        self.rows("FROM nats_stream_ensure('C', subjects := ['c.>'])")
        self.rows("FROM nats_consumer_ensure('C', 'ours', subject := 'c.a', ack_wait := INTERVAL 1 MINUTE)")
        other(lambda js: js.add_consumer(
            "C", ConsumerConfig(durable_name="theirs", filter_subject="c.a", ack_wait=60, ack_policy="explicit")
        ))
        self.assertEqual(self.consumer("C", "ours"), self.consumer("C", "theirs"))
        again = self.rows("FROM nats_consumer_ensure('C', 'theirs', subject := 'c.a', ack_wait := INTERVAL 1 MINUTE)")
        self.assertEqual(again, [("C", "theirs", "unchanged", [])])

    def test_lag(self):
        self.rows("FROM nats_stream_ensure('L', subjects := ['l.>'])")
        self.rows("FROM nats_consumer_ensure('L', 'worker')")
        self.rows("SELECT nats_publish('l.a', 'x') FROM range(10)")

        async def work(js):
            messages = await (await js.pull_subscribe("l.>", "worker", stream="L")).fetch(4)
            for message in messages[:3]:
                await message.ack_sync()

        other(work)
        lag = self.rows("""
            SELECT num_pending, num_ack_pending, num_redelivered, delivered_seq, ack_floor_seq, last_acked IS NOT NULL
            FROM nats_consumers('L')
        """)
        self.assertEqual(lag, [(6, 1, 0, 4, 3, True)])

        async def give_back(js):
            subscription = await js.pull_subscribe("l.>", "worker", stream="L")
            [message] = await subscription.fetch(1)
            await message.nak()
            while message.metadata.num_delivered == 1:
                [message] = await subscription.fetch(1)
            return message.metadata.num_delivered

        self.assertEqual(other(give_back), 2)
        [(redelivered,)] = self.rows("SELECT num_redelivered FROM nats_consumers('L')")
        self.assertEqual(redelivered, 1)
        info = other(lambda js: js.consumer_info("L", "worker"))
        ours = self.rows("SELECT num_pending, num_ack_pending, num_redelivered, delivered_seq, ack_floor_seq FROM nats_consumers('L')")
        theirs = (info.num_pending, info.num_ack_pending, info.num_redelivered, info.delivered.stream_seq, info.ack_floor.stream_seq)
        self.assertEqual(ours, [theirs])

    def test_buckets(self):
        self.rows("FROM nats_kv_bucket_ensure('ours', history := 3, ttl := INTERVAL 1 HOUR)")
        other(lambda js: js.create_key_value(KeyValueConfig(bucket="theirs", history=3, ttl=3600, direct=True)))
        ours, theirs = self.config("KV_ours"), self.config("KV_theirs")
        # That client allows message TTLs in every bucket; ADR-8 asks for them where limit markers are wanted.
        self.assertEqual((ours.pop("allow_msg_ttl"), theirs.pop("allow_msg_ttl")), (False, True))
        self.assertEqual(ours, theirs)
        again = self.rows("FROM nats_kv_bucket_ensure('theirs', history := 3, ttl := INTERVAL 1 HOUR)")
        self.assertEqual(again, [("theirs", "unchanged", [])])
        listed = self.rows("SELECT bucket, keys, history, ttl, storage, replicas FROM nats_kv_buckets() WHERE bucket LIKE '%s' ORDER BY 1")
        self.assertEqual(listed, [(bucket, 0, 3, timedelta(hours=1), "file", 1) for bucket in ("ours", "theirs")])

        async def status(js, bucket):
            status = await (await js.key_value(bucket)).status()
            return status.history, status.ttl, status.values

        self.assertEqual(other(lambda js: status(js, "ours")), other(lambda js: status(js, "theirs")))

    def test_keys(self):
        self.rows("FROM nats_kv_bucket_ensure('K', history := 5)")

        async def read_and_write(js):
            bucket = await js.key_value("K")
            entry = await bucket.get("ours")
            await bucket.put("theirs", b"1")
            await bucket.put("gone", b"1")
            await bucket.delete("gone")
            await bucket.put("purged", b"1")
            await bucket.purge("purged")
            return entry.value, entry.revision

        [(revision,)] = self.rows("SELECT nats_kv_put('K', 'ours', '\\x00\\xFF'::BLOB)")
        self.assertEqual(other(read_and_write), (b"\x00\xff", revision))
        scanned = self.rows("SELECT key, value FROM nats_kv_scan('K') ORDER BY key")
        self.assertEqual(scanned, [("ours", b"\x00\xff"), ("theirs", b"1")])
        operations = self.rows("SELECT key, operation FROM nats_kv_scan('K', deleted := true) WHERE value IS NULL ORDER BY key")
        self.assertEqual(operations, [("gone", "DEL"), ("purged", "PURGE")])
        self.rows("SELECT nats_kv_delete('K', 'ours')")

        async def keys(js):
            return sorted(await (await js.key_value("K")).keys())

        self.assertEqual(other(keys), ["theirs"])

    def test_purges(self):
        self.rows("FROM nats_kv_bucket_ensure('P', history := 5)")
        self.rows("SELECT nats_kv_put('P', key, i::VARCHAR) FROM range(3) r(i), (VALUES ('ours'), ('theirs')) k(key) ORDER BY i, key")
        self.rows("SELECT nats_kv_purge('P', 'ours')")

        async def purge(js):
            bucket = await js.key_value("P")
            await bucket.purge("theirs")
            return [(entry.operation, entry.value) for entry in await bucket.history("ours")]

        self.assertEqual(other(purge), [("PURGE", b"")])
        headers = self.rows("SELECT map_keys(headers), map_values(headers), payload FROM nats_scan('KV_P', headers := true)")
        self.assertEqual(len(headers), 2)
        ours, theirs = headers
        self.assertEqual(dict(zip(*ours[:2])), dict(zip(*theirs[:2])))
        self.assertEqual(ours[2], theirs[2])
        history = self.rows("SELECT key, operation FROM nats_kv_history('P') ORDER BY key")
        self.assertEqual(history, [("ours", "PURGE"), ("theirs", "PURGE")])

    def test_objects(self):
        big, odd = os.urandom(1_000_003), "a name: with / and \u00e4"

        async def write(js):
            store = await js.create_object_store("O")
            await store.put("small", b"hello")
            await store.put(odd, big)
            await store.put("empty", b"")
            await store.put("gone", b"x")
            await store.delete("gone")
            # One chunk of an object that the store says is as before.
            await store.put("damaged", b"x" * 10)
            info = await store.get_info("damaged")
            await js.purge_stream("OBJ_O", subject=f"$O.O.C.{info.nuid}")
            await js.publish(f"$O.O.C.{info.nuid}", b"y" * 10)

        other(write)
        listed = self.rows("SELECT name, size FROM nats_object_list('O')")
        self.assertEqual(listed, [(odd, len(big)), ("damaged", 10), ("empty", 0), ("small", 5)])
        for name, data in (("small", b"hello"), (odd, big), ("empty", b"")):
            self.assertEqual(self.rows("SELECT size, data FROM nats_object_get('O', ?)", name), [(len(data), data)])
        self.assertEqual(self.rows("FROM nats_object_get('O', 'gone')"), [])
        with self.assertRaisesRegex(Exception, "object 'damaged': its bytes do not have the digest"):
            self.rows("FROM nats_object_get('O', 'damaged')")

    def test_one_update_of_several_wins(self):
        self.rows("FROM nats_kv_bucket_ensure('RACE', history := 64)")
        self.rows("SELECT nats_kv_put('RACE', 'n', '0')")
        rounds, writers = 20, 8
        wins, faults = [], []
        barrier = threading.Barrier(writers)
        connections = [self.sql.cursor() for _ in range(writers)]

        def write(writer):
            try:
                for revision in range(1, rounds + 1):
                    barrier.wait()
                    query = "SELECT nats_kv_update('RACE', 'n', ?::VARCHAR, ?)"
                    try:
                        [(new,)] = connections[writer].execute(query, [str(writer), revision]).fetchall()
                        wins.append((revision, new, str(writer).encode()))
                    except duckdb.Error as error:
                        if "wrong last sequence" not in str(error):
                            raise
            except Exception as error:
                faults.append(error)
                barrier.abort()

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        # Each revision was replaced once, and the history has the values of those who did.
        self.assertEqual(sorted(revision for revision, *_ in wins), list(range(1, rounds + 1)))
        history = self.rows("SELECT revision - 1, revision, value FROM nats_kv_history('RACE') WHERE revision > 1 ORDER BY 1")
        self.assertEqual(history, sorted(wins))
        [(revision,)] = self.rows("SELECT revision FROM nats_kv_get('RACE', 'n')")
        self.assertEqual(revision, rounds + 1)
