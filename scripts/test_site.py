"""The site of the documentation has every page, and its links lead somewhere; what mdbook makes of it is not tested here."""

import re
import tempfile
import unittest
from pathlib import Path

from scripts import paths, site
from scripts.test_links import FENCE, LINK, anchors


class Site(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        site.write_sources(self.folder)
        self.source = self.folder / "src"

    def test_every_page_has_its_place(self):
        self.assertEqual(site.missing(), set())
        self.assertEqual(len(site.pages()), len(set(site.pages())))

    def test_the_table_of_contents_names_what_was_written(self):
        named = re.findall(r"\]\(([^)]+)\)", (self.source / "SUMMARY.md").read_text())
        written = {page.relative_to(self.source).as_posix() for page in self.source.rglob("*.md")} - {"SUMMARY.md"}
        self.assertEqual(set(named), written)

    def test_links_lead_to_files_of_the_book_and_to_their_headings(self):
        broken = []
        for page in self.source.rglob("*.md"):
            for match in LINK.finditer(FENCE.sub("", page.read_text())):
                target, _, anchor = (match[1] or match[2]).partition("#")
                place = (page.parent / target) if target else page
                if re.match(r"[a-z]+:", target):
                    continue
                if not place.is_file() or (anchor and anchor not in anchors(place)):
                    broken.append((page.relative_to(self.source).as_posix(), match[0]))
        self.assertEqual(broken, [])

    def test_a_reader_sees_no_comment_of_the_tests(self):
        for page in self.source.rglob("*.md"):
            self.assertNotRegex(FENCE.sub("", page.read_text()), r"<!-- (fixture|run|fails|not run):", page)
        self.assertTrue((paths.ROOT / site.FIRST).exists())


if __name__ == "__main__":
    unittest.main()
