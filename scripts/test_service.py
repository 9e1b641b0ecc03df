"""The systemd unit and the image of examples/service name paths, options and signals that exist, and that the documentation installs."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

from scripts import paths, tools

SERVICE = paths.ROOT / "examples" / "service"
PAGE = paths.ROOT / "docs" / "follower.md"
PROGRAM = (SERVICE / "follower.py").read_text()
CONFIG = tomllib.loads((SERVICE / "follower.toml").read_text())
ANALYZE = shutil.which("systemd-analyze")
ENVIRONMENT = re.compile(r"\bNATS_\w+")


def unit() -> dict[str, dict[str, list[str]]]:
    """The unit's sections: the values of each key."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (SERVICE / "follower.service").read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def image() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, each with what it says."""
    lines = (SERVICE / "Containerfile").read_text().splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def installed() -> dict[str, str]:
    """What the page installs: a place, and the file of the project that is put there."""
    lines = re.findall(r"^sudo install (.*)$", PAGE.read_text(), re.MULTILINE)
    pairs = [[word for word in shlex.split(line) if "/" in word] for line in lines]
    return {place: source for source, place in pairs}


def fields() -> set[str]:
    """The keys of the configuration, as the program has them."""
    [config] = [node for node in ast.walk(ast.parse(PROGRAM)) if isinstance(node, ast.ClassDef) and node.name == "Config"]
    return {node.target.id for node in config.body if isinstance(node, ast.AnnAssign)}


def environment() -> set[str]:
    """The variables that the program reads, or the extension by what its documentation says."""
    return set(ENVIRONMENT.findall(PROGRAM)) | set(ENVIRONMENT.findall((paths.ROOT / "docs/connections.md").read_text()))


class Unit(unittest.TestCase):
    service = unit()["Service"]

    @unittest.skipUnless(ANALYZE, "systemd-analyze is not here")
    def test_systemd_has_nothing_to_say(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "follower.service"
            # The only thing of it that is on no machine before it is installed there.
            text = (SERVICE / "follower.service").read_text()
            file.write_text(text.replace(shlex.split(self.service["ExecStart"][0])[0], sys.executable))
            checked = subprocess.run([ANALYZE, "verify", str(file)], text=True, capture_output=True)
            said = [line for line in (checked.stdout + checked.stderr).splitlines() if "follower" in line]
            self.assertEqual((checked.returncode, said), (0, []))
            # An option that systemd does not know is only mentioned, and would be seen.
            file.write_text(file.read_text().replace("ProtectSystem=", "ProtectSystm="))
            checked = subprocess.run([ANALYZE, "verify", str(file)], text=True, capture_output=True)
            self.assertIn("ProtectSystm", checked.stdout + checked.stderr)

    def test_what_it_starts_is_what_the_page_installs(self):
        python, program, config, *more = shlex.split(self.service["ExecStart"][0])
        self.assertEqual(more, [])
        self.assertEqual(installed()[program], "examples/service/follower.py")
        self.assertEqual(installed()[config], "examples/service/follower.toml")
        self.assertEqual(installed()["/etc/systemd/system/follower.service"], "examples/service/follower.service")
        page = PAGE.read_text()
        self.assertIn(f"sudo python3 -m venv {Path(python).parent.parent}\n", page)
        [user] = self.service["User"]
        self.assertRegex(page, rf"sudo useradd [^\n]*\b{user}\n")
        for source in installed().values():
            self.assertTrue((paths.ROOT / source).exists() or source.startswith("build/release/"), source)

    def test_the_extension_is_where_the_configuration_looks_for_it(self):
        self.assertEqual(installed()[CONFIG["extension"]], f"build/release/{paths.LIBRARY}.duckdb_extension")

    def test_it_writes_only_where_it_may(self):
        """The database and the metrics are relative to the folder of the state, which is writable beside ProtectSystem=strict."""
        [folder], [state] = self.service["WorkingDirectory"], self.service["StateDirectory"]
        self.assertEqual(folder, f"/var/lib/{state}")
        for key in ("database", "metrics_file"):
            self.assertFalse(Path(CONFIG[key]).is_absolute(), key)

    def test_signals_are_those_of_the_program(self):
        self.assertIn("-HUP $MAINPID", self.service["ExecReload"][0])
        self.assertNotIn("KillSignal", self.service)
        for word in ("signal.SIGHUP", "signal.SIGTERM"):
            self.assertIn(word, PROGRAM)

    def test_the_environment_is_one_that_is_read(self):
        names = {value.partition("=")[0] for value in self.service["Environment"]}
        self.assertLessEqual(names, environment())


class Image(unittest.TestCase):
    def test_it_has_the_program_and_the_extension_where_they_are_looked_for(self):
        copied = dict(reversed(words.split()) for word, words in image() if word == "COPY")
        [entry] = [ast.literal_eval(words) for word, words in image() if word == "ENTRYPOINT"]
        python, program, config = entry
        self.assertEqual((python, copied[program]), ("python", "examples/service/follower.py"))
        self.assertEqual(copied[CONFIG["extension"]], f"build/release/{paths.LIBRARY}.duckdb_extension")
        text = (SERVICE / "Containerfile").read_text()
        [mounted] = re.findall(r"-v [^\s:]*follower\.toml:([^:\s]+)", text)
        self.assertEqual(mounted, config)

    def test_it_runs_as_a_user_who_may_write_where_it_works(self):
        words = dict(image())
        self.assertRegex(words["RUN"], rf"useradd --home-dir {words['WORKDIR']} --create-home {words['USER']}$")
        self.assertEqual(words["STOPSIGNAL"], "SIGTERM")
        self.assertIn(words["WORKDIR"], re.findall(r"-v \w+:(\S+)", (SERVICE / "Containerfile").read_text()))

    def test_its_duckdb_is_one_that_is_tested(self):
        """In the image, and in the page."""
        for text in (dict(image())["RUN"], PAGE.read_text()):
            [version] = re.findall(r"duckdb==([\d.]+)", text)
            self.assertIn(version, tools.pins()["duckdb"])

    def test_the_python_of_the_image_is_new_enough(self):
        [minor] = re.findall(r"python:3\.(\d+)", dict(image())["FROM"])
        self.assertGreaterEqual(int(minor), 11)


class Configuration(unittest.TestCase):
    def test_each_key_is_one_of_the_program_and_of_the_page(self):
        self.assertLessEqual(set(CONFIG), fields())
        [table] = re.findall(r"^\| key \| default .*?\n\n", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        named = set(re.findall(r"`\[?([a-z_]+)\]?`", "\n".join(line.split("|")[1] for line in table.strip().splitlines())))
        self.assertEqual(named, fields())


if __name__ == "__main__":
    unittest.main()
