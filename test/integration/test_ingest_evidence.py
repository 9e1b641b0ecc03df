"""Statements that look right and lose data when the acknowledgement trusts them: by evidence nothing is acknowledged that
the table does not hold, and what is left comes again until it does."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

import duckdb

from integration.host import connect
from integration.streams import fill
from scripts import fixtures, matrix, package, paths, tools

URL = os.environ["NATS_JS_TEST_URL"]
COUNT = 500
READ = """nats_ingest('{stream}', url := '{url}', durable := '{durable}', columns := {{'id': 'BIGINT', 'key': 'VARCHAR'}},
    correlation_key := '{{id}}')"""
BLIND = "SELECT acked FROM nats_ack('{stream}', '{durable}', url := '{url}')"
EVIDENCE = """SELECT nats_ack('{stream}', '{durable}', list(u.seq), '{url}')
    FROM nats_unsettled('{stream}', '{durable}', url := '{url}') u SEMI JOIN target USING (correlation_key)"""
RETURN = "SELECT returned FROM nats_nak('{stream}', '{durable}', url := '{url}')"
COUNT_TARGET = "SELECT count(*) FROM target"


class Evidence(unittest.TestCase):
    def setUp(self):
        self.database = connect()
        self.addCleanup(self.database.close)
        self.stream = self._testMethodName.removeprefix("test_").upper()[:24]
        fill(
            URL,
            f"stream name={self.stream} subjects={self.stream}",
            f"messages stream={self.stream} subject={self.stream} count={COUNT} " + """payload='{"id":{i},"key":"{i%7}"}'""",
        )

    def text(self, statement: str, durable: str) -> str:
        return statement.format(stream=self.stream, durable=durable, url=URL)

    def one(self, statement: str, durable: str = "d", database: duckdb.DuckDBPyConnection | None = None) -> int:
        return (database or self.database).execute(self.text(statement, durable)).fetchone()[0]

    def lost_by_trust_and_kept_by_evidence(self, fail, rows: int, fix: str, write: str, blind: int = COUNT) -> None:
        """`fail(durable)` leaves `rows` in the table. The blind form acknowledges `blind` of what is not there; evidence
        acknowledges `rows`, and after `fix` what is left is written by `write`."""
        fail("trust")
        self.assertEqual(self.one(COUNT_TARGET), rows)
        self.assertEqual(self.one(BLIND, "trust"), blind)
        fail("d")
        self.assertEqual(self.one(EVIDENCE), rows)
        self.assertEqual(self.one(RETURN), COUNT - rows)
        self.database.execute(fix)
        self.database.execute(self.text(write, "d"))
        self.assertEqual(self.one(EVIDENCE), COUNT - rows)
        self.assertEqual(self.one(COUNT_TARGET), COUNT)
        self.assertEqual(self.waiting("d"), 0)

    def waiting(self, durable: str) -> int:
        with fixtures.Wire(URL) as wire:
            info = wire.request(f"CONSUMER.INFO.{self.stream}.{durable}")
        return info["num_pending"] + info["num_ack_pending"]

    def test_a_constraint_after_group_by(self):
        """The source is drained before the first row is written."""
        self.database.execute("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT CHECK (id < 400))")
        write = f"INSERT INTO target SELECT correlation_key, max(id) FROM {READ} GROUP BY ALL ON CONFLICT DO NOTHING"

        def fail(durable):
            with self.assertRaisesRegex(duckdb.Error, "CHECK constraint failed"):
                self.database.execute(self.text(write, durable))

        fix = "DROP TABLE target; CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT)"
        self.lost_by_trust_and_kept_by_evidence(fail, 0, fix, write)

    def test_staging_and_a_cast(self):
        """The COMMIT after the error succeeds in a program that goes on: the staging table is there, and the rows are not."""
        self.database.execute("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id TINYINT)")
        write = f"""CREATE OR REPLACE TEMP TABLE batch AS FROM {READ};
            INSERT INTO target SELECT correlation_key, id FROM batch ON CONFLICT DO NOTHING"""

        def fail(durable):
            stage, insert = self.text(write, durable).split(";")
            self.database.execute(stage)
            with self.assertRaisesRegex(duckdb.Error, "out of range"):
                self.database.execute(insert)

        self.lost_by_trust_and_kept_by_evidence(fail, 0, "ALTER TABLE target ALTER id TYPE BIGINT", write)

    def test_a_conflict_that_commit_finds(self):
        """Two transactions insert one key: whoever commits last is told then."""
        self.database.execute("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT)")
        write = f"INSERT INTO target SELECT correlation_key, id FROM {READ} ON CONFLICT DO NOTHING"

        def fail(durable):
            self.database.execute("DELETE FROM target")
            other = self.database.cursor()
            self.database.execute("BEGIN")
            self.database.execute(self.text(write, durable))
            other.execute("INSERT INTO target VALUES ('7', 7)")
            with self.assertRaisesRegex(duckdb.Error, "(?i)constraint|conflict"):
                self.database.execute("COMMIT")

        self.lost_by_trust_and_kept_by_evidence(fail, 1, "SELECT 1", write)

    def test_a_script_that_goes_on(self):
        """On standard input the CLI runs the next statement after an error."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "a.duckdb"

            def script(durable, settle, ty):
                extension = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine())
                return self.text(
                    f"""LOAD '{extension}';
                    CREATE TABLE IF NOT EXISTS target (correlation_key VARCHAR PRIMARY KEY, id {ty});
                    INSERT INTO target SELECT correlation_key, max(id) FROM {READ} GROUP BY ALL ON CONFLICT DO NOTHING;
                    {settle};""",
                    durable,
                )

            def run(text):
                command = [str(tools.cli_binary(matrix.CLI)), "-unsigned", "-init", "/dev/null", "-csv", "-noheader", str(file)]
                return subprocess.run(command, input=text, capture_output=True, text=True).stdout.split()

            self.assertEqual(run(script("trust", BLIND, "TINYINT"))[-1], str(COUNT))
            self.assertEqual(run(script("d", f"{EVIDENCE}; {RETURN}", "TINYINT"))[-2:], ["0", str(COUNT)])
            file.unlink()
            self.assertEqual(run(script("d", EVIDENCE, "BIGINT"))[-1], str(COUNT))
            self.assertEqual(self.waiting("d"), 0)

    def test_a_full_disk(self):
        """The file of the database may not grow: the COMMIT fails, or the statement that writes."""
        fill(URL, "stream name=LARGE subjects=large", f"messages stream=LARGE subject=large count={COUNT} " + """payload='{"id":{i}}'""")
        program = """
            import resource, signal, sys, duckdb
            from integration.host import connect
            file, statements = sys.argv[1], sys.argv[2:]
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            database = connect(file)
            database.execute("CREATE TABLE IF NOT EXISTS target (correlation_key VARCHAR PRIMARY KEY, pad VARCHAR)")
            database.execute("CHECKPOINT")
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
            for statement in statements:
                try:
                    print(database.execute(statement).fetchone()[0], flush=True)
                except duckdb.Error as error:
                    print("failed", flush=True)
            """
        write = f"""INSERT INTO target SELECT correlation_key, repeat(md5(correlation_key), 1000) FROM {READ.replace("'{stream}'", "'LARGE'")}
            ON CONFLICT DO NOTHING"""
        for durable, settle, expected in (("trust", BLIND, COUNT), ("d", EVIDENCE, 0)):
            with self.subTest(durable), tempfile.TemporaryDirectory() as folder:
                file = str(Path(folder) / "a.duckdb")
                statements = [self.text(part.replace("{stream}", "LARGE"), durable) for part in (write, settle)]
                command = [sys.executable, "-c", textwrap.dedent(program), file, *statements]
                done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
                # The error that a full disk is makes some versions refuse every statement that follows: then nothing is
                # acknowledged either way.
                said = done.stdout.split()
                self.assertEqual(said[0], "failed", done.stderr)
                self.assertIn(said[1], ("failed", str(expected)))

    def test_an_open_transaction(self):
        """No host tells an extension of a transaction that is still open. The clock does: what it was given itself came after
        its beginning."""
        self.database.execute("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT)")
        self.database.execute("BEGIN")
        self.database.execute(self.text(f"INSERT INTO target SELECT correlation_key, id FROM {READ}", "d"))
        self.assertEqual(self.one(f"{EVIDENCE} WHERE epoch_us(u.since) < epoch_us(now())"), 0)
        self.database.execute("ROLLBACK")
        self.assertEqual(self.one(f"{EVIDENCE} WHERE epoch_us(u.since) < epoch_us(now())"), 0)
        self.assertEqual(self.one(RETURN), COUNT)
        self.database.execute(self.text(f"INSERT INTO target SELECT correlation_key, id FROM {READ}", "d"))
        self.assertEqual(self.one(f"{EVIDENCE} WHERE epoch_us(u.since) < epoch_us(now())"), COUNT)

    def test_evidence_covers_what_came_before(self):
        """A process that died between COMMIT and acknowledgement: what comes again is in the table already."""
        self.database.execute("CREATE TABLE target (correlation_key VARCHAR PRIMARY KEY, id BIGINT)")
        write = f"INSERT INTO target SELECT correlation_key, id FROM {READ} ON CONFLICT DO NOTHING"
        self.database.execute(self.text(write, "d"))
        self.assertEqual(self.one(RETURN), COUNT)
        self.database.execute(self.text(write, "d"))
        self.assertEqual(self.one(EVIDENCE), COUNT)
        self.assertEqual(self.one(COUNT_TARGET), COUNT)


if __name__ == "__main__":
    unittest.main()
