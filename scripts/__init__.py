"""The tools around the extension: packaging, installing, servers, tests, demo. Run them as `python3 -m scripts.<name>`."""
