"""Runs test files in DuckDB's own sqllogictest dialect, inside a DuckDB for Python.

    parser.py   text -> records; what it does not know is an error
    host.py     a DuckDB: databases, connections, and values rendered by DuckDB itself
    compare.py  what was expected against what came
    runner.py   executes records
    __main__.py one file in this process: exit code 0 passed, 1 failed, 77 skipped
"""
