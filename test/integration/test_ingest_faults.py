"""What a durable does when answers are lost, others settle or create meanwhile, and statements take their time."""

import asyncio
import os
import re
import threading
import time
import unittest

import duckdb
import nats

from integration.host import connect
from integration.proxy import Proxy, headers
from integration.streams import fill
from scripts import fixtures

URL = os.environ["NATS_JS_TEST_URL"]


def without_confirmations(frame: bytes):
    """The server's word on an acknowledgement is a message without a payload."""
    return [] if frame.startswith(b"MSG _INBOX.") and frame.endswith(b" 0\r\n\r\n") else [frame]


def consumer(stream: str, name: str) -> dict:
    with fixtures.Wire(URL) as wire:
        return wire.request(f"CONSUMER.INFO.{stream}.{name}")


async def send(subject: str, payload: bytes) -> None:
    """A request whose answer has been seen."""
    client = await nats.connect(URL)
    await client.request(subject, payload, timeout=20)
    await client.close()


async def acknowledge(stream: str, durable: str, sequences: range) -> None:
    """Acknowledges deliveries of a new consumer of a whole stream, and waits until the server has taken the last."""
    client = await nats.connect(URL)
    for sequence in sequences:
        await client.request(f"$JS.ACK.{stream}.{durable}.1.{sequence}.{sequence}.1.0", b"+ACK", timeout=20)
    await client.close()


class Faults(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)

    def one(self, statement: str, *values) -> tuple:
        return self.database.execute(statement, values).fetchone()

    def test_a_confirmation_that_is_lost_leaves_the_order(self):
        """What was given first is still first: up_to_seq means what it meant."""
        fill(URL, "stream name=LOST subjects=lost", "messages stream=LOST subject=lost count=10")
        with Proxy(URL) as proxy:
            cut = "SELECT count(*) FROM (SELECT seq FROM nats_ingest('LOST', durable := 'd', url := ?) LIMIT 3)"
            self.assertEqual(self.one(cut, proxy.url), (3,))
            ack = "SELECT acked, still_pending FROM nats_ack('LOST', 'd', up_to_seq := 3, url := ?, timeout := to_seconds(1))"
            proxy.rule = without_confirmations
            with self.assertRaisesRegex(duckdb.Error, "the server did not confirm 3 of 3 messages: .*; run it again"):
                self.one(ack, proxy.url)
            proxy.rule = lambda frame: [frame]
            self.assertEqual(self.one(ack, proxy.url), (3, 7))
            self.assertEqual(self.one("SELECT returned FROM nats_nak('LOST', 'd', url := ?)", proxy.url), (7,))
        rest = "SELECT list(seq ORDER BY seq) FROM nats_ingest('LOST', durable := 'd', url := ?)"
        self.assertEqual(self.one(rest, URL), (list(range(4, 11)),))

    def test_a_consumer_that_nobody_answers_for(self):
        """As while the servers of a cluster elect: that is not JetStream being off."""
        fill(URL, "stream name=MUTE subjects=mute", "messages stream=MUTE subject=mute count=4")

        def nobody(frame):
            if without_confirmations(frame):
                return [frame]
            _, inbox, number, _ = frame.split()
            return [b"HMSG %b %b 16 16\r\nNATS/1.0 503\r\n\r\n\r\n" % (inbox, number)]

        with Proxy(URL) as proxy:
            self.assertEqual(self.one("SELECT count(*) FROM nats_ingest('MUTE', durable := 'd', url := ?)", proxy.url), (4,))
            ack = "SELECT acked FROM nats_ack('MUTE', 'd', url := ?)"
            proxy.rule = nobody
            with self.assertRaisesRegex(duckdb.Error, "did not confirm 4 of 4 messages: nobody answers for the consumer 'd'; run it again"):
                self.one(ack, proxy.url)
            proxy.rule = lambda frame: [frame]
            self.assertEqual(self.one(ack, proxy.url), (4,))

    def test_what_is_given_up_is_told_though_a_confirmation_is_lost(self):
        fill(URL, "stream name=TOLD subjects=told", "messages stream=TOLD subject=told count=3")
        with Proxy(URL) as proxy:
            read = """SELECT count(*) FROM nats_ingest('TOLD', durable := 'd', max_messages := 2, max_deliver := 1,
                ack_wait := INTERVAL 1 SECOND, url := ?)"""
            self.assertEqual(self.one(read, proxy.url), (2,))
            time.sleep(2)
            self.assertEqual(self.one(read, proxy.url), (1,))
            proxy.rule = without_confirmations
            ack = "SELECT acked FROM nats_ack('TOLD', 'd', url := ?, timeout := to_seconds(1))"
            with self.assertRaisesRegex(duckdb.Error, "did not confirm 1 of 1 message"):
                self.one(ack, proxy.url)
            proxy.rule = lambda frame: [frame]
            with self.assertRaisesRegex(duckdb.Error, "1 message was acknowledged; but .* gives up on 2 messages, .*sequence 1, 2;"):
                self.one(ack, proxy.url)
            self.assertEqual(self.one(ack, proxy.url), (0,))

    def test_nobody_reads_while_another_statement_settles(self):
        """Else a return that fails would come back into what the next statement was given, and be acknowledged with it."""
        fill(URL, "stream name=BUSY subjects=busy", "messages stream=BUSY subject=busy count=10")
        entered, leave = threading.Event(), threading.Event()

        def slow(frame):
            if not without_confirmations(frame):
                entered.set()
                leave.wait()
                return []
            return [frame]

        read = "SELECT count(*) FROM nats_ingest('BUSY', durable := 'd', url := ?)"
        with Proxy(URL) as proxy:
            self.assertEqual(self.one(read, proxy.url), (10,))
            proxy.rule = slow
            failed = []

            def settle():
                try:
                    self.database.cursor().execute("FROM nats_nak('BUSY', 'd', url := ?, timeout := to_seconds(2))", [proxy.url])
                except duckdb.Error as error:
                    failed.append(str(error))

            thread = threading.Thread(target=settle)
            thread.start()
            try:
                self.assertTrue(entered.wait(20))
                for statement in (read, "FROM nats_ack('BUSY', 'd', url := ?)"):
                    with self.assertRaisesRegex(duckdb.Error, "another statement of this process is acknowledging or returning"):
                        self.one(statement, proxy.url)
            finally:
                proxy.rule = without_confirmations
                leave.set()
                thread.join()
            proxy.rule = lambda frame: [frame]
            self.assertRegex(failed[0], "did not confirm 10 of 10 messages")
            self.assertEqual(self.one("SELECT returned FROM nats_nak('BUSY', 'd', url := ?)", proxy.url), (10,))
            self.assertEqual(self.one(read, proxy.url), (10,))

    def test_messages_that_come_after_an_answer_that_counts_them(self):
        """A consumer that has given all it may holds back, and says so before the last of it has come."""
        fill(URL, "stream name=BEHIND subjects=behind", "messages stream=BEHIND subject=behind count=300")
        late, looks = [], []

        def rule(frame):
            if (sequence := re.match(rb"MSG .*\$JS\.ACK\.BEHIND\.d\.1\.(\d+)\.", frame)) and int(sequence[1]) > 290:
                late.append((proxy.here, frame))
                return []
            if late and b'"num_ack_pending"' in frame:
                looks.append(frame)
                if len(looks) == 3:
                    for send, delivery in late:
                        send(delivery)
            return [frame]

        with Proxy(URL, rule) as proxy:
            read = "SELECT count(*) FROM nats_ingest('BEHIND', durable := 'd', max_ack_pending := 300, url := ?)"
            self.assertEqual(self.one(read, proxy.url), (300,))
            self.assertEqual(len(late), 10)
            self.assertGreaterEqual(len(looks), 3)
            late.clear()
            self.assertEqual(self.one("SELECT acked FROM nats_ack('BEHIND', 'd', url := ?)", proxy.url), (300,))

    def test_a_consumer_that_another_makes_first_is_not_changed(self):
        fill(URL, "stream name=RACE subjects=race", "messages stream=RACE subject=race count=3")
        raced = []

        def race(frame):
            if b"consumer not found" in frame and not raced:
                raced.append(connect())
                made = raced[0].execute("SELECT action FROM nats_consumer_ensure('RACE', 'd', ack_wait := INTERVAL 7 SECONDS, url := ?)", [URL])
                self.assertEqual(made.fetchone(), ("created",))
            return [frame]

        with Proxy(URL, race) as proxy:
            with self.assertRaisesRegex(duckdb.Error, "the consumer 'd' exists with another configuration: ack_wait is 7s, not 9s"):
                self.one("FROM nats_ingest('RACE', durable := 'd', ack_wait := INTERVAL 9 SECONDS, url := ?)", proxy.url)
        self.assertEqual(len(raced), 1)
        self.assertEqual(consumer("RACE", "d")["config"]["ack_wait"], 7_000_000_000)

    def test_a_status_that_comes_late_does_not_end_the_next_pull(self):
        fill(URL, "stream name=LATE subjects=late", "messages stream=LATE subject=late count=3000")
        said, injected = bytearray(), []

        def rule(frame):
            # The first message that the second request brings.
            if not injected and frame.startswith((b"MSG late ", b"HMSG late ")) and b" $JS.ACK.LATE.d.1.1001." in frame:
                pulls = re.findall(rb"PUB \$JS\.API\.CONSUMER\.MSG\.NEXT\.LATE\.d (\S+) ", said)
                status = b"NATS/1.0 404 No Messages\r\n\r\n"
                size = len(status)
                injected.append(b"HMSG %b %b %d %d\r\n%b\r\n" % (pulls[0], frame.split()[2], size, size, status))
                return [injected[0], frame]
            return [frame]

        with Proxy(URL, rule) as proxy:
            proxy.sent = said.extend
            read = "SELECT list(seq) FROM nats_ingest('LATE', durable := 'd', url := ?)"
            self.assertEqual(self.one(read, proxy.url), (list(range(1, 3001)),))
        self.assertEqual(len(injected), 1)

    def test_a_message_that_comes_after_the_status_is_waited_for(self):
        """A replicated consumer may say that a pull is over, and how much of it was not sent, before its replicas know of the
        last message."""
        fill(URL, "stream name=AFTER subjects=after", "messages stream=AFTER subject=after count=10")
        held, swapped = [], []
        status = b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 990\r\nNats-Pending-Bytes: 0\r\n\r\n"

        def rule(frame):
            if b" $JS.ACK.AFTER.d.1.10." in frame:
                held.append(frame)
                return []
            if held and headers(frame).get("status") == "404 No Messages":
                swapped.append(frame)
                subject, number = frame.split()[1:3]
                size = len(status)
                return [b"HMSG %b %b %d %d\r\n%b\r\n" % (subject, number, size, size, status), held.pop()]
            return [frame]

        with Proxy(URL, rule) as proxy:
            read = "SELECT list(seq) FROM nats_ingest('AFTER', durable := 'd', url := ?)"
            self.assertEqual(self.one(read, proxy.url), (list(range(1, 11)),))
        self.assertEqual(len(swapped), 1)

    def test_a_pull_that_is_refused_ends_no_other(self):
        """The server refuses a pull while the ones before it take all that there is. Here they wait for `max_ack_pending`, until another
        process acknowledges."""
        fill(URL, "stream name=REFUSED subjects=refused", "messages stream=REFUSED subject=refused count=4110")
        refused = []

        def rule(frame):
            if not refused and headers(frame).get("status") == "408 Requests Pending":
                refused.append(frame)
                asyncio.run(acknowledge("REFUSED", durable, range(1, 101)))
            return [frame]

        with Proxy(URL, rule) as proxy:
            for attempt in range(5):
                durable = f"d{attempt}"
                read = "SELECT count(*) FROM nats_ingest('REFUSED', durable := ?, max_ack_pending := 4100, url := ?)"
                count = self.one(read, durable, proxy.url)[0]
                if refused:
                    break
        self.assertEqual(len(refused), 1)
        self.assertEqual(count, 4110)

    def test_a_slow_reader_is_given_no_message_twice(self):
        """Its rows wait in DuckDB longer than ack_wait: what the server would deliver again is left to the next call."""
        count = 20_000
        fill(URL, "stream name=SLOW subjects=slow", f"messages stream=SLOW subject=slow count={count} size=2000")
        self.database.execute("SET streaming_buffer_size = '100KB'")
        read = "SELECT seq FROM nats_ingest('SLOW', durable := 'd', ack_wait := INTERVAL 1 SECOND, keep := 'all', url := ?)"
        running = self.database.execute(read, [URL])
        rows = running.fetchmany(10)
        time.sleep(2)
        while part := running.fetchmany(1000):
            rows += part
        # A second call gets the rest, and what the server has taken back.
        self.assertEqual(len(set(rows)), len(rows))
        self.assertLess(len(rows), count)

    def test_a_call_waits_for_the_first_message(self):
        fill(URL, "stream name=WAIT subjects=wait")
        got = []

        def read():
            statement = "SELECT seq FROM nats_ingest('WAIT', durable := 'd', max_wait := INTERVAL 60 SECONDS, url := ?)"
            got.extend(self.database.execute(statement, [URL]).fetchall())

        thread = threading.Thread(target=read)
        thread.start()
        deadline = time.monotonic() + 30
        waiting = 0
        while not waiting and thread.is_alive():
            self.assertLess(time.monotonic(), deadline, "nobody waits")
            time.sleep(0.05)
            try:
                waiting = consumer("WAIT", "d")["num_waiting"]
            except fixtures.WireError:
                pass
        self.assertEqual((waiting, got), (1, []))
        fill(URL, "messages stream=WAIT subject=wait count=1")
        thread.join()
        self.assertEqual(got, [(1,)])

    def cut_short(self, stream: str, count: int) -> None:
        """What a statement was given that did not end cannot be acknowledged; returned, all of it comes again."""
        with self.assertRaisesRegex(duckdb.Error, f"nats_ack: stream '{stream}'.* ended before it had read them all"):
            self.one(f"FROM nats_ack('{stream}', 'd', url := ?)", URL)
        returned, pending = self.one(f"SELECT returned, still_pending FROM nats_nak('{stream}', 'd', url := ?)", URL)
        self.assertGreater(returned, 0)
        self.assertEqual(pending, 0)
        read = f"SELECT count(*), count(DISTINCT seq) FROM nats_ingest('{stream}', durable := 'd', url := ?)"
        self.assertEqual(self.one(read, URL), (count, count))

    def test_a_statement_that_is_abandoned(self):
        fill(URL, "stream name=LEFT subjects=left", "messages stream=LEFT subject=left count=20000 size=2000")
        self.database.execute("SET streaming_buffer_size = '100KB'")
        running = self.database.execute("FROM nats_ingest('LEFT', durable := 'd', url := ?)", [URL])
        self.assertEqual(len(running.fetchmany(10)), 10)
        # Another statement on the connection ends it.
        self.assertEqual(self.one("SELECT 7"), (7,))
        self.cut_short("LEFT", 20_000)

    def test_a_statement_that_is_interrupted(self):
        fill(URL, "stream name=HALT subjects=halt", "messages stream=HALT subject=halt count=20000 size=2000")
        started = "SELECT value FROM nats_stats() WHERE name = 'given'"
        before = self.one(started)
        over = threading.Event()

        def interrupt():
            other = connect()
            while other.execute(started).fetchone() == before:
                over.wait(0.01)
            while not over.wait(0.05):
                self.database.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            # Slow: minutes of it.
            slow = "SELECT count(*) FROM nats_ingest('HALT', durable := 'd', url := ?) WHERE md5(repeat(decode(payload), 1000)) <> ''"
            with self.assertRaises(duckdb.InterruptException):
                self.one(slow, URL)
        finally:
            over.set()
            thread.join()
        self.cut_short("HALT", 20_000)

    def test_a_message_that_is_returned_from_elsewhere_comes_once(self):
        fill(URL, "stream name=ELSE subjects=else", "messages stream=ELSE subject=else count=20000 size=2000")
        self.database.execute("SET streaming_buffer_size = '100KB'")
        read = "SELECT seq, duplicate_of FROM nats_ingest('ELSE', durable := 'd', keep := 'all', url := ?)"
        running = self.database.execute(read, [URL])
        rows = running.fetchmany(10)
        asyncio.run(send("$JS.ACK.ELSE.d.1.1.1.0.0", b"-NAK"))
        while part := running.fetchmany(1000):
            rows += part
        self.assertGreater(consumer("ELSE", "d")["num_redelivered"], 0)
        self.assertEqual((len(rows), len({seq for seq, _ in rows}), {again for _, again in rows}), (20_000, 20_000, {None}))
        self.assertEqual(self.one("SELECT acked FROM nats_ack('ELSE', 'd', url := ?)", URL), (20_000,))

    def test_a_message_that_is_deleted_between_the_two_readings_of_a_range(self):
        """keep := 'last' finds the newest row of each key first, and then reads again: a row that gave way to one that is
        gone by then would be lost."""
        keys = "a b c a d b".split()
        # Deleted between the readings; what comes, or None for an error.
        cases = {4: None, 6: None, 1: [3, 4, 5, 6], 3: [4, 5, 6], 5: [3, 4, 6]}
        for deleted, expected in cases.items():
            with self.subTest(deleted=deleted):
                stream = f"LAST{deleted}"
                fill(URL, f"stream name={stream} subjects={stream}")
                with fixtures.Wire(URL) as wire:
                    wire.publish(fixtures.Message(stream, f'{{"k":"{key}"}}'.encode()) for key in keys)
                done = []

                def rule(frame):
                    if headers(frame).get("Nats-Sequence") == str(len(keys)) and not done:
                        with fixtures.Wire(URL) as wire:
                            done.append(wire.request(f"STREAM.MSG.DELETE.{stream}", {"seq": deleted}))
                    return [frame]

                read = f"SELECT seq FROM nats_ingest('{stream}', correlation_key := '{{k}}', keep := 'last', url := ?)"
                with Proxy(URL, rule) as proxy:
                    if expected is None:
                        words = f"sequence {deleted}: the newest message of its key was deleted while the stream was read; run it again"
                        with self.assertRaisesRegex(duckdb.Error, words):
                            self.database.execute(read, [proxy.url]).fetchall()
                    else:
                        self.assertEqual(self.database.execute(read, [proxy.url]).fetchall(), [(seq,) for seq in expected])
                    self.assertEqual(len(done), 1)
                    newest = {key: seq for seq, key in enumerate(keys, 1) if seq != deleted}
                    self.assertEqual(self.database.execute(read, [proxy.url]).fetchall(), [(seq,) for seq in sorted(newest.values())])


if __name__ == "__main__":
    unittest.main()
