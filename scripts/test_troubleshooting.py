"""The messages of docs/troubleshooting.md that its statements cannot produce are in the source of the extension."""

import re
import unittest

from scripts import paths

PAGE = paths.ROOT / "docs" / "troubleshooting.md"
SECTION = "## Messages of servers that fail"
# A text of Rust goes on in the next line behind a backslash; what is put in stands in braces.
CONTINUED = re.compile(r"\\\n\s*")
FEWEST = 6


def quoted(page: str) -> list[str]:
    """The messages of the last section: what stands in backquotes in the first column."""
    rows = [line.split("|")[1] for line in page.split(SECTION)[1].splitlines() if line.startswith("| `")]
    return [message for row in rows for message in re.findall(r"`([^`]+)`", row)]


def source() -> str:
    """The source of the extension as one text, in which a text that goes on in the next line is whole."""
    return "\n".join(CONTINUED.sub("", file.read_text()) for file in sorted((paths.ROOT / "src").rglob("*.rs")))


class Troubleshooting(unittest.TestCase):
    def test_messages_are_those_of_the_source(self):
        text, messages = source(), quoted(PAGE.read_text())
        self.assertGreater(len(messages), FEWEST)
        for message in messages:
            for part in message.split("..."):
                self.assertIn(part.strip(" '"), text, message)


if __name__ == "__main__":
    unittest.main()
