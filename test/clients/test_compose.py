"""The compose files and what they mount: they parse, their files exist, and each name that one uses is one that it defines."""

import unittest
from pathlib import Path

import yaml

from scripts import paths

FILES = ("examples/service/compose.yaml", "examples/lake/compose.yaml")
SERVICE = paths.ROOT / "examples" / "service"
NAMED = {"services", "volumes"}


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


class Compose(unittest.TestCase):
    def test_what_a_service_names_is_defined(self):
        for name in FILES:
            file = paths.ROOT / name
            compose = load(file)
            self.assertEqual(set(compose), NAMED, name)
            for service, options in compose["services"].items():
                self.assertIn("image", options, service)
                self.assertLessEqual(set(options.get("depends_on", [])), set(compose["services"]), service)
                for volume in options.get("volumes", []):
                    source = volume.split(":")[0]
                    if source.startswith("."):
                        self.assertTrue((file.parent / source).resolve().exists(), f"{name}: {volume}")
                    else:
                        self.assertIn(source, compose["volumes"], f"{name}: {volume}")

    def test_the_image_is_built_from_files_that_are_there(self):
        build = load(SERVICE / "compose.yaml")["services"]["follower"]["build"]
        context = (SERVICE / build["context"]).resolve()
        self.assertEqual(context, paths.ROOT)
        lines = (context / build["dockerfile"]).read_text().splitlines()
        copied = [line.split()[1] for line in lines if line.startswith("COPY")]
        self.assertEqual(len(copied), 2)
        for source in copied:
            self.assertTrue((context / source).exists() or source.startswith("build/"), source)

    def test_the_board_is_provisioned_from_where_it_is_mounted(self):
        services = load(SERVICE / "compose.yaml")["services"]
        [provider] = load(SERVICE / "monitoring/grafana/dashboards.yml")["providers"]
        mounted = [volume.split(":")[1] for volume in services["grafana"]["volumes"]]
        self.assertTrue(any(place.startswith(provider["options"]["path"] + "/") for place in mounted))
        [source] = load(SERVICE / "monitoring/grafana/datasources.yml")["datasources"]
        self.assertEqual(source["url"], "http://prometheus:9090")
        [job] = load(SERVICE / "monitoring/prometheus.yml")["scrape_configs"]
        [target] = job["static_configs"][0]["targets"]
        self.assertIn(target.split(":")[0], services)


if __name__ == "__main__":
    unittest.main()
