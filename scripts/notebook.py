"""Runs the code of a notebook, cell by cell, in one namespace; what fails says which cell.

    python -m scripts.notebook examples/media.ipynb
"""

import json
import sys
import traceback
from pathlib import Path


class NotebookError(Exception):
    """A cell that failed, or a notebook that is not as it should be."""


def cells(notebook: dict) -> list[str]:
    """The code of a notebook, which must be stored without outputs: they would be those of another run.

    Raises NotebookError for outputs, and for what only Jupyter understands.
    """
    found = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell["cell_type"] != "code":
            continue
        code = "".join(cell["source"])
        if cell["outputs"] or cell["execution_count"] is not None:
            raise NotebookError(f"cell {number} has outputs; store the notebook without them")
        if any(line.startswith(("%", "!")) for line in code.splitlines()):
            raise NotebookError(f"cell {number} has a command of Jupyter")
        found.append(code)
    return found


def run(notebook: dict, namespace: dict) -> int:
    """Runs all cells; how many there were."""
    codes = cells(notebook)
    for number, code in enumerate(codes, 1):
        try:
            exec(compile(code, f"code cell {number}", "exec"), namespace)
        except Exception as error:
            raise NotebookError(f"code cell {number}: {traceback.format_exc()}") from error
    return len(codes)


def main() -> int:
    file = Path(sys.argv[1])
    try:
        count = run(json.loads(file.read_text()), {"__name__": "__main__"})
    except NotebookError as error:
        print(f"{file}: {error}")
        return 1
    print(f"{file}: {count} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main())
