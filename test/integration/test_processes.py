"""Threads, processes and databases around reads."""

import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from integration.host import connect
from integration.streams import fill

COUNT = 20_000
WHOLE = (COUNT, COUNT * (COUNT + 1) // 2)
WAIT_SECONDS = 60
# What a second process does with a database that the first has closed.
READ = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).execute('SELECT count(*) FROM t').fetchone()[0])"


class Processes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ["NATS_JS_TEST_URL"]
        fill(cls.url, "stream name=S subjects=s", f"messages stream=S subject=s count={COUNT} size=100")
        cls.summary = f"SELECT count(*), sum(seq) FROM nats_scan('S', url := '{cls.url}')"

    def test_eight_connections_at_once(self):
        database = connect()
        self.addCleanup(database.close)
        answers, errors = [], []
        barrier = threading.Barrier(8)

        def work(cursor):
            try:
                barrier.wait()
                for _ in range(3):
                    answers.append(cursor.execute(self.summary).fetchone())
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(database.cursor(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((errors, answers), ([], [WHOLE] * 24))

    def test_two_databases_of_one_process(self):
        first, second = connect(), connect()
        self.addCleanup(second.close)
        self.assertEqual(first.execute(self.summary).fetchone(), WHOLE)
        first.close()
        self.assertEqual(second.execute(self.summary).fetchone(), WHOLE)

    def test_a_result_that_nobody_reads_to_its_end(self):
        database = connect()
        self.addCleanup(database.close)
        for _ in range(20):
            self.assertEqual(database.execute(f"SELECT seq FROM nats_scan('S', url := '{self.url}')").fetchone(), (1,))
        self.assertEqual(database.execute(self.summary).fetchone(), WHOLE)

    def test_a_closed_database_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "a.db"
            database = connect(str(file))
            database.execute(f"CREATE TABLE t AS FROM nats_scan('S', url := '{self.url}')")
            # A second result stays half read.
            database.cursor().execute(f"SELECT seq FROM nats_scan('S', url := '{self.url}')").fetchone()
            database.execute("FROM nats_ping(url := ?)", [self.url]).fetchall()
            database.close()
            self.assertEqual([path.name for path in Path(scratch).iterdir()], ["a.db"])
            other = subprocess.run([sys.executable, "-c", READ, file], capture_output=True, text=True, timeout=WAIT_SECONDS)
            self.assertEqual((other.stdout, other.stderr), (f"{COUNT}\n", ""))
            again = connect(str(file))
            self.addCleanup(again.close)
            self.assertEqual(again.execute(self.summary).fetchone(), WHOLE)

    def test_a_forked_child_reads_on_its_own(self):
        parent = connect()
        self.addCleanup(parent.close)
        self.assertEqual(parent.execute(self.summary).fetchone(), WHOLE)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            # Only this thread came along: a database of its own, and no word to the parent's.
            try:
                found = connect().execute(self.summary).fetchone()
                os.write(writer, repr(found).encode())
            finally:
                os._exit(0)
        os.close(writer)
        # The parent reads at the same time, on its own connection.
        self.assertEqual(parent.execute(self.summary).fetchone(), WHOLE)
        timer = threading.Timer(WAIT_SECONDS, os.kill, (child, 9))
        timer.start()
        with os.fdopen(reader) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        timer.cancel()
        self.assertEqual(answer, repr(WHOLE))
        self.assertEqual(parent.execute(self.summary).fetchone(), WHOLE)


if __name__ == "__main__":
    unittest.main()
