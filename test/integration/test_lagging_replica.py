"""A stand-in that is behind answers for a stream: what the leader has is seen all the same.

A mirror with `mirror_direct` answers Direct Get beside the stream that it copies. One that is full stays behind for good.
"""

import asyncio
import json
import os
import unittest

import nats

from integration import host

URL = os.environ["NATS_JS_TEST_URL"]
SUBJECTS, BEFORE, AFTER = 7, 3, 40
# Enough that both answer, whichever the server picks.
ROUNDS = 40


def direct_gets(subject: str) -> set[int]:
    """The sequences that Direct Get answers with when it is often asked for the newest message of a subject."""

    async def ask():
        client = await nats.connect(URL)
        try:
            body = json.dumps({"last_by_subj": subject}).encode()
            answers = [await client.request("$JS.API.DIRECT.GET.S", body) for _ in range(ROUNDS)]
            return {int(answer.headers["Nats-Sequence"]) for answer in answers}
        finally:
            await client.close()

    return asyncio.run(ask())


class LaggingMirror(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["NATS_URL"] = URL
        cls.database = host.connect()
        cls.addClassCleanup(cls.database.close)
        cls.rows("FROM nats_stream_ensure('S', subjects := ['s.>', 'many.*'], storage := 'memory')")
        cls.publish(BEFORE)
        asyncio.run(cls.mirror())
        cls.publish(AFTER)
        cls.newest = {f"s.{n}": (BEFORE + AFTER - 1) * SUBJECTS + n + 1 for n in range(SUBJECTS)}

    @classmethod
    def rows(cls, query):
        return cls.database.execute(query).fetchall()

    @classmethod
    def publish(cls, rounds):
        cls.rows(f"""
            SELECT max((nats_publish('s.' || subject, round::VARCHAR)).seq)
            FROM (SELECT * FROM range({rounds}) r(round), range({SUBJECTS}) t(subject) ORDER BY ALL)
        """)

    @classmethod
    async def mirror(cls):
        """The mirror M, once it has what there is and answers for S."""
        client = await nats.connect(URL)
        jetstream = client.jetstream()
        full = BEFORE * SUBJECTS
        config = {"name": "M", "storage": "memory", "mirror": {"name": "S"}, "mirror_direct": True,
                  "max_msgs": full, "discard": "new", "num_replicas": 1, "retention": "limits"}
        answer = await client.request("$JS.API.STREAM.CREATE.M", json.dumps(config).encode())
        assert "error" not in json.loads(answer.data), answer.data
        while (await jetstream.stream_info("M")).state.messages < full:
            pass
        await client.close()

    def test_a_mirror_answers_and_is_behind(self):
        self.assertEqual(direct_gets("s.0"), {(BEFORE - 1) * SUBJECTS + 1, self.newest["s.0"]})

    def test_the_newest_of_each_subject(self):
        for _ in range(ROUNDS):
            rows = self.rows("SELECT subject, seq FROM nats_last('S', 's.>')")
            self.assertEqual(dict(rows), self.newest)

    def test_one_subject(self):
        for _ in range(ROUNDS):
            self.assertEqual(self.rows("SELECT seq FROM nats_last('S', 's.1')"), [(self.newest["s.1"],)])

    def test_more_subjects_than_one_request_may_match(self):
        self.rows("SELECT max((nats_publish('many.' || i, 'x')).seq) FROM range(1500) t(i)")
        for _ in range(5):
            rows = self.rows("SELECT count(*), count(DISTINCT subject) FROM nats_last('S', 'many.*')")
            self.assertEqual(rows, [(1500, 1500)])

    def test_as_it_was(self):
        last = BEFORE * SUBJECTS + 5
        for _ in range(ROUNDS):
            rows = self.rows(f"SELECT seq FROM nats_last('S', 's.>', up_to_seq := {last}) ORDER BY seq")
            self.assertEqual(rows, [(seq,) for seq in range(last - SUBJECTS + 1, last + 1)])

    def test_as_it_was_in_a_hole(self):
        first, last = BEFORE * SUBJECTS + 40, BEFORE * SUBJECTS + 60
        for seq in range(first, last + 1):
            self.rows(f"FROM nats_message_delete('S', {seq}, confirm := true)")
        for _ in range(ROUNDS):
            rows = self.rows(f"SELECT seq FROM nats_last('S', 's.>', up_to_seq := {last - 1}) ORDER BY seq")
            self.assertEqual(rows, [(seq,) for seq in range(first - SUBJECTS, first)])


if __name__ == "__main__":
    unittest.main()
