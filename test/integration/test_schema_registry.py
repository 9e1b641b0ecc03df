"""Schemas from a registry that is asked by HTTP."""

import io
import json
import os
import ssl
import struct
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import duckdb
import fastavro

from fixtures.wire import Message, Wire
from integration.host import connect
from integration.identities import Authority
from integration.registry import Registry, basic
from integration.streams import fill
from integration.test_tls import closed_port

OLD = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]}
NEW = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]}
ANSWERS = {1: {"schema": json.dumps(OLD)}, 70_000: {"schema": json.dumps(NEW), "schemaType": "AVRO", "references": []}}
EVENTS = [(70_000, {"id": seq, "name": f"n{seq}"}) if seq % 3 else (1, {"id": seq}) for seq in range(1, 3001)]


def framed(number: int, event: dict) -> bytes:
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, number))
    fastavro.schemaless_writer(out, OLD if number == 1 else NEW, event)
    return out.getvalue()


class SchemaRegistry(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def store(self, stream: str, payloads: list[bytes]) -> None:
        fill(self.url, f"stream name={stream} subjects={stream}")
        with Wire(self.url) as wire:
            wire.publish(Message(stream, payload) for payload in payloads)

    def source(self, stream: str, address: str, more: str = "columns := {'id': 'BIGINT', 'name': 'VARCHAR'}", function: str = "nats_scan") -> str:
        return f"{function}('{stream}', url := '{self.url}', timeout := INTERVAL 3 SECONDS, format := 'avro', schema_registry := '{address}', {more})"

    def rows(self, source: str) -> list[tuple]:
        return self.connection.execute(f"SELECT id, name FROM {source} ORDER BY id").fetchall()

    def error(self, source: str) -> str:
        with self.assertRaises(duckdb.Error) as raised:
            self.rows(source)
        return str(raised.exception)

    def test_each_schema_is_asked_for_once(self):
        self.store("ONCE", [framed(*event) for event in EVENTS])
        expected = [(event["id"], event.get("name")) for _, event in EVENTS]
        with Registry(ANSWERS) as registry:
            self.assertEqual(self.rows(self.source("ONCE", f"http://{registry.place}/")), expected)
            self.assertEqual(sorted(registry.asked), ["/schemas/ids/1", "/schemas/ids/70000"])
            registry.asked.clear()
            self.assertEqual(self.rows(self.source("ONCE", f"http://{registry.place}", "columns := 'auto'")), expected)
            self.assertEqual(sorted(registry.asked), ["/schemas/ids/1", "/schemas/ids/70000"])

    def test_protobuf(self):
        fill(self.url, "stream name=PROTO subjects=PROTO", "message stream=PROTO subject=PROTO hex=000000000700080e")
        schema = 'syntax = "proto3"; message Order { int64 id = 1; }'
        with Registry({7: {"schemaType": "PROTOBUF", "schema": schema}}) as registry:
            read = f"SELECT id FROM nats_scan('PROTO', url := ?, format := 'protobuf', schema_registry := 'http://{registry.place}', columns := 'auto')"
            self.assertEqual(self.connection.execute(read, [self.url]).fetchall(), [(14,)])

    def test_a_schema_that_is_not_there_is_of_its_payload(self):
        self.store("ABSENT", [framed(70_000, {"id": 1, "name": "a"}), struct.pack(">bI", 0, 5) + b"\2"])
        with Registry(ANSWERS) as registry:
            address = f"http://{registry.place}"
            self.assertIn(f"sequence 2: malformed Avro: schema 5 is not in the registry {address}", self.error(self.source("ABSENT", address)))
            skip = "columns := {'id': 'BIGINT', 'name': 'VARCHAR'}, on_error := 'skip'"
            self.assertEqual(self.rows(self.source("ABSENT", address, skip)), [(1, "a")])

    def test_who_may_ask(self):
        self.store("SECRET", [framed(1, {"id": 4})])
        with Registry(ANSWERS, basic("reader", "s3cr/t")) as registry:
            self.assertEqual(self.rows(self.source("SECRET", f"http://reader:s3cr%2Ft@{registry.place}")), [(4, None)])
            error = self.error(self.source("SECRET", f"http://reader:wr0ng@{registry.place}"))
            self.assertIn(f"schema 1 of the registry http://{registry.place}: it refuses the request, with status 401", error)
            self.assertIn("[denied]", error)
            self.assertNotIn("wr0ng", error)
        with Registry(ANSWERS, "Bearer t0ken") as registry:
            self.assertEqual(self.rows(self.source("SECRET", f"http://t0ken@{registry.place}")), [(4, None)])
            error = self.error(self.source("SECRET", f"http://t0ken/x@{registry.place}"))
            self.assertIn("schema_registry: the address is malformed", error)

    def test_a_registry_that_cannot_be_asked_makes_no_row_bad(self):
        """Neither NULL, nor a row that is left out, nor a dead letter."""
        self.store("OUT", [framed(*event) for event in EVENTS[:100]])
        fill(self.url, "stream name=LETTERS subjects=dlq.>")
        columns = "columns := {'id': 'BIGINT', 'name': 'VARCHAR'}, correlation_key := '{id}'"
        ways = [("nats_scan", "columns := {'id': 'BIGINT', 'name': 'VARCHAR'}", word) for word in ("null", "skip", "fail")]
        ways += [("nats_ingest", columns, word) for word in ("skip", "dlq")]
        ways += [("nats_ingest", f"{columns}, durable := 'd'", word) for word in ("skip", "dlq")]
        with Registry(ANSWERS) as registry:
            for status in (500, 503, 404):
                registry.status = status
                for function, given, word in ways:
                    with self.subTest(status=status, function=function, given=given, on_error=word):
                        letters = ", dlq_subject := 'dlq.out'" if word == "dlq" else ""
                        source = self.source("OUT", f"http://{registry.place}", f"{given}, on_error := '{word}'{letters}", function)
                        self.assertIn(f"of the registry http://{registry.place}: it answers with status {status}", self.error(source))
            registry.status = None
            source = self.source("OUT", f"http://{registry.place}", f"{columns}, durable := 'd'", "nats_ingest")
            rows = []
            # Statements that fail make the next one smaller: one message may be to blame.
            while more := self.rows(source):
                rows += more
                self.connection.execute("FROM nats_ack('OUT', 'd', url := ?)", [self.url]).fetchall()
            self.assertEqual(sorted(rows), [(event["id"], event.get("name")) for _, event in EVENTS[:100]])
        with Wire(self.url) as wire:
            self.assertEqual(wire.request("STREAM.INFO.LETTERS")["state"]["messages"], 0)
        gone = f"http://localhost:{closed_port()}"
        error = self.error(self.source("OUT", gone, f"{columns}, on_error := 'skip'", "nats_ingest"))
        self.assertIn(f"of the registry {gone}: it does not answer", error)
        self.assertIn("[unreachable]", error)

    def test_messages_that_become_several_rows(self):
        """What takes a message apart, its elements and what lies around them are read by one answer of the registry."""
        schema = {"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}, {"name": "names", "type": {"type": "array", "items": "string"}}]}
        out = io.BytesIO(struct.pack(">bI", 0, 7))
        out.seek(0, io.SEEK_END)
        fastavro.schemaless_writer(out, schema, {"id": 3, "names": ["a", "b"]})
        self.store("UNNEST", [out.getvalue()])
        with Registry({7: {"schema": json.dumps(schema)}}) as registry:
            columns = "unnest := 'names', columns := {'id': 'BIGINT', 'name': {'path': 'names[]', 'type': 'VARCHAR'}}"
            registry.status = 503
            for word in ("null", "skip", "fail"):
                with self.subTest(on_error=word):
                    source = self.source("UNNEST", f"http://{registry.place}", f"{columns}, on_error := '{word}'")
                    self.assertIn(f"of the registry http://{registry.place}: it answers with status 503", self.error(source))
            registry.status = None
            registry.asked.clear()
            self.assertEqual(self.rows(self.source("UNNEST", f"http://{registry.place}", columns)), [(3, "a"), (3, "b")])
            self.assertEqual(registry.asked, ["/schemas/ids/7"])

    def test_a_prepared_statement_asks_again(self):
        self.store("AGAIN", [framed(1, {"id": 4})])
        with Registry(ANSWERS) as registry:
            self.connection.execute(f"PREPARE p AS SELECT id FROM {self.source('AGAIN', f'http://{registry.place}')}")
            registry.status = 500
            with self.assertRaisesRegex(duckdb.Error, "it answers with status 500"):
                self.connection.execute("EXECUTE p")
            registry.status = None
            self.assertEqual(self.connection.execute("EXECUTE p").fetchall(), [(4,)])

    def test_schemas_that_refer_to_others(self):
        """Directly and by others, one of them twice; a type of another schema alone, and a union of two."""
        money = {"type": "record", "name": "com.x.Money", "fields": [{"name": "cents", "type": "long"}, {"name": "currency", "type": {"type": "enum", "name": "Currency", "symbols": ["EUR", "USD"]}}]}
        line = {"type": "record", "name": "com.x.Line", "fields": [{"name": "price", "type": "com.x.Money"}, {"name": "in", "type": "com.x.Currency"}]}
        order = {"type": "record", "name": "com.y.Order", "fields": [{"name": "id", "type": "long"}, {"name": "total", "type": "com.x.Money"}, {"name": "lines", "type": {"type": "array", "items": "com.x.Line"}}]}
        to = lambda name, subject, version: {"name": name, "subject": subject, "version": version}
        to_money, to_line = to("com.x.Money", "of money/value", 3), to("com.x.Line", "line", 1)
        answers = {
            ("of money/value", 3): {"schema": json.dumps(money)},
            ("line", 1): {"schema": json.dumps(line), "references": [to_money]},
            ("order", 1): {"schema": json.dumps(order), "references": [to_line, to_money]},
            7: {"schema": json.dumps(order), "references": [to_line, to_money]},
            8: {"schema": '"com.y.Order"', "references": [to("com.y.Order", "order", 1)]},
            9: {"schema": '["com.x.Money", "com.y.Order"]', "references": [to_money, to("com.y.Order", "order", 1)]},
            10: {"schema": json.dumps(order), "references": [to("com.x.Money", "gone", 1), to_line]},
        }
        whole = fastavro.parse_schema([money, line, order])
        event = lambda seq: {"id": seq, "total": {"cents": 100 * seq, "currency": "USD"}, "lines": [{"price": {"cents": n, "currency": "EUR"}, "in": "USD"} for n in range(seq)]}
        payloads = []
        for seq, number in enumerate((7, 8, 9), 1):
            out = io.BytesIO()
            out.write(struct.pack(">bI", 0, number) + (b"\x02" if number == 9 else b""))
            fastavro.schemaless_writer(out, whole[-1] if isinstance(whole, list) else whole, event(seq))
            payloads.append(out.getvalue())
        self.store("REFERS", payloads)
        with Registry(answers) as registry:
            address = f"http://{registry.place}"
            columns = "columns := {'id': 'BIGINT', 'name': {'path': 'total.currency', 'type': 'VARCHAR'}, 'cents': {'path': 'total.cents', 'type': 'BIGINT'}, 'lines': 'STRUCT(price STRUCT(cents BIGINT, currency VARCHAR), \"in\" VARCHAR)[]'}"
            rows = self.connection.execute(f"SELECT id, cents, name, lines FROM {self.source('REFERS', address, columns)} ORDER BY id").fetchall()
            self.assertEqual(rows, [(seq, 100 * seq, "USD", event(seq)["lines"]) for seq in (1, 2, 3)])
            self.assertEqual(len(registry.asked), 3 + 2 + 3 + 3, registry.asked)
            self.store("LACKS", [struct.pack(">bI", 0, 10) + payloads[0][5:]])
            error = self.error(self.source("LACKS", address, f"{columns}, on_error := 'skip'"))
            self.assertIn(f"schema 10 of the registry {address}: it refers to version 1 of 'gone', which is not there", error)
            self.assertIn("[not_found]", error)

    def test_protobuf_that_imports(self):
        money = 'syntax = "proto3"; package com.x; message Money { int64 cents = 1; }'
        line = 'syntax = "proto3"; package com.x; import "common/money.proto"; message Line { Money price = 1; }'
        order = 'syntax = "proto3"; import "line.proto"; import "common/money.proto"; message Order { int64 id = 1; com.x.Money total = 2; repeated com.x.Line lines = 3; }'
        to_money = {"name": "common/money.proto", "subject": "money", "version": 1}
        answers = {
            ("money", 1): {"schema": money},
            ("line", 1): {"schema": line, "references": [to_money]},
            7: {"schemaType": "PROTOBUF", "schema": order, "references": [{"name": "line.proto", "subject": "line", "version": 1}, to_money]},
        }
        # id 7, total of 500 cents, a line of 3 cents; the message is the first of its file.
        self.store("IMPORTS", [bytes.fromhex("00" "00000007" "00" "0807" "120308f403" "1a04" "0a020803")])
        with Registry(answers) as registry:
            columns = "columns := {'id': 'BIGINT', 'total.cents': 'BIGINT', 'lines[0].price.cents': 'BIGINT'}"
            source = self.source("IMPORTS", f"http://{registry.place}", columns).replace("'avro'", "'protobuf'")
            self.assertEqual(self.connection.execute(f'SELECT id, total_cents, lines_0_price_cents FROM {source}').fetchall(), [(7, 500, 3)])

    def test_an_encrypted_registry(self):
        self.store("TLS", [framed(1, {"id": 4})])
        with tempfile.TemporaryDirectory() as folder:
            authority = Authority(Path(folder))
            pair = authority.issue("server")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.cert, pair.key)
            with Registry(ANSWERS, tls=context) as registry:
                address = f"https://{registry.place}"
                self.assertIn("certificate", self.error(self.source("TLS", address)))
                with mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(authority.ca)}):
                    self.assertEqual(self.rows(self.source("TLS", address)), [(4, None)])


if __name__ == "__main__":
    unittest.main()
