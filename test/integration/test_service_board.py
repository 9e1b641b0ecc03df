"""The board and the alarms of examples/service ask for metrics that the follower really writes."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from integration.streams import fill
from scripts import doors, package, paths
from scripts.nats_server import Server

SERVICE = paths.ROOT / "examples" / "service"
METRIC = re.compile(r"\bnats_follower_\w+")
SECONDS = 120
CONFIG = """
stream = "S"
durable = "board"
database = "{folder}/board.duckdb"
table = "events"
correlation_key = "{{id}}"
dead_letters = "dlq.board"
retry_first_seconds = 0.05
retry_max_seconds = 0.1
metrics_file = "{folder}/{name}.prom"
[columns]
id = "BIGINT"
[connection]
url = "{url}"
timeout = "1 second"
"""


def metrics(text: str) -> set[str]:
    return set(METRIC.findall(text))


def queries(board: dict) -> list[str]:
    """What the panels and the variables of a board ask for."""
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return panels + [variable["query"]["query"] for variable in board["templating"]["list"]]


class Board(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = cls.enterClassContext(Server(os.environ["NATS_JS_TEST_SERVER"]))
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        fill(
            server.url, "stream name=S subjects=s", "stream name=DLQ subjects=dlq.>",
            """messages stream=S subject=s count=20 payload='{"id":{i}}'""", "message stream=S subject=s payload='no event'",
        )
        # One that does its work, and one that has no server to read from.
        well, failing = cls.follow("well", server.url), cls.follow("failing", "nats://127.0.0.1:1")
        cls.written = well | failing

    @classmethod
    def follow(cls, name: str, url: str) -> set[str]:
        """The metrics of a follower that ends once there is nothing more."""
        config = cls.folder / f"{name}.toml"
        config.write_text(CONFIG.format(folder=cls.folder, name=name, url=url).replace("board.duckdb", f"{name}.duckdb"))
        extension = paths.extension(os.environ["NATS_JS_PROFILE"], package.machine(), doors.tested().folder)
        subprocess.run(
            [sys.executable, str(SERVICE / "follower.py"), str(config), "--once"],
            env=os.environ | {"NATS_JS_EXTENSION": str(extension)}, capture_output=True, timeout=SECONDS, check=False, text=True,
        )
        return metrics((cls.folder / f"{name}.prom").read_text())

    def test_every_panel_asks_for_what_is_written(self):
        asked = queries(json.loads((SERVICE / "monitoring" / "grafana" / "lag.json").read_text()))
        self.assertGreaterEqual(len(asked), 10)
        for query in asked:
            self.assertTrue(metrics(query), query)
            self.assertLessEqual(metrics(query), self.written, query)

    def test_every_alarm_asks_for_what_is_written(self):
        alarms = re.findall(r"expr: (.*)", (SERVICE / "monitoring" / "alarms.yml").read_text())
        self.assertEqual(len(alarms), 2)
        for alarm in alarms:
            self.assertLessEqual(metrics(alarm), self.written, alarm)

    def test_the_board_shows_all_that_is_written(self):
        asked = queries(json.loads((SERVICE / "monitoring" / "grafana" / "lag.json").read_text()))
        self.assertEqual(self.written - metrics(" ".join(asked)), set())


if __name__ == "__main__":
    unittest.main()
