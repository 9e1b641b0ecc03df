"""The twelve fields of the documents that benches/baselines/documents.rs makes, as SQL and as .proto."""

SIZE = 330
FIELDS = {
    "event_id": "VARCHAR",
    "user_id": "BIGINT",
    "device_id": "VARCHAR",
    "zone": "VARCHAR",
    "event_type": "VARCHAR",
    "rating_key": "VARCHAR",
    "title": "VARCHAR",
    "started_at": "TIMESTAMP",
    "position": "DOUBLE",
    "percent": "INTEGER",
    "paused": "BOOLEAN",
    "note": "VARCHAR",
}
ONE = ("user_id",)
FIVE = ("user_id", "device_id", "zone", "position", "started_at")
TWELVE = tuple(FIELDS)

KEY = "{user_id}:{rating_key}:{started_at@5m}"

PROTO_FIVE = {"user_id": "BIGINT", "device_id": "VARCHAR", "zone": "VARCHAR", "position": "DOUBLE", "number": "BIGINT"}
PROTO = """\
syntax = "proto3";
package bench;

message Event {
  string event_id = 1;
  int64 user_id = 2;
  string device_id = 3;
  string zone = 4;
  string event_type = 5;
  string rating_key = 6;
  string title = 7;
  int64 number = 8;
  double position = 9;
  int32 percent = 10;
  bool paused = 11;
  string note = 12;
}
"""


def struct(types: dict[str, str]) -> str:
    """The value of a `columns` parameter."""
    return "{" + ", ".join(f"'{name}': '{kind}'" for name, kind in types.items()) + "}"


def columns(names: tuple[str, ...]) -> str:
    """The value of a `columns` parameter for these fields."""
    return struct({name: FIELDS[name] for name in names})


def lines(file: str, types: dict[str, str]) -> str:
    """DuckDB's own reading of a file of documents."""
    return f"read_json('{{files}}/{file}', format = 'newline_delimited', columns = {struct(types)})"


def quoted(names: tuple[str, ...]) -> str:
    """Names as a list of SQL, one of which is a word of SQL."""
    return ", ".join(f'"{name}"' for name in names)


def counted(names: tuple[str, ...]) -> str:
    """How many values each of them has: what makes all of them be read."""
    return ", ".join(f'count("{name}")' for name in names)
