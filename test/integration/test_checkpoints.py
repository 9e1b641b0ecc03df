"""Reads after a checkpoint: what follows it, once, or an error that says what became of the stream."""

import os
import shutil
import time
import unittest
from contextlib import contextmanager

import duckdb

from fixtures.wire import Wire
from integration.host import connect
from integration.proxy import Proxy, headers
from integration.streams import fill, state
from scripts.nats_server import Server


class Checkpoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))

    def setUp(self):
        # A connection of its own for each test: the server is replaced behind it.
        self.database = connect()
        self.addCleanup(self.database.close)

    def make(self, name: str, count: int, **config) -> None:
        words = " ".join(f"{key}={value}" for key, value in config.items())
        fill(self.server.url, f"stream name={name} subjects={name}.> {words}")
        self.publish(name, count)

    def publish(self, name: str, count: int, subject: str = "x", payload: str = "message {i}") -> None:
        fill(self.server.url, f"messages stream={name} subject={name}.{subject} count={count} payload='{payload}'")

    def request(self, call: str, body: dict | None = None) -> dict:
        with Wire(self.server.url) as wire:
            return wire.request(call, body)

    def checkpoint(self, name: str) -> str:
        return self.database.execute("SELECT nats_checkpoint(?, ?)", [name, self.server.url]).fetchone()[0]

    def read(self, name: str, after: str | None, options: str = "", url: str = "") -> list[int]:
        sql = f"SELECT seq FROM nats_scan('{name}', url := '{url or self.server.url}', after := ?{options})"
        return [seq for (seq,) in self.database.execute(sql, [after]).fetchall()]

    def fails(self, words: str, name: str, after: str | None, options: str = "") -> None:
        with self.assertRaisesRegex(duckdb.Error, words):
            self.read(name, after, options)

    @contextmanager
    def restored(self):
        """Takes a copy of the store, and puts it back after the block: what came in the block is lost."""
        copy = self.server.store.with_name("copy")
        self.server.stop()
        shutil.copytree(self.server.store, copy)
        self.server.start()
        yield
        self.server.stop()
        shutil.rmtree(self.server.store)
        copy.rename(self.server.store)
        self.server.start()

    def test_a_table_that_follows(self):
        self.make("FOLLOW", 0)
        checkpoint, seen = None, []
        for count in (0, 3, 0, 2000, 1):
            self.publish("FOLLOW", count)
            upto = self.checkpoint("FOLLOW")
            self.publish("FOLLOW", 7)
            seen += self.read("FOLLOW", checkpoint, f", upto := '{upto}'")
            checkpoint = upto
        self.assertEqual(seen, list(range(1, state(self.server.url, "FOLLOW")["last_seq"] - 6)))

    def test_made_anew(self):
        self.make("ANEW", 10)
        checkpoint = self.checkpoint("ANEW")
        self.request("STREAM.DELETE.ANEW")
        self.make("ANEW", 30)
        words = "stream 'ANEW', server .*: the stream was deleted and made anew since the checkpoint: .* beyond sequence 10"
        self.fails(words, "ANEW", checkpoint)
        self.fails(words, "ANEW", None, f", upto := '{checkpoint}'")
        self.fails(words, "ANEW", checkpoint, ", on_gap := 'skip'")
        self.fails(words, "ANEW", checkpoint, f", upto := '{self.checkpoint('ANEW')}'")

    def test_upto_before_after(self):
        self.make("ORDER", 10)
        first = self.checkpoint("ORDER")
        self.publish("ORDER", 10)
        self.fails("after is a later checkpoint \\(sequence 20\\) than upto \\(sequence 10\\)", "ORDER", self.checkpoint("ORDER"), f", upto := '{first}'")

    def test_rewound(self):
        self.make("REWOUND", 10)
        before = self.checkpoint("REWOUND")
        with self.restored():
            self.publish("REWOUND", 5, payload="lost {i}")
            checkpoint = self.checkpoint("REWOUND")
        self.fails("ends at sequence 10, before the checkpoint at sequence 15, so sequences 11 to 15 \\(at most 5", "REWOUND", checkpoint)
        self.assertEqual(self.read("REWOUND", before), [])
        # The recipe takes a fresh end first, which then lies before the checkpoint.
        self.fails("rewound: it ends at sequence 10", "REWOUND", checkpoint, f", upto := '{self.checkpoint('REWOUND')}'")
        # It goes on, with the same sequences.
        self.publish("REWOUND", 20, payload="another {i}")
        words = "rewound and written anew: the message at sequence 15 is another"
        self.fails(words, "REWOUND", checkpoint)
        self.fails(words, "REWOUND", checkpoint, ", on_gap := 'skip'")
        self.fails(words, "REWOUND", before, f", upto := '{checkpoint}'")
        self.assertEqual(self.read("REWOUND", before), list(range(11, 31)))

    def test_rewound_to_nothing_and_over_a_deleted_end(self):
        self.make("NOTHING", 10)
        self.make("EDGE", 10)
        self.request("STREAM.PURGE.NOTHING")
        empty = self.checkpoint("NOTHING")
        with self.restored():
            self.publish("EDGE", 5, payload="lost {i}")
            self.request("STREAM.MSG.DELETE.EDGE", {"seq": 15})
            edge = self.checkpoint("EDGE")
        self.assertEqual(self.read("NOTHING", empty), [])
        self.publish("EDGE", 20, payload="another {i}")
        self.fails("rewound and written anew: there is a message at sequence 15, where there was none", "EDGE", edge)

    def test_what_may_go_may_go(self):
        self.make("GOES", 10)
        checkpoint = self.checkpoint("GOES")
        self.publish("GOES", 10)
        self.request("STREAM.MSG.DELETE.GOES", {"seq": 10})
        self.assertEqual(self.read("GOES", checkpoint), list(range(11, 21)))
        # The end of the checkpoint, and one behind it that is not the first.
        self.request("STREAM.MSG.DELETE.GOES", {"seq": 13})
        self.request("STREAM.PURGE.GOES", {"seq": 11})
        self.assertEqual(self.read("GOES", checkpoint), [11, 12, *range(14, 21)])

    def test_removed_before_it_was_read(self):
        self.make("TRIMMED", 100, max_msgs=50)
        checkpoint = self.checkpoint("TRIMMED")
        self.publish("TRIMMED", 50)
        self.assertEqual(self.read("TRIMMED", checkpoint), list(range(101, 151)))
        self.publish("TRIMMED", 20)
        words = "sequences 101 to 120 \\(at most 20 messages\\) were removed .* from sequence 121"
        self.fails(words, "TRIMMED", checkpoint)
        self.assertEqual(self.read("TRIMMED", checkpoint, ", on_gap := 'skip'"), list(range(121, 171)))
        self.assertEqual(self.read("TRIMMED", None), list(range(121, 171)))
        upto = self.checkpoint("TRIMMED")
        self.publish("TRIMMED", 60)
        self.fails("sequences 101 to 170 ", "TRIMMED", checkpoint, f", upto := '{upto}'")
        self.assertEqual(self.read("TRIMMED", checkpoint, f", upto := '{upto}', on_gap := 'skip'"), [])

    def test_the_newest_of_each_subject(self):
        self.make("COMPACT", 0, max_msgs_per_subject=1)
        for subject in ("a", "b"):
            self.publish("COMPACT", 1, subject)
        checkpoint = self.checkpoint("COMPACT")
        # Both give way, then all that came after the checkpoint but the newest of each.
        for subject in ("a", "b") * 50:
            self.publish("COMPACT", 1, subject)
        self.assertEqual(self.read("COMPACT", checkpoint), [101, 102])
        # What may also remove a subject's last message makes it a gap.
        config = self.request("STREAM.INFO.COMPACT")["config"]
        self.request("STREAM.UPDATE.COMPACT", config | {"max_age": 3_600_000_000_000})
        self.assertEqual(self.read("COMPACT", checkpoint), [101, 102])
        self.request("STREAM.UPDATE.COMPACT", config | {"max_msgs": 1000})
        self.fails("sequences 3 to 100 ", "COMPACT", checkpoint)
        self.request("STREAM.UPDATE.COMPACT", config | {"max_msgs": 1000, "discard": "new"})
        self.assertEqual(self.read("COMPACT", checkpoint), [101, 102])

    def test_removed_while_it_is_read(self):
        for name, options in (("RACE", ""), ("SKIPPED", ", on_gap := 'skip'")):
            self.make(name, 10)
            checkpoint = self.checkpoint(name)
            self.publish(name, 20_000)
            left = [True]

            def rule(frame, name=name, left=left):
                if left and int(headers(frame).get("Nats-Sequence", 0)) > 20:
                    left.clear()
                    self.request(f"STREAM.PURGE.{name}", {"seq": 15_000})
                return [frame]

            with Proxy(self.server.url, rule) as proxy:
                if options:
                    read = self.read(name, checkpoint, options, proxy.url)
                    self.assertEqual(read[-5001:], list(range(15_000, 20_011))[-5001:])
                    self.assertLess(len(read), 20_000)
                else:
                    with self.assertRaisesRegex(duckdb.Error, "to 14999 .* were removed by retention or a purge before they were read"):
                        self.read(name, checkpoint, "", proxy.url)
            self.assertEqual(left, [])

    @unittest.skipUnless(os.environ.get("NATS_JS_TEST_DOOR") == "v2", "through the first door no condition is looked at before reading")
    def test_removed_while_a_part_is_read(self):
        """Conditions say what is read; what is removed below them is no matter, and what is removed among them is an error."""
        # By times nobody knows which sequences would have had them, so whatever is removed there is an error.
        errors = {"seq > 10000": r"sequences 10\d\d\d to 14999 ", "ts_nats > TIMESTAMP '2000-01-01'": "to 14999 ", "subject = 'PART2.x'": "to 14999 ", "seq > 15000": None}
        for number, (condition, error) in enumerate(errors.items()):
            name = f"PART{number}"
            self.make(name, 10)
            checkpoint = self.checkpoint(name)
            self.publish(name, 20_000)
            left = [True]

            def rule(frame, name=name, left=left):
                if left and "Nats-Sequence" in headers(frame):
                    left.clear()
                    self.request(f"STREAM.PURGE.{name}", {"seq": 15_000})
                return [frame]

            with self.subTest(condition), Proxy(self.server.url, rule) as proxy:
                sql = f"SELECT count(*), min(seq) FROM nats_scan('{name}', url := '{proxy.url}', after := '{checkpoint}') WHERE {condition}"
                if error is None:
                    self.assertEqual(self.database.execute(sql).fetchall(), [(5_010, 15_001)])
                else:
                    with self.assertRaisesRegex(duckdb.Error, f"{error}.*were removed by retention or a purge before they were read"):
                        self.database.execute(sql).fetchall()
            self.assertEqual(left, [])

    def test_removed_after_it_was_read(self):
        self.make("BEHIND", 10)
        checkpoint = self.checkpoint("BEHIND")
        self.publish("BEHIND", 3000)
        left = [True]

        def rule(frame):
            if left and headers(frame).get("Nats-Sequence") == "3010":
                left.clear()
                self.request("STREAM.PURGE.BEHIND", {"seq": 2000})
            return [frame]

        with Proxy(self.server.url, rule) as proxy:
            self.assertEqual(self.read("BEHIND", checkpoint, "", proxy.url), list(range(11, 3011)))
        self.assertEqual(left, [])

    def test_rows_and_checkpoint_in_one_transaction(self):
        self.make("BOTH", 100)
        run = self.database.execute
        run(f"SET VARIABLE url = '{self.server.url}'")
        run("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, seq UBIGINT)")
        run("CREATE TABLE checkpoints (stream VARCHAR PRIMARY KEY, checkpoint VARCHAR)")

        def step(end: str):
            run("BEGIN")
            run("SET VARIABLE after = (SELECT checkpoint FROM checkpoints WHERE stream = 'BOTH')")
            run("SET VARIABLE upto = nats_checkpoint('BOTH', getvariable('url'))")
            run("""INSERT INTO target SELECT correlation_key, seq FROM nats_ingest('BOTH', url := getvariable('url'),
                after := getvariable('after'), upto := getvariable('upto')) ON CONFLICT DO NOTHING""")
            run("""INSERT INTO checkpoints VALUES ('BOTH', getvariable('upto'))
                ON CONFLICT (stream) DO UPDATE SET checkpoint = excluded.checkpoint""")
            run(end)

        for end, count in (("ROLLBACK", 0), ("COMMIT", 200), ("ROLLBACK", 200), ("COMMIT", 400)):
            step(end)
            self.assertEqual(run("SELECT count(*) FROM target").fetchone(), (count,))
            self.publish("BOTH", 100)

    def test_a_server_that_comes_back(self):
        self.make("SAME", 10)
        checkpoint = self.checkpoint("SAME")
        self.server.kill()
        self.server.start()
        self.publish("SAME", 5)
        deadline = time.monotonic() + 30
        while True:
            try:
                self.assertEqual(self.read("SAME", checkpoint), [11, 12, 13, 14, 15])
                return
            except duckdb.Error:
                if time.monotonic() > deadline:
                    raise


if __name__ == "__main__":
    unittest.main()
