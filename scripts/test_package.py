"""The footer of an extension file, as DuckDB reads it: from the end."""

import os
import unittest

from scripts import doors, package, paths


class Name(unittest.TestCase):
    def test_the_library_has_the_entry_points_of_its_name(self):
        code = package.library(os.environ["NATS_JS_PROFILE"], package.machine(), None).read_bytes()
        for entry in ("init_c_api", "init_c_api_v2"):
            self.assertIn(f"{paths.EXTENSION}_{entry}\0".encode(), code)

    def test_what_can_be_a_name(self):
        for name, can in (("nats_js", True), ("jetstream2", True), ("", False), ("2nats", False), ("nats-js", False), ("Nats", False)):
            self.assertEqual(package.NAME.fullmatch(name) is not None, can, name)


class Footer(unittest.TestCase):
    def setUp(self):
        self.data = package.footer("linux_amd64", "v1.2.3", doors.V1)

    def fields(self, data: bytes) -> list[str]:
        end = len(data) - package.SIGNATURE_BYTES
        return [data[at - 32 : at].rstrip(b"\0").decode() for at in range(end, end - 8 * 32, -32)]

    def test_fields(self):
        self.assertEqual(self.fields(self.data), ["4", "linux_amd64", "v1.2.0", "v1.2.3", "C_STRUCT", "", "", ""])

    def test_the_second_door_names_one_host(self):
        data = package.footer("linux_amd64", "v1.2.3", doors.V2)
        self.assertEqual(self.fields(data)[2:5], [f"v{doors.V2_HOST}", "v1.2.3", "C_STRUCT_UNSTABLE"])

    def test_doors_are_files_of_their_own(self):
        files = {paths.extension("release", "linux_amd64", door.folder) for door in doors.DOORS.values()}
        self.assertEqual(len(files), len(doors.DOORS))

    def test_it_is_a_section_of_webassembly(self):
        # Section 0; 531 bytes follow; a name of 16 bytes; 512 bytes of data: lengths in LEB128.
        self.assertEqual(self.data[:22], b"\x00\x93\x04\x10duckdb_signature\x80\x04")
        self.assertEqual(len(self.data), 22 + 512)

    def test_signature_is_empty(self):
        self.assertEqual(self.data[-256:], bytes(256))

    def test_a_long_version_is_refused(self):
        with self.assertRaisesRegex(ValueError, "does not fit"):
            package.footer("linux_amd64", "v" * 33, doors.V1)


if __name__ == "__main__":
    unittest.main()
