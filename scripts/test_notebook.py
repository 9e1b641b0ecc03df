"""Running the code of a notebook: what is run, and what is refused."""

import unittest

from scripts import notebook
from scripts.notebook import NotebookError


def of(*codes: str, **more) -> dict:
    cell = {"cell_type": "code", "outputs": [], "execution_count": None, **more}
    return {"cells": [{"cell_type": "markdown", "source": ["# text"]}, *({**cell, "source": [code]} for code in codes)]}


class Notebook(unittest.TestCase):
    def test_cells_share_a_namespace(self):
        namespace: dict = {}
        self.assertEqual(notebook.run(of("a = 1", "b = a + 1"), namespace), 2)
        self.assertEqual(namespace["b"], 2)

    def test_a_cell_that_fails_is_named(self):
        with self.assertRaisesRegex(NotebookError, "(?s)code cell 2.*ZeroDivisionError"):
            notebook.run(of("a = 1", "a / 0"), {})

    def test_outputs_and_commands_of_jupyter_are_refused(self):
        for found in (of("1", outputs=[{"output_type": "stream"}]), of("1", execution_count=3), of("%matplotlib inline"), of("!pip install x")):
            with self.assertRaises(NotebookError):
                notebook.cells(found)


if __name__ == "__main__":
    unittest.main()
