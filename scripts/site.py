"""Makes the site of the documentation: build/site/book/index.html.

    .tools/venv/bin/python -m scripts.site

The pages are copied to build/site/src, and beside them the files of the project that they link to; a folder that they link to gets a page that
lists its files. CHAPTERS says where a page of docs/ stands; a test compares it with those that there are.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts import paths, tools
from scripts.tools import InstallError

SITE = paths.ROOT / "build" / "site"
LINK = re.compile(r"(?P<before>!?\[[^\]]*\]\()(?P<target>[^)\s]+)(?P<after>\))")
FENCE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^<!-- (?:fixture|server|run|fails|not run): .*?-->\n", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^# +(.*)$", re.MULTILINE)

# Parts of the book, with their pages in order; a folder stands for the pages in it that are not named.
CHAPTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Learn", ("docs/tutorial.md", "docs/migration.md", "docs/comparison.md")),
    (
        "How to",
        (
            "docs/connections.md", "docs/payloads.md", "docs/ingest.md", "docs/follower.md", "docs/recipes.md", "docs/clients.md", "docs/outbox.md",
            "docs/archive.md", "docs/lake.md", "docs/quack.md", "docs/log.md", "docs/troubleshooting.md",
        ),
    ),
    ("Reference", ("docs/functions", "docs/errors.md", "docs/nats.md")),
    ("Explanation", ("docs/guarantees.md", "docs/design", "docs/benchmarks")),
    ("The project", ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "test/README.md")),
)
FIRST = "README.md"


@dataclass(frozen=True)
class Part:
    """A part of the book and its pages, which are paths from the root of the project."""

    title: str
    pages: tuple[Path, ...]


def documented() -> set[Path]:
    """The pages of docs/."""
    return {page.relative_to(paths.ROOT) for page in (paths.ROOT / "docs").rglob("*.md")}


def parts() -> list[Part]:
    """The parts of the book. Pages of docs/ that no part names are an error of [`missing`]."""
    named = {Path(entry) for _, entries in CHAPTERS for entry in entries if entry.endswith(".md")}
    out = []
    for title, entries in CHAPTERS:
        pages: list[Path] = []
        for entry in entries:
            inside = (page for page in documented() if page.is_relative_to(entry) and page not in named)
            pages += [Path(entry)] if entry.endswith(".md") else sorted(inside)
        out.append(Part(title, tuple(pages)))
    return out


def pages() -> list[Path]:
    """Every page of the book, the first one first."""
    return [Path(FIRST), *(page for part in parts() for page in part.pages)]


def missing() -> set[Path]:
    """The pages of docs/ that are not in the book, and those of the book that do not exist."""
    book = set(pages())
    return (documented() - book) | {page for page in book if not (paths.ROOT / page).exists()}


def title(page: Path) -> str:
    """The first heading of a page."""
    found = TITLE.search(FENCE.sub("", (paths.ROOT / page).read_text()))
    return found[1].replace("`", "") if found else page.stem


def place_in_book(page: Path) -> Path:
    """Where a page of the project is in the book, which calls the page of a folder its index."""
    return page.with_name("index.md") if page.name == "README.md" else page


def summary(folders: list[Path]) -> str:
    """The table of contents, as mdbook reads it; `folders` have pages that list their files."""
    lines = ["# Summary", "", f"[{title(Path(FIRST))}]({place_in_book(Path(FIRST))})"]
    for part in parts():
        lines += ["", f"# {part.title}", "", *(f"- [{title(page)}]({place_in_book(page).as_posix()})" for page in part.pages)]
    lines += ["", "# Files", "", *(f"- [{folder.as_posix()}]({folder.as_posix()}/index.md)" for folder in folders)]
    return "\n".join(lines) + "\n"


class Book:
    """The sources of the book in a folder, as they are being written."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "src"
        self.pages = set(pages())
        self.folders: set[Path] = set()

    def link(self, page: Path, target: str) -> str:
        """What a link of a page becomes; what it leads to is copied into the book."""
        name, mark, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not name:
            return target
        place = Path(os.path.normpath(page.parent / name))
        if (paths.ROOT / place).is_dir():
            inside = [other for other in pages() if other.is_relative_to(place)]
            if inside and place.parts[0] == "docs":
                place = inside[0]
            else:
                self.folders.add(place)
                place /= "README.md"
        elif place.name == "README.md" and place not in self.pages:
            self.folders.add(place.parent)
        elif place not in self.pages:
            self.copy(place)
        return Path(os.path.relpath(place_in_book(place), page.parent)).as_posix() + mark + anchor

    def copy(self, file: Path) -> None:
        """Copies a file that is no page."""
        target = self.source / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / file, target)

    def text(self, page: Path) -> str:
        """A page without the comments that only the tests read, and with the links of the book."""
        pieces = FENCE.split(COMMENT.sub("", (paths.ROOT / page).read_text()))
        change = lambda match: match["before"] + self.link(page, match["target"]) + match["after"]  # noqa: E731
        return "".join(piece if FENCE.fullmatch(piece) else LINK.sub(change, piece) for piece in pieces)

    def write(self, page: Path, text: str) -> None:
        target = self.source / place_in_book(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def list_files(self, folder: Path) -> None:
        """Writes the page of a folder, which says what a README in it says, and copies its files."""
        page = folder / "README.md"
        files = sorted(file.relative_to(paths.ROOT) for file in (paths.ROOT / folder).iterdir() if file.is_file())
        files = [file for file in files if file != page]
        for file in files:
            self.copy(file)
        about = self.text(page) if (paths.ROOT / page).exists() else f"# {folder.as_posix()}\n"
        self.write(page, f"{about}\n" + "".join(f"- [{file.name}]({file.name})\n" for file in files))


def write_sources(folder: Path) -> None:
    """Writes what mdbook reads into a folder, which is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    book = Book(folder)
    for page in pages():
        book.write(page, book.text(page))
    listed: set[Path] = set()
    while book.folders - listed:
        # Its page may link to others.
        folder_of_files = min(book.folders - listed)
        book.list_files(folder_of_files)
        listed.add(folder_of_files)
    (book.source / "SUMMARY.md").write_text(summary(sorted(listed)))
    (folder / "book.toml").write_text(f'[book]\ntitle = "{paths.EXTENSION}"\nlanguage = "en"\n\n[output.html]\nsmart-punctuation = false\n')


def main() -> int:
    if missing():
        print(f"scripts/site.py does not know where these pages stand, or they do not exist: {', '.join(sorted(map(str, missing())))}")
        return 1
    try:
        write_sources(SITE)
        paths.TOOLS.mkdir(exist_ok=True)
        tools.mdbook().ensure()
        tools.run(tools.mdbook().folder / "bin" / "mdbook", "build", SITE)
    except (InstallError, subprocess.CalledProcessError) as error:
        print(getattr(error, "stdout", None) or error)
        return 1
    print(f"{(SITE / 'book' / 'index.html').relative_to(paths.ROOT)}: {len(pages())} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
