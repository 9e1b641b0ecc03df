"""Tests that need more than one process, or a server that fails. See test/README.md."""
