"""`unnest` of protobuf: the elements of every kind of list, and the entries of maps, as Google's Python library has them."""

import os
import random
import unittest

from fixtures.encode import PROTOBUF, message_class
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill
from integration.test_format_protobuf import is_map, one, randomize

COUNT = 150


class UnnestProtobuf(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)

    def agrees(self, stream: str, name: str, file: str, prefix: str = "") -> None:
        chance = random.Random(5)
        of = message_class(name)
        written = [randomize(of(), chance).SerializeToString() for _ in range(COUNT)]
        # Lists go on in later pieces of a message, packed and not.
        written += [a + b for a, b in zip(written, written[1:])]
        fill(self.url, f"stream name={stream} subjects={stream}")
        with Wire(self.url) as wire:
            wire.publish(Message(stream, payload) for payload in written)
        messages = [of.FromString(payload) for payload in written]
        source = f"nats_scan('{stream}', url := '{self.url}', format := 'protobuf', proto_file := '{PROTOBUF / file}', proto_message := '{name}'"
        types = dict(self.connection.sql(f"SELECT column_name, column_type FROM (DESCRIBE FROM {source}))").fetchall())
        lists = [field for field in of.DESCRIPTOR.fields if field.is_repeated]
        self.assertGreater(len(lists), 3)
        for field in lists:
            with self.subTest(field=field.name):
                self.one_list(source, field, types[field.name], messages)

    def one_list(self, source: str, field, ty: str, messages: list) -> None:
        path = f"{field.name}[]"
        if is_map(field):
            key, value = ty.removeprefix("MAP(").removesuffix(")").split(", ", 1)
            columns = {"k": (f"{path}.key", key), "v": (f"{path}.value", value)}
        else:
            columns = {"v": (path, ty.removesuffix("[]"))}
        given = ", ".join(f"'{name}': {{'path': '{path}', 'type': '{ty}'}}" for name, (path, ty) in columns.items())
        rows = self.connection.sql(
            f"SELECT seq, unnest_index, {', '.join(columns)} FROM {source}, unnest := '{field.name}', columns := {{{given}}}) ORDER BY seq, unnest_index"
        ).fetchall()
        counts = [len(getattr(message, field.name)) for message in messages]
        self.assertEqual([(seq, at + 1) for seq, count in enumerate(counts, 1) for at in range(count)], [row[:2] for row in rows])
        self.assertGreater(len(rows), COUNT)
        values = iter(rows)
        for message in messages:
            held = getattr(message, field.name)
            got = [next(values)[2:] for _ in held]
            if is_map(field):
                of = field.message_type.fields_by_name["value"]
                self.assertEqual({key: one(of, item, ()) for key, item in held.items()}, dict(got))
            else:
                self.assertEqual([one(field, item, ()) for item in held], [value for value, in got])

    def test_proto3(self):
        self.agrees("three", "fleet.v1.Everything", "everything.proto")

    def test_proto2_with_groups(self):
        self.agrees("two", "legacy.Reading", "legacy.proto")


if __name__ == "__main__":
    unittest.main()
