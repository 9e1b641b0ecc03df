"""examples/lake/compose.yaml without an engine to run it: it is YAML, and what it names is there: services, volumes, files, variables, versions."""

import re
import tomllib
import unittest
from urllib.parse import urlsplit

import duckdb
import yaml

from scripts import paths

FOLDER = paths.ROOT / "examples/lake"
MOUNT = "/nats_js"


class Compose(unittest.TestCase):
    def setUp(self):
        self.compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
        self.worker = self.compose["services"]["worker"]
        self.settings = tomllib.loads((FOLDER / "worker.toml").read_text())

    def test_each_service_has_an_image_and_what_it_depends_on(self):
        services = self.compose["services"]
        for name, service in services.items():
            with self.subTest(name):
                self.assertRegex(service["image"], r"^docker\.io/\w+/[\w-]+(:[\w.-]+)?$")
                self.assertLessEqual(set(service.get("depends_on", [])), set(services))

    def test_volumes_are_declared_or_in_the_tree(self):
        for name, service in self.compose["services"].items():
            for volume in service["volumes"]:
                source = volume.split(":")[0]
                with self.subTest(name, source=source):
                    if source.startswith("."):
                        self.assertEqual((FOLDER / source).resolve(), paths.ROOT.resolve())
                        self.assertEqual(volume.split(":")[1], MOUNT)
                    else:
                        self.assertIn(source, self.compose["volumes"])

    def test_files_of_the_worker_are_in_the_tree(self):
        command = " ".join(self.worker["command"])
        named = re.findall(rf"{MOUNT}/(\S+)", command)
        self.assertEqual(len(named), 2, command)
        for file in named:
            self.assertTrue((paths.ROOT / file).is_file(), file)
        # What `make release` makes, which a tree has once it is made.
        self.assertEqual(self.worker["environment"]["NATS_JS_EXTENSION"], f"{MOUNT}/build/release/nats_js.duckdb_extension")

    def test_variables_of_the_settings_are_given(self):
        given = self.worker["environment"]
        wanted = set(re.findall(r"\$(\w+)", " ".join(self.settings["before"])))
        self.assertTrue(wanted)
        self.assertLessEqual(wanted | {"PGHOST", "PGPASSWORD"}, set(given))
        postgres = self.compose["services"]["postgres"]["environment"]
        self.assertIn(f"dbname={postgres['POSTGRES_DB']}", self.settings["catalogue"])
        self.assertIn(f"user={postgres['POSTGRES_USER']}", self.settings["catalogue"])
        self.assertEqual(given["PGPASSWORD"], postgres["POSTGRES_PASSWORD"])

    def test_addresses_are_those_of_services(self):
        given, services = self.worker["environment"], set(self.compose["services"])
        hosts = {urlsplit(given["NATS_URL"]).hostname, given["PGHOST"], given["S3_ENDPOINT"].split(":")[0]}
        self.assertLessEqual(hosts, services)

    def test_the_command_runs_the_tested_duckdb(self):
        command = self.worker["command"][-1]
        self.assertIn(f"duckdb=={duckdb.__version__} ", command)
        [program] = re.findall(r'python -c "([^"]+)"', command)
        compile(program, "compose.yaml", "exec")
        installed = set(re.findall(r"'(\w+)'", program))
        loaded = {statement.split()[1].replace("postgres_scanner", "postgres") for statement in self.settings["before"] if statement.startswith("LOAD")}
        self.assertEqual(loaded, installed)


if __name__ == "__main__":
    unittest.main()
