"""Packs what the builds of all platforms made: one archive a platform.

    python3 -m scripts.release ARTIFACTS OUT

ARTIFACTS has a folder for each target, as the build workflow uploads them. An archive holds the extension files in the folders of
build/release/, the licence and the README.
"""

import argparse
import sys
import zipfile
from pathlib import Path

from scripts import package, paths

BESIDE = ("LICENSE", "README.md")
SUFFIX = ".duckdb_extension"


def archive(folder: Path, out: Path) -> Path:
    """Packs the extension files of one target."""
    files = sorted(folder.rglob(f"*{SUFFIX}"))
    if not files:
        sys.exit(f"{folder} has no {SUFFIX} file")
    target = out / f"{folder.name}-{package.version()}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.relative_to(folder))
        for name in BESIDE:
            packed.write(paths.ROOT / name, name)
    return target


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("artifacts", type=Path)
    arguments.add_argument("out", type=Path)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    folders = sorted(path for path in options.artifacts.iterdir() if path.is_dir())
    if not folders:
        sys.exit(f"{options.artifacts} has no folders")
    for folder in folders:
        print(archive(folder, options.out))


if __name__ == "__main__":
    main()
