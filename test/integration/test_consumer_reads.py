"""`via := 'consumer'`: the same rows as Direct Get and the same errors, whatever happens to the consumer, which is gone afterwards."""

import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

import duckdb

from fixtures.wire import Wire
from integration import host
from integration.damage import flip
from integration.proxy import Proxy, headers
from integration.streams import fill
from scripts.nats_server import Server

VERSION = os.environ["NATS_JS_TEST_SERVER"]
COUNT = 5000
HOLES = [seq for seq in range(1, COUNT + 1) if seq % 10]
ROWS = "subject, seq, ts_nats, payload, headers"


def consumers(url: str, stream: str = "S") -> list[str]:
    """The names of a stream's consumers."""
    with Wire(url) as wire:
        return wire.request(f"CONSUMER.NAMES.{stream}").get("consumers") or []


def acknowledged(frame: bytes) -> int:
    """The sequence of a message that a consumer delivered; 0 for other frames."""
    words = frame.partition(b"\r\n")[0].split()
    reply = words[3] if len(words) > 4 and words[3].startswith(b"$JS.ACK.") else b""
    return int(reply.split(b".")[5]) if reply else 0


class Reads(unittest.TestCase):
    def setUp(self):
        self.connection = host.connect()
        self.addCleanup(self.connection.close)

    def rows(self, url: str, options: str = "", what: str = "seq", stream: str = "S") -> list:
        scan = f"SELECT {what} FROM nats_scan('{stream}', url := '{url}', via := 'consumer'{options})"
        return self.connection.execute(scan).fetchall()

    def sequences(self, url: str, options: str = "", stream: str = "S") -> list[int]:
        return [seq for (seq,) in self.rows(url, options, stream=stream)]

    def fails(self, url: str, words: str, options: str = "", stream: str = "S") -> None:
        with self.assertRaisesRegex(duckdb.Error, words):
            rows = self.rows(url, options, stream=stream)
            self.fail(f"{len(rows)} rows, and no error")

    def stat(self, name: str) -> int:
        return self.connection.execute("SELECT value FROM nats_stats() WHERE name = ?", [name]).fetchone()[0]


class OneStream(Reads):
    """A stream with holes on one server, which stays as it is."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(VERSION))
        fill(
            cls.server.url, "stream name=S subjects=s.*",
            f"messages stream=S subject=s.{{i%7}} count={COUNT} size=100 headers=X:{{i}}", "holes stream=S every=10",
        )
        cls.url = cls.server.url

    def tearDown(self):
        self.assertEqual(consumers(self.url), [])

    def same(self, options: str) -> None:
        scan = f"SELECT {ROWS} FROM nats_scan('S', url := '{self.url}', headers := true{options})"
        direct = self.connection.execute(scan).fetchall()
        self.assertEqual(self.rows(self.url, f", headers := true{options}", ROWS), direct)

    def test_the_same_rows(self):
        moment = self.connection.execute(
            f"SELECT ts_nats FROM nats_get('S', 2501, url := '{self.url}')"
        ).fetchone()[0]
        for options in (
            "", ", subject := 's.3'", ", subject := ['s.1', 's.2', 's.>']", ", subject := ['s.1', 's.2']", ", start_seq := 1999, end_seq := 2222",
            ", start_seq := 10, end_seq := 10", ", start_seq := 4999", ", start_seq := 9999", ", subject := 's.nothing'",
            ", last_n := 100", ", max_messages := 100", ", subject := 's.3', last_n := 10", ", subject_contains := '.4'",
            f", start_time := TIMESTAMP '{moment}'", f", end_time := TIMESTAMP '{moment}'",
        ):
            with self.subTest(options=options):
                self.same(options)
        before = self.stat("read_consumers")
        self.assertEqual(self.rows(self.url, what="count(*)"), [(len(HOLES),)])
        self.assertEqual(self.stat("read_consumers"), before + 1)

    def test_checkpoints_urls_and_ingest(self):
        checkpoint = self.connection.execute(f"SELECT nats_checkpoint('S', '{self.url}')").fetchone()[0]
        self.assertEqual(self.sequences(self.url, f", upto := '{checkpoint}'"), HOLES)
        self.assertEqual(self.sequences(self.url, f", after := '{checkpoint}'"), [])
        by_url = self.connection.execute(f"SELECT seq FROM '{self.url}/S?via=consumer&subject=s.3'").fetchall()
        self.assertEqual(by_url, [(seq,) for seq in HOLES if seq % 7 == 3])
        ingest = f"SELECT seq FROM nats_ingest('S', url := '{self.url}', via := 'consumer')"
        self.assertEqual(self.connection.execute(ingest).fetchall(), [(seq,) for seq in HOLES])
        for options, words in ((", via := 'push'", "via is 'push'; it must be one of 'direct', 'consumer'"),):
            with self.assertRaisesRegex(duckdb.Error, words):
                self.connection.execute(f"FROM nats_scan('S'{options})")
        with self.assertRaisesRegex(duckdb.Error, "via and durable cannot be used together"):
            self.connection.execute("FROM nats_ingest('S', durable := 'd', via := 'consumer')")

    def test_limit_removes_it(self):
        self.assertEqual(self.connection.execute(
            f"SELECT seq FROM nats_scan('S', url := '{self.url}', via := 'consumer') LIMIT 3"
        ).fetchall(), [(1,), (2,), (3,)])
        deadline = time.monotonic() + 5
        while consumers(self.url) and time.monotonic() < deadline:
            time.sleep(0.02)

    def lossy(self, rule, options: str = "") -> list[int]:
        with Proxy(self.url, rule) as proxy:
            return self.sequences(proxy.url, f", timeout := to_seconds(2){options}")

    def test_lost_messages(self):
        for sequence in (1, 2, 1234, 4998, 4999):
            with self.subTest(sequence=sequence):
                left = [sequence]

                def rule(frame):
                    if left and acknowledged(frame) == left[0]:
                        left.clear()
                        return []
                    return [frame]

                before = self.stat("retries"), self.stat("read_consumers")
                self.assertEqual(self.lossy(rule), HOLES)
                self.assertEqual(left, [])
                self.assertGreater(self.stat("retries"), before[0])
                self.assertEqual(self.stat("read_consumers"), before[1] + 2)

    def test_the_same_message_every_time(self):
        with self.assertRaisesRegex(duckdb.Error, "stream 'S'.*replies are missing from a batch at sequence 1234"):
            self.lossy(lambda frame: [] if acknowledged(frame) == 1234 else [frame])

    def test_messages_that_come_twice_or_are_lost_by_chance(self):
        self.assertEqual(self.lossy(lambda frame: [frame] * (2 if acknowledged(frame) % 50 == 1 else 1)), HOLES)
        seen = set()

        def rule(frame):
            lost = acknowledged(frame) % 500 == 1 and acknowledged(frame) not in seen
            seen.add(acknowledged(frame))
            return [] if lost else [frame]

        self.assertEqual(self.lossy(rule), HOLES)

    def test_the_connection_breaks(self):
        for after in (2, 300, 4000):
            with self.subTest(after=after):
                left = [after]

                def rule(frame):
                    left[0] -= 1
                    return None if left[0] == 0 else [frame]

                before = self.stat("reconnects")
                self.assertEqual(self.lossy(rule), HOLES)
                self.assertGreater(self.stat("reconnects"), before)

    def test_the_answer_to_its_request_is_lost(self):
        left = [b"consumer_create_response"]
        rule = lambda frame: [] if left and left[0] in frame and left.pop() else [frame]
        self.assertEqual(self.lossy(rule), HOLES)

    def test_the_consumer_is_deleted_by_somebody(self):
        deleted = []

        def rule(frame):
            if acknowledged(frame) == 1234 and not deleted:
                deleted.extend(consumers(self.url))
                with Wire(self.url) as wire:
                    wire.request(f"CONSUMER.DELETE.S.{deleted[0]}")
                # What it delivered before is lost with it.
            return [] if deleted and acknowledged(frame) >= 1234 and len(consumers(self.url)) == 0 else [frame]

        self.assertEqual(self.lossy(rule), HOLES)
        self.assertEqual(len(deleted), 1)


class SlowReader(Reads):
    """More than the server may send ahead, and a reader that takes its time."""

    def test_the_server_waits_and_does_not_hang_up(self):
        server = self.enterContext(Server(VERSION, "jetstream { store_dir: $STORE_DIR }\nwrite_deadline: '1s'\n"))
        count = 1500
        fill(server.url, "stream name=S subjects=s", f"messages stream=S subject=s count={count} size=65536")
        before = self.stat("reconnects")
        scan = f"SELECT seq, payload FROM nats_scan('S', url := '{server.url}', via := 'consumer')"
        result = self.connection.execute(scan)
        rows = result.fetchmany(10)
        time.sleep(2)
        while part := result.fetchmany(400):
            rows += part
            time.sleep(0.1)
        self.assertEqual([seq for seq, _ in rows], list(range(1, count + 1)))
        self.assertEqual(self.stat("reconnects"), before)
        self.assertNotIn("Slow Consumer", server.log)
        self.assertEqual(consumers(server.url), [])


class Servers(Reads):
    """What happens to the server and to the stream while it is read."""

    def half(self, server: Server, change, options: str = "", count: int = 200_000):
        """Reads a part, lets `change` happen, and reads the rest."""
        fill(server.url, "stream name=S subjects=s", f"messages stream=S subject=s count={count} size=300")
        options = f", timeout := to_seconds(6){options}"
        result = self.connection.execute(f"SELECT seq, payload FROM nats_scan('S', url := '{server.url}', via := 'consumer'{options})")
        rows = [seq for seq, _ in result.fetchmany(5000)]
        change()
        while part := result.fetchmany(50_000):
            rows += [seq for seq, _ in part]
        return rows

    def test_the_server_restarts(self):
        server = self.enterContext(Server(VERSION))

        def restart():
            server.kill()
            server.start()

        self.assertEqual(self.half(server, restart), list(range(1, 200_001)))

    def test_the_stream_is_made_anew(self):
        server = self.enterContext(Server(VERSION))

        def anew():
            with Wire(server.url) as wire:
                wire.request("STREAM.DELETE.S")
            fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=200000 size=300")

        with self.assertRaisesRegex(duckdb.Error, "stream 'S'.*was deleted and made anew"):
            self.half(server, anew)

    def test_the_stream_is_deleted(self):
        server = self.enterContext(Server(VERSION))

        def delete():
            with Wire(server.url) as wire:
                wire.request("STREAM.DELETE.S")

        with self.assertRaisesRegex(duckdb.Error, "no such stream"):
            self.half(server, delete)

    def test_damaged_messages(self):
        server = self.enterContext(Server(VERSION))
        fill(server.url, "stream name=S subjects=s.*", "messages stream=S subject=s.{i%2} count=2000 size=100")
        server.stop()
        flip(server.store, b"message 700.", b"message 2000.")
        server.start()
        for options, words in (
            ("", "cannot give (1 message|2 messages).*(sequence 700|sequences 700 and 2000).*damaged"),
            (", start_seq := 1000", "cannot give 1 message.*sequence 2000.*damaged"),
            (", start_seq := 650, max_messages := 100", "cannot give 1 message.*sequence 700.*damaged"),
            (", subject := 's.0'", "damaged"),
        ):
            with self.subTest(options=options):
                self.fails(server.url, words, options)
        self.assertEqual(len(self.sequences(server.url, ", subject := 's.1'")), 1000)
        self.assertEqual(self.sequences(server.url, ", start_seq := 701, end_seq := 1999"), list(range(701, 2000)))
        self.assertEqual(consumers(server.url), [])

    def test_streams_and_users_for_which_it_is_not(self):
        rights = '{ publish: ["$JS.API.STREAM.INFO.>", "$JS.API.INFO", "$JS.API.DIRECT.GET.>"], subscribe: ["_INBOX.>"] }'
        no_flow = '{ publish: { deny: ["$JS.FC.>"] }, subscribe: ["_INBOX.>"] }'
        server = self.enterContext(Server(
            VERSION, "jetstream { store_dir: $STORE_DIR }\nauthorization { users: ["
            f"{{ user: all, password: p }}, {{ user: reader, password: p, permissions: {rights} }}, {{ user: stuck, password: p, permissions: {no_flow} }}] }}\n",
        ))
        url = server.url.replace("nats://", "nats://all:p@")
        fill(url, "stream name=S subjects=s", "messages stream=S subject=s count=100000 size=300",
             "stream name=WORK subjects=w retention=workqueue", "messages stream=WORK subject=w count=10")
        self.fails(url.replace("all", "reader"), r"no permission to publish to \$JS.API.CONSUMER.CREATE.S.>.*leave via := 'consumer' out")
        self.fails(url.replace("all", "stuck"), r"no permission to publish to \$JS.FC.S.>.*leave via := 'consumer' out")
        self.fails(url, "stream 'WORK'.*retention depends on its consumers", stream="WORK")
        deadline = time.monotonic() + 5
        while consumers(url) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(consumers(url), [])

    def test_a_domain(self):
        server = self.enterContext(Server(VERSION, "jetstream { store_dir: $STORE_DIR, domain: hub }\n"))
        fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=3000 size=100")
        self.assertEqual(self.sequences(server.url, ", domain := 'hub'"), list(range(1, 3001)))
        self.assertEqual(consumers(server.url), [])

    def test_without_direct_get(self):
        server = self.enterContext(Server(VERSION))
        fill(server.url, "stream name=S subjects=s allow_direct=false", "messages stream=S subject=s count=3000 size=100", "holes stream=S every=7")
        self.assertEqual(self.sequences(server.url), [seq for seq in range(1, 3001) if seq % 7])

    def test_interrupts_and_killed_processes(self):
        server = self.enterContext(Server(VERSION))
        fill(server.url, "stream name=S subjects=s", "messages stream=S subject=s count=100000 size=1000")
        scan = f"SELECT seq, payload FROM nats_scan('S', url := '{server.url}', via := 'consumer')"
        cursor = self.connection.cursor()
        cursor.execute(scan).fetchmany(10)
        self.assertEqual(len(consumers(server.url)), 1)
        cursor.close()
        self.wait_until_gone(server.url, 2)
        program = (
            "import sys, time\nfrom integration.host import connect\n"
            "result = connect().execute(sys.argv[1])\nresult.fetchmany(10)\nprint('reading', flush=True)\ntime.sleep(60)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", program, scan], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        self.assertEqual(len(consumers(server.url)), 1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The server's own time for a consumer without a listener is five seconds.
        self.wait_until_gone(server.url, 12)

    def wait_until_gone(self, url: str, seconds: int) -> None:
        deadline = time.monotonic() + seconds
        while consumers(url):
            self.assertLess(time.monotonic(), deadline, "the consumer is still there")
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
