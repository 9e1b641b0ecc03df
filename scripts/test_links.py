"""Links between the pages of the project lead somewhere: to a file that is there, and to a heading that it has."""

import re
import subprocess
import unittest
from pathlib import Path

from scripts import paths

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def pages() -> list[Path]:
    """The Markdown files that git knows."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=paths.ROOT, text=True, capture_output=True, check=True)
    return [paths.ROOT / line for line in listed.stdout.splitlines()]


def anchors(page: Path) -> set[str]:
    """The names by which links reach a page's headings: lower case, blanks as hyphens, no other marks."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    out = []
    for match in LINK.finditer(FENCE.sub("", page.read_text())):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            out.append(link)
    return out


class Links(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        found = {str(page.relative_to(paths.ROOT)): links for page in pages() if (links := broken(page))}
        self.assertEqual(found, {})

    def test_every_page_of_the_documentation_can_be_reached_from_the_readme(self):
        seen, waiting = set(), [paths.ROOT / "README.md"]
        while waiting:
            page = waiting.pop()
            if page in seen:
                continue
            seen.add(page)
            if page.is_dir():
                waiting += page.glob("*.md")
            elif page.suffix == ".md":
                links = (match[1] for match in LINK.finditer(FENCE.sub("", page.read_text())) if match[1])
                waiting += [(page.parent / link.partition("#")[0]).resolve() for link in links if ":" not in link and link[0] != "#"]
        documentation = {page for page in pages() if page.is_relative_to(paths.ROOT / "docs")}
        self.assertEqual({str(page.relative_to(paths.ROOT)) for page in documentation - seen}, set())


if __name__ == "__main__":
    unittest.main()
