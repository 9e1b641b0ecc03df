"""What a release is made of."""

import contextlib
import io
import tempfile
import unittest
import zipfile
from pathlib import Path

from scripts import package, paths, release


class Archive(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))

    def test_it_has_every_file_of_its_platform_in_its_folder(self):
        target = self.folder / "nats_js-x86_64-apple-darwin"
        (target / "v2.0.0").mkdir(parents=True)
        for name in ("nats_js.duckdb_extension", "v2.0.0/nats_js.duckdb_extension"):
            (target / name).write_text(name)
        packed = release.archive(target, self.folder)
        self.assertEqual(packed.name, f"nats_js-x86_64-apple-darwin-{package.version()}.zip")
        with zipfile.ZipFile(packed) as archive:
            names = ["nats_js.duckdb_extension", "v2.0.0/nats_js.duckdb_extension", "LICENSE", "README.md"]
            self.assertEqual(archive.namelist(), names)
            self.assertEqual(archive.read(names[1]).decode(), names[1])

    def test_a_platform_without_a_file_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "has no .duckdb_extension file"):
            release.archive(self.folder, self.folder)


class Registry(unittest.TestCase):
    def test_its_description_has_the_version_of_the_crate(self):
        self.assertIn(f"version: {package.version().removeprefix('v')}\n", (paths.ROOT / "description.yml").read_text())

    def test_its_file_is_where_its_workflow_looks(self):
        file = paths.registry_extension("release").relative_to(paths.ROOT)
        self.assertEqual(str(file), f"build/release/extension/{paths.EXTENSION}/{paths.EXTENSION}.duckdb_extension")


if __name__ == "__main__":
    unittest.main()
