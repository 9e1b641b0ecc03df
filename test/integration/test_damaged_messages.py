"""Messages that a server counts and cannot give: every read of them fails and names them; where a replica has them, it is exact."""

import unittest

import duckdb

from integration import few_rights, host
from integration.cluster import NAMES, Cluster
from integration.damage import flip, lengthen_subject, zero_sector
from integration.streams import fill, state
from scripts import servers
from scripts.nats_server import Server

COUNT = 2000
DAMAGED = (700, 1500)
VERSIONS = servers.tested("2.10.26", "2.12.8", "2.15.1")


def text(sequence: int) -> bytes:
    """What only the message with this sequence holds."""
    return b"message %d." % sequence


def damaged_server(test: unittest.TestCase, version: str, *more: str) -> Server:
    """A server whose stream S, on the subjects s.0 and s.1, has two messages that cannot be read."""
    server = test.enterContext(Server(version))
    lines = ("stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%2}} count={COUNT} size=100", *more)
    fill(server.url, *lines)
    server.stop()
    flip(server.store, *map(text, DAMAGED))
    server.start()
    assert state(server.url, "S")["last_seq"] == COUNT
    return server


def server_with_a_lost_sector(test: unittest.TestCase, version: str, *config: str) -> Server:
    """A server that finds, when its stream S is read, that a sector of a block is lost, and forgets the block's messages behind it."""
    server = test.enterContext(Server(version, *config))
    fill(server.url, "stream name=S subjects=s.*", f"messages stream=S subject=s.{{i%7}} count={COUNT} size=100")
    server.stop()
    # What was written is not in the server's memory then.
    server.start()
    zero_sector(server.store, text(1000))
    return server


class OneServer(unittest.TestCase):
    def setUp(self):
        self.connection = host.connect()
        self.addCleanup(self.connection.close)

    def fails(self, server: Server, query: str, words: str) -> None:
        with self.assertRaisesRegex(duckdb.Error, words):
            rows = self.connection.execute(query.format(url=f"url := '{server.url}'")).fetchall()
            self.fail(f"{len(rows)} rows, and no error: {query}")

    def rows(self, server: Server, query: str) -> list:
        return self.connection.execute(query.format(url=f"url := '{server.url}'")).fetchall()

    def test_every_read_of_them_fails(self):
        both = r"stream 'S'.*cannot give 2 messages.*sequences 700 and 1500.*damaged"
        first = r"stream 'S'.*cannot give 1 message.*sequence 700.*damaged"
        second = r"stream 'S'.*cannot give 1 message.*sequence 1500.*damaged"
        for version in VERSIONS:
            server = damaged_server(self, version)
            with self.subTest(version=version, what="all"):
                self.fails(server, "SELECT count(*) FROM nats_scan('S', {url})", f"({both}|{first})")
                self.fails(server, "SELECT count(*) FROM nats_ingest('S', {url})", f"({both}|{first})")
                self.assertEqual(self.connection.sql("SELECT last(outcome ORDER BY started) FROM nats_reads()").fetchall(), [("failed",)])
            with self.subTest(version=version, what="a part"):
                self.fails(server, "FROM nats_scan('S', {url}, start_seq := 1400)", second)
                self.fails(server, "FROM nats_scan('S', {url}, start_seq := 700, end_seq := 700)", first)
                self.fails(server, "FROM nats_scan('S', {url}, end_seq := 700)", first)
                self.fails(server, "FROM nats_scan('S', {url}, start_seq := 650, max_messages := 100)", first)
            with self.subTest(version=version, what="parts without them"):
                self.assertEqual(len(self.rows(server, "FROM nats_scan('S', {url}, start_seq := 701, end_seq := 1499)")), 799)
                self.assertEqual(len(self.rows(server, "FROM nats_scan('S', {url}, end_seq := 699)")), 699)
            with self.subTest(version=version, what="by sequence"):
                self.fails(server, "FROM nats_get('S', 700, {url})", first)
                self.fails(server, "FROM nats_get('S', range(1, 2001), {url})", f"({both}|{first})")
                self.assertEqual(self.rows(server, "SELECT seq FROM nats_get('S', [699, 701, 5000], {url})"), [(699,), (701,)])

    def test_beside_holes(self):
        for version in VERSIONS:
            server = damaged_server(self, version, "holes stream=S every=9")
            with self.subTest(version=version):
                self.fails(server, "SELECT count(*) FROM nats_scan('S', {url}, end_seq := 1400)", "sequence 700")
                self.fails(server, "SELECT count(*) FROM nats_scan('S', {url}, start_seq := 1401)", "sequence 1500")
                rows = self.rows(server, "FROM nats_scan('S', {url}, start_seq := 701, end_seq := 1499)")
                self.assertEqual(len(rows), sum(1 for seq in range(701, 1500) if seq % 9))

    def test_beside_more_holes_than_messages(self):
        for version in VERSIONS:
            server = damaged_server(self, version, *(f"holes stream=S seqs={n}-{n + 98}" for n in range(1, COUNT, 100)))
            with self.subTest(version=version):
                # 700 and 1500 are among the 20 that are left.
                self.fails(server, "SELECT count(*) FROM nats_scan('S', {url})", "sequences 700 and 1500")
                self.fails(server, "SELECT count(*) FROM nats_scan('S', {url}, start_seq := 1000)", "sequence 1500")
                self.assertEqual(len(self.rows(server, "FROM nats_scan('S', {url}, end_seq := 600)")), 6)

    def test_by_subject(self):
        for version in VERSIONS:
            server = damaged_server(self, version)
            with self.subTest(version=version):
                # Which of them are on the subject is not known any more.
                self.fails(
                    server, "SELECT count(*) FROM nats_scan('S', {url}, subject := 's.0')",
                    "(sequences 700 and 1500|sequence 700)",
                )
                self.assertEqual(len(self.rows(server, "FROM nats_scan('S', {url}, subject := 's.1')")), COUNT // 2)

    def test_the_newest_message(self):
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            fill(
                server.url, "stream name=S subjects=s.*",
                *(f"message stream=S subject=s.{n} payload='the newest of {n}.'" for n in range(5)),
            )
            server.stop()
            flip(server.store, b"the newest of 3.")
            server.start()
            with self.subTest(version=version):
                self.fails(server, "FROM nats_last('S', 's.3', {url})", "s.3.*damaged")
                self.fails(server, "FROM nats_last('S', 's.*', {url})", "damaged")
                self.assertEqual(len(self.rows(server, "FROM nats_last('S', ['s.1', 's.2', 's.9'], {url})")), 2)

    def test_a_subject_whose_end_is_damaged(self):
        """The server's checksum does not notice it, and so the server gives the message."""
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            payload = "number-{}"
            fill(
                server.url, "stream name=S subjects=s.*", *(f"message stream=S subject=s.{n} payload='{payload.format(n)}{'.' * 40}'" for n in range(5)),
            )
            server.stop()
            lengthen_subject(server.store, b"s.3", payload.format(3).encode())
            server.start()
            words = "stream 'S'.*sequence 4.*subject that no message can have.*s.3number-3.*damaged"
            with self.subTest(version=version):
                for query in (
                    "SELECT seq, subject FROM nats_scan('S', {url})", "SELECT payload FROM nats_scan('S', {url})",
                    "FROM nats_scan('S', {url}, via := 'consumer')", "FROM nats_ingest('S', {url})", "FROM nats_get('S', 4, {url})",
                    "FROM nats_get('S', [1, 4], {url})", "FROM nats_ingest('S', {url}, durable := 'W')",
                ):
                    self.fails(server, query, words)
                self.assertEqual(len(self.rows(server, "FROM nats_scan('S', {url}, start_seq := 5)")), 1)
                found = self.rows(server, "SELECT finding, first_seq, last_seq FROM nats_verify('S', {url})")
                self.assertEqual(found, [("damaged", 4, 4)])

    def test_a_block_that_the_server_cuts(self):
        """The stream ends earlier than when the statement began. The next statement begins with what is left."""
        for version in VERSIONS:
            server = server_with_a_lost_sector(self, version)
            with self.subTest(version=version):
                sql = "SELECT seq FROM nats_ingest('S', {url}, durable := 'd', keep := 'all')"
                began = f"ended at sequence {COUNT} when the statement began"
                self.fails(server, sql, rf"stream 'S'.*older copy of its store.*{began}.*\[replaced\]")
                self.has_what_is_left(server, self.rows(server, sql))

    def test_a_block_that_the_server_cuts_and_few_rights(self):
        """Who may not ask for the stream's state has what is left, at once. (A filtered consumer of 2.10.26 says that there is nothing, for good.)"""
        for version in servers.tested("2.12.8", "2.15.1"):
            server = server_with_a_lost_sector(self, version, few_rights.CONFIG)
            with self.subTest(version=version):
                sql = f"SELECT seq FROM nats_ingest('S', url := '{few_rights.url(server)}', durable := 'd', subject := 's.*', keep := 'all')"
                self.has_what_is_left(server, self.rows(server, sql))

    def has_what_is_left(self, server: Server, rows: list) -> None:
        left = state(server.url, "S")["messages"]
        self.assertLess(left, COUNT)
        self.assertEqual([row[0] for row in rows], list(range(1, left + 1)))

    def test_the_past(self):
        """The server gives an older message of a subject in the place of one that is damaged."""
        for version in VERSIONS:
            server = damaged_server(self, version)
            for subjects in ("'s.*'", "'>'", "['s.0', 's.1']", "'s.0'"):
                with self.subTest(version=version, subjects=subjects):
                    for up_to in (1500, 1501):
                        self.fails(server, f"FROM nats_last('S', {subjects}, {{url}}, up_to_seq := {up_to})", "cannot give 1 message .*sequence 1500:.*damaged")
                    self.fails(server, f"FROM nats_last('S', {subjects}, {{url}}, up_to_seq := 700)", "cannot give 1 message .*sequence 700:.*damaged")
                    for up_to in (699, 1499, 1999):
                        rows = self.rows(server, f"SELECT seq FROM nats_last('S', {subjects}, {{url}}, up_to_seq := {up_to}) ORDER BY seq")
                        expected = [seq for seq in (up_to - 1, up_to) if subjects != "'s.0'" or seq % 2 == 0]
                        self.assertEqual(rows, [(seq,) for seq in expected])

    def test_the_past_of_many_subjects(self):
        """So few messages a subject are read one after the other."""
        for version in VERSIONS:
            server = self.enterContext(Server(version))
            fill(server.url, "stream name=S subjects=s.*", "messages stream=S subject=s.{i%100} count=1000 size=100")
            server.stop()
            flip(server.store, text(700))
            server.start()
            with self.subTest(version=version):
                self.fails(server, "FROM nats_last('S', 's.*', {url}, up_to_seq := 750)", "cannot give 1 message .*sequence 700:.*damaged")
                self.assertEqual(len(self.rows(server, "FROM nats_last('S', 's.*', {url}, up_to_seq := 699)")), 100)

    def test_the_history_of_a_bucket(self):
        """It is a read of the whole stream; the first entry is damaged, one in the middle, and a message of another subject."""
        for version in VERSIONS:
            for holes in ((), ("holes stream=KV_B every=9",)):
                server = damaged_bucket(self, version, *holes)
                with self.subTest(version=version, holes=holes):
                    self.fails(server, "FROM nats_kv_history('B', {url})", "stream 'KV_B'.*cannot give .*sequences? 1[,: ].*damaged")
                    self.fails(server, "FROM nats_kv_history('B', {url}, after_revision := 1)", "cannot give .*sequences? 11[: ].*damaged")
                    self.fails(server, "FROM nats_kv_history('B', {url}, up_to_revision := 10)", "cannot give 1 message .*sequence 1:.*damaged")
                    # All that there is behind the revision is damaged, so the wait ends by its bound.
                    behind = "after_revision := 10, up_to_revision := 11, max_wait := INTERVAL '50 milliseconds'"
                    self.fails(server, f"FROM nats_kv_history('B', {{url}}, {behind})", "cannot give 1 message .*sequence 11:.*damaged")
                    rows = self.rows(server, "SELECT revision FROM nats_kv_history('B', {url}, after_revision := 11, up_to_revision := 20)")
                    self.assertEqual(rows, [(seq,) for seq in range(12, 21) if not holes or seq % 9])
                    self.fails(server, "FROM nats_kv_history('B', {url}, after_revision := 20)", "cannot give 1 message .*sequence 21:.*damaged")

    def test_keys_of_a_bucket(self):
        for version in VERSIONS:
            server = damaged_bucket(self, version)
            with self.subTest(version=version):
                self.fails(server, "FROM nats_kv_get('B', 'k.1', {url})", r"KV\.B\.k\.1'.*damaged")
                self.fails(server, f"SELECT nats_kv_get('B', 'k.1', '{server.url}')", r"KV\.B\.k\.1'.*damaged")
                self.fails(server, "FROM nats_kv_scan('B', {url})", "damaged")
                self.assertEqual(self.rows(server, "SELECT key FROM nats_kv_scan('B', {url}, keys := ['k.2', 'k.3'])"), [("k.2",), ("k.3",)])
                self.fails(server, "FROM nats_kv_history('B', {url}, keys := 'k.1')", r"(sequences? 1[,: ]|KV\.B\.k\.1').*damaged")
                self.assertEqual(self.rows(server, "SELECT key FROM nats_kv_history('B', {url}, keys := 'k.2')"), [("k.2",)])


def damaged_bucket(test: unittest.TestCase, version: str, *more: str) -> Server:
    """A server with a bucket B, whose stream also has a message of another subject: sequences 1, 11 and 21 cannot be read, of which the last is
    that message."""
    server = test.enterContext(Server(version))
    fill(
        server.url, "stream name=KV_B subjects=$KV.B.>,other max_msgs_per_subject=5",
        "messages stream=KV_B subject=$KV.B.k.{i} count=20 payload='value {i}.'",
        "message stream=KV_B subject=other payload='of another subject.'",
        "message stream=KV_B subject=$KV.B.k.22 payload='value 22.'", *more,
    )
    server.stop()
    flip(server.store, b"value 1.", b"value 11.", b"of another subject.")
    server.start()
    return server


class OneReplica(unittest.TestCase):
    """Two servers of three have everything: any read is whole."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        for line in ("stream name=S subjects=s.* num_replicas=3", f"messages stream=S subject=s.{{i%2}} count={COUNT} size=100"):
            cluster.call(NAMES[0], lambda wire: fill(cluster.servers[NAMES[0]].url, line))
        cluster.wait_until_whole()
        leader = cluster.leader()
        cls.victim = next(name for name in NAMES if name != leader)
        cluster.servers[cls.victim].stop()
        flip(cluster.servers[cls.victim].store, *map(text, DAMAGED))
        cluster.servers[cls.victim].start()
        cluster.wait_until_whole()

    def test_scans_are_exact(self):
        connection = host.connect()
        self.addCleanup(connection.close)
        for leads in (False, True):
            if leads:
                self.cluster.lead(self.victim)
            with self.subTest(leads=leads):
                for number in range(24):
                    url = self.cluster.servers[NAMES[number % 3]].url
                    got = connection.execute(f"SELECT count(*), count(DISTINCT seq) FROM nats_scan('S', url := '{url}')").fetchone()
                    self.assertEqual(got, (COUNT, COUNT))
                by_sequence = f"SELECT seq FROM nats_get('S', [699, 700, 1500], url := '{self.cluster.url}')"
                self.assertEqual(connection.execute(by_sequence).fetchall(), [(699,), (700,), (1500,)])
                for number in range(24):
                    url = self.cluster.servers[NAMES[number % 3]].url
                    try:
                        got = connection.execute(f"SELECT count(*) FROM nats_scan('S', subject := 's.0', url := '{url}')").fetchone()
                        self.assertEqual(got, (COUNT // 2,))
                    except duckdb.Error as error:
                        self.assertIn("a replica left out 2 messages", str(error))


if __name__ == "__main__":
    unittest.main()
