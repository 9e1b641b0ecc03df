"""Names of platforms: this machine's, and those of Rust's targets."""

import os
import unittest
from unittest import mock

from scripts import cross_check, package, platforms


def on(system: str, processor: str, musl: bool = False) -> str:
    with (
        mock.patch("platform.system", return_value=system),
        mock.patch("platform.machine", return_value=processor),
        mock.patch.object(platforms, "uses_musl", return_value=musl),
        mock.patch.dict(os.environ),
    ):
        os.environ.pop("DUCKDB_PLATFORM", None)
        return platforms.machine()


class Machine(unittest.TestCase):
    def test_names(self):
        self.assertEqual(on("Linux", "x86_64"), "linux_amd64")
        self.assertEqual(on("Linux", "aarch64", musl=True), "linux_arm64_musl")
        self.assertEqual(on("Darwin", "arm64"), "osx_arm64")
        self.assertEqual(on("Windows", "AMD64"), "windows_amd64")

    def test_an_unknown_one_is_said(self):
        with self.assertRaisesRegex(platforms.UnknownPlatform, "set DUCKDB_PLATFORM"):
            on("Plan9", "mips")

    def test_the_environment_decides(self):
        with mock.patch.dict(os.environ, {"DUCKDB_PLATFORM": "linux_amd64_musl"}):
            self.assertEqual(platforms.machine(), "linux_amd64_musl")
            self.assertEqual(platforms.of_target("no-such-target"), "linux_amd64_musl")


class Targets(unittest.TestCase):
    def test_every_target_that_is_checked_has_a_name(self):
        for target in cross_check.TARGETS:
            self.assertIn(target, platforms.TARGETS)

    def test_names_of_libraries(self):
        self.assertEqual(platforms.library("x", "linux_amd64_musl"), "libx.so")
        self.assertEqual(platforms.library("x", "osx_arm64"), "libx.dylib")
        self.assertEqual(platforms.library("x", "windows_amd64"), "x.dll")

    def test_a_library_of_a_target_has_its_folder(self):
        library = package.library("release", "windows_amd64", "x86_64-pc-windows-msvc")
        self.assertEqual(library.parts[-3:], ("x86_64-pc-windows-msvc", "release", "nats_js.dll"))

    def test_only_one_platform_has_two_names(self):
        self.assertEqual(package.names("linux_amd64"), ["linux_amd64", "linux_amd64_gcc4"])
        self.assertEqual(package.names("osx_arm64"), ["osx_arm64"])


if __name__ == "__main__":
    unittest.main()
