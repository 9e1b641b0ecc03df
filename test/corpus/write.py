"""Writes the corpus of the property tests: inputs as servers and other implementations make them, and some that are wrong.

    PYTHONPATH=.:test .tools/venv/bin/python -m corpus.write
"""

import json
import socket
import time
from pathlib import Path

from fixtures import encode
from fixtures.wire import Message, Wire
from scripts.nats_server import Server

HERE = Path(__file__).resolve().parent
SERVER = "2.15.1"

DOCUMENTS = {
    "empty": {},
    "plain": {"v": 1, "w": 2},
    "nested": {"v": {"a": {"b": [1, 2, {"c": None}]}, "": ""}, "w": [[], [[]], {}]},
    "numbers": {"v": [0, -1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1]},
    "floats": {"v": [0.0, -0.0, 1.5, 0.1, 1e-7, 1e21, 1.7976931348623157e308, 5e-324]},
    "texts": {"v": ["", "é", "\U0001f600", "a\"\\/\n\t\u0001\u007f", "x" * 300], "é\n\"": "y"},
    "times": {"v": "2024-01-15T10:32:45.123456789Z", "w": "2024-01-15", "x": "10:32:45", "y": "-1 day 2 hours"},
    "long": {f"member_{i:03}": i * i for i in range(60)},
    "event": {
        "event_id": "e-1", "user_id": 42, "rating_key": "9", "started_at": "2024-01-15T10:32:45Z", "offset_ms": 1705314765999,
        "player": {"device": "tv", "state": "playing"}, "tags": ["a", "b"], "paused": False, "bitrate": None,
    },
}  # fmt: skip

JSON_TEXTS = {
    "spaced": ' { "v" : [ 1 , 2 ] ,\r\n\t"w" : null } ',
    "escapes": r'{"v":"\u00e9\ud83d\ude00\b\f\n\r\t\/\\\"","w":"\ud83d"}',
    "numbers_odd": '{"v":[1E5,1e-2,-0,123456789012345678901234567890,0.10],"w":1e999}',
    "twice": '{"v":1,"v":2}',
    "mark": "\ufeff{}",
    "list": '[{"v":1},2]',
    "wrong": '{"v":01,}',
}

AVRO = json.dumps({"type": "record", "name": "r", "fields": [
    {"name": "v", "type": ["null", "long", "string", {"type": "array", "items": "int"}, {"type": "map", "values": "double"}]},
    {"name": "w", "type": {"type": "record", "name": "inner", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "color", "symbols": ["RED", "GREEN"]}},
        {"name": "b", "type": "bytes"}, {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "d", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "next", "type": ["null", "inner"]}]}},
]})  # fmt: skip


def avro_values():
    import datetime
    import decimal

    at = datetime.datetime(2024, 1, 15, 10, 32, 45, 123456, datetime.timezone.utc)
    inner = {"e": "RED", "b": b"\x00\xff", "t": at, "d": decimal.Decimal("-3.00"), "next": None}
    for name, v in {"null": None, "long": -(2**63), "text": "é", "list": [1, 2, 3], "map": {"k": 0.5, "": -1.0}}.items():
        yield name, {"v": v, "w": {**inner, "e": "GREEN", "next": inner}}


PROTOBUF = {
    "empty": {},
    "scalars": {"fDouble": 0.5, "fInt32": -1, "fUint64": str(2**64 - 1), "fSint64": str(-(2**63)), "fFixed32": 7, "fBool": True, "fString": "é",
                "fBytes": "AP8=", "fEnum": "BROKEN", "oInt32": 0, "far": 5},
    "lists": {"rInt32": [1, -1, 2**31 - 1], "rSint64": ["1", "-1"], "rDouble": [0.5], "rString": ["", "x"], "rPlace": [{}, {}], "rAt": ["2024-01-15T10:32:45.5Z"]},
    "maps": {"mString": {"": "1", "k": "-1"}, "mInt32": {"-1": "x"}, "mBool": {"true": 0.5}, "mEnum": {"a": "ACTIVE"}},
    "known": {"at": "1969-12-31T23:59:59.5Z", "took": "-1.5s", "wInt64": "0", "wString": "", "attrs": {"a": [1, None, {"b": "c"}]}, "value": None,
              "list": [True], "empty": {}},
    "tree": {"tree": {"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}, {}]}, "cString": "x"},
}  # fmt: skip

TEMPLATES = [
    "{user_id}:{rating_key}:{started_at@5m}", "u-{user_id}-{{x}}", "{player|device|'unknown'}", "{album|''}:{b}", "{started_at@5m:ms}",
    "{subject}/{seq}/{header:Nats-Msg-Id}", "{x|'it''s a:b'}", "{a@5m|b}:{c}", '{"a.b".c}e{readings[0].kw}', "{a@1s|'none'}T{b@1d|b2@1h}", "{$}",
    "{a}{b}", "{a", "a}b", "{a@5x}", "{a}%{b}", "é{a..b}", "{''}",
]  # fmt: skip

URLS = [
    "nats://localhost:4222", "h", "nats://user:password@h:1", "tls://t%40ken@[::1]:5/", "ws://a:1/nats,ws://b/", "nats://us%3Aer:pass@a:1, tls://b",
    "nats://u:p@a,nats://u:p@b", "nats://h/S?subject=a.b.>&start_seq=1&max_messages=5", "wss://u:p@h/path/S?last_n=3&headers=true", "nats://h:99999",
    "nats://[::1", "http://h", "nats://u:%FF@h", "nats://", " , ", "nats://h/S?start_time=2024-01-15T10:00:00Z&subject=a&SUBJECT=b",
]  # fmt: skip

CONTEXTS = {
    "cli": {"description": "d", "url": "nats://h", "socks_proxy": "", "token": "", "user": "u", "password": "s3cr3t", "creds": "", "nkey": "",
            "cert": "", "key": "", "ca": "", "nsc": "", "jetstream_domain": "", "jetstream_api_prefix": "", "jetstream_event_prefix": "",
            "inbox_prefix": "", "user_jwt": "", "color_scheme": "", "tls_first": False},
    "token": {"url": "nats://h:1,nats://i:2", "token": "s3cr3t", "tls_first": True, "jetstream_domain": "hub"},
    "jwt": {"url": "nats://h", "user_jwt": "s3cr3t", "user_seed": "s3cr3t"},
    "unknown": {"url": "nats://h", "nsc": "s3cr3t", "windows_cert_store": "s3cr3t"},
    "wrong": {"url": ["s3cr3t"], "password": 7},
    "list": ["s3cr3t"],
}  # fmt: skip


def put(folder: str, name: str, content: bytes) -> None:
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / name).write_bytes(content)


def documents() -> None:
    import datetime

    at = datetime.datetime(2024, 1, 15, 10, 32, 45, 123456, datetime.timezone.utc)
    for name, value in DOCUMENTS.items():
        put("json", name, json.dumps(value, ensure_ascii=name == "long").encode())
        put("msgpack", name, encode.encode(value, "msgpack"))
        put("cbor", name, encode.encode(value, "cbor"))
    for name, text in JSON_TEXTS.items():
        put("json", name, text.encode())
    put("json", "not_utf8", b'{"v":"\xff"}')
    beyond = {"v": [b"\x00\xff", at, b""], 7: {"w": at}}
    put("msgpack", "beyond_json", encode.encode(beyond, "msgpack"))
    put("cbor", "beyond_json", encode.encode({**beyond, "big": [2**70, -(2**70)], True: None}, "cbor"))
    for name, value in avro_values():
        put("avro", f"{name}_datum", encode.encode(value, "avro_datum", AVRO))
        put("avro", f"{name}_single", encode.encode(value, "avro_single", AVRO))
    for kind in ("avro", "avro_deflate", "avro_snappy"):
        put("avro", f"container_{kind}", encode.encode(value, kind, AVRO))
    # The same text but for the order of two words, by which another value is meant.
    put("avro", "container_other", encode.encode(value, "avro", AVRO.replace('"RED", "GREEN"', '"GREEN", "RED"')))
    (HERE / "avro.avsc").write_text(AVRO)
    for name, value in PROTOBUF.items():
        put("protobuf", name, encode.encode(value, "protobuf", "fleet.v1.Everything"))
    plain = b"".join(b'{"v":%d,"w":"%d"}' % (i, i * i) for i in range(40))
    for how in encode.COMPRESSIONS:
        put("compressed", how, encode.compress(plain, how))


def texts() -> None:
    for folder, lines in (("key_templates", TEMPLATES), ("urls", URLS)):
        for number, line in enumerate(lines, 1):
            put(folder, f"{number:02}", line.encode())
    for name, context in CONTEXTS.items():
        put("contexts", name, json.dumps(context, indent=2).encode())


def frames() -> None:
    """What a server sends, byte by byte: the greeting, replies to Direct Get, refusals, and what a consumer delivers."""
    with Server(SERVER) as server, Wire(server.url) as wire:
        config = {"name": "S", "subjects": ["s.>"], "storage": "file", "allow_direct": True}
        wire.request("STREAM.CREATE.S", config)
        for frame in [
            Message("s.a", b"hello").frame(),
            Message("s.b").frame(),
            Message("s.c", b"MSG s.a 1 2\r\nhi\r\n", [("Nats-Sequence", "1"), ("X", "a"), ("X", "b"), ("Empty", "")]).frame(),
            b"HPUB s.d 26 31\r\nNATS/1.0\r\nTwo Words: a\r\n\r\nx\r\nhi\r\n",
            b"HPUB s.e 27 27\r\nNATS/1.0\r\nTitle: Am\xe9lie\r\n\r\n\r\n",
        ]:
            wire._send(frame)
        wire.request("STREAM.INFO.S")
        asked = {
            "batch": [("DIRECT.GET.S", {"seq": 1, "batch": 10})],
            "filtered": [("DIRECT.GET.S", {"seq": 1, "batch": 2, "next_by_subj": "s.*"})],
            "bytes": [("DIRECT.GET.S", {"seq": 1, "batch": 10, "max_bytes": 300})],
            "single": [("DIRECT.GET.S", {"seq": n}) for n in range(1, 7)],
            "last": [("DIRECT.GET.S", {"multi_last": ["s.>"]}), ("DIRECT.GET.S", {"last_by_subj": "s.b"})],
            "refused": [("DIRECT.GET.S", {"seq": 1, "batch": 0, "multi_last": 5}), ("DIRECT.GET.NONE", {"seq": 1})],
            "leader": [("STREAM.MSG.GET.S", {"seq": 3}), ("STREAM.MSG.GET.S", {"seq": 99})],
            "delivered": [("CONSUMER.CREATE.S", {"stream_name": "S", "config": {
                "deliver_subject": "d.x", "ack_policy": "none", "flow_control": True, "idle_heartbeat": 150_000_000}})],
        }  # fmt: skip
        for name, requests in asked.items():
            put("frames", name, answers(server.port, requests))


def answers(port: int, requests: list) -> bytes:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        connection.sendall(b"CONNECT %b\r\nSUB _I.*.* 1\r\nSUB d.x 2\r\nPING\r\n" % json.dumps(options).encode())
        for number, (api, body) in enumerate(requests):
            body = json.dumps(body).encode()
            connection.sendall(b"PUB $JS.API.%b _I.7.%d %d\r\n%b\r\n" % (api.encode(), number, len(body), body))
        connection.sendall(b"PUB bad..subject 1\r\nx\r\n" if requests[0][0].endswith("NONE") else b"")
        # Long enough for two heartbeats.
        time.sleep(0.5)
        connection.settimeout(0.2)
        out = b""
        try:
            while part := connection.recv(1 << 16):
                out += part
        except TimeoutError:
            pass
    return out


if __name__ == "__main__":
    documents()
    texts()
    frames()
