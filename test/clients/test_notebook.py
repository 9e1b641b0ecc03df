"""examples/media.ipynb runs from its first cell to its last, and what it draws has something in it."""

import json
import os
import unittest

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

from clients import place  # noqa: E402
from scripts import notebook, paths  # noqa: E402
from scripts.nats_server import Server  # noqa: E402

FILE = paths.ROOT / "examples" / "media.ipynb"


class Notebook(unittest.TestCase):
    def test_it_runs(self):
        server = self.enterContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        place.fill(server, "stream name=MEDIA_EVENTS subjects=playback.>", "events stream=MEDIA_EVENTS count=3000")
        for name, value in place.variables(server).items():
            if os.environ.get(name) != value:
                os.environ[name] = value
                self.addCleanup(os.environ.pop, name)
        namespace = {"__name__": "__main__"}
        self.assertGreater(notebook.run(json.loads(FILE.read_text()), namespace), 5)
        bars, line = (pyplot.figure(number).axes[0] for number in pyplot.get_fignums())
        self.assertGreater(sum(bar.get_height() for bar in bars.patches), 100)
        lags = list(line.lines[0].get_ydata())
        self.assertEqual(lags, sorted(lags, reverse=True))
        self.assertEqual((lags[-1] < 500, len(lags) >= 5), (True, True))
        self.assertEqual(namespace["database"].execute("SELECT count(*), count(DISTINCT seq) FROM events").fetchone(), (3001, 3001))
        namespace["database"].close()


if __name__ == "__main__":
    unittest.main()
