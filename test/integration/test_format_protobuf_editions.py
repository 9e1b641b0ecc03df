"""Messages of an edition, and extensions, as Google's Python library writes and reads them."""

import os
import random
import tempfile
import unittest
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from fixtures.encode import PROTOBUF
from fixtures.wire import Message, Wire
from integration.host import connect
from integration.streams import fill
from integration.test_format_protobuf import randomize, row

COUNT = 200
Field = descriptor_pb2.FieldDescriptorProto
Features = descriptor_pb2.FeatureSet


def field(name: str, number: int, kind: int, type_name: str = "", repeated: bool = False, oneof: int | None = None, **features):
    """A field, with the features that it has of its own."""
    made = Field(name=name, number=number, type=kind, label=Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL)
    if type_name:
        made.type_name = type_name
    if oneof is not None:
        made.oneof_index = oneof
    for feature, value in features.items():
        setattr(made.options.features, feature, value)
    return made


def extension(name: str, number: int, kind: int, extendee: str, **rest):
    made = field(name, number, kind, **rest)
    made.extendee = extendee
    return made


def later() -> descriptor_pb2.FileDescriptorProto:
    """A file of edition 2023 with every feature that changes how a message is written."""
    file = descriptor_pb2.FileDescriptorProto(name="later.proto", package="later", syntax="editions", edition=descriptor_pb2.EDITION_2023)
    file.enum_type.add(name="Level").value.add(name="NONE", number=0)
    file.enum_type[0].value.add(name="HIGH", number=7)
    part = file.message_type.add(name="Part")
    part.field.extend([field("a", 1, Field.TYPE_INT32), field("b", 2, Field.TYPE_STRING)])
    bare = file.message_type.add(name="Bare")
    bare.options.features.field_presence = Features.IMPLICIT
    bare.field.extend([field("x", 1, Field.TYPE_SINT64), field("y", 2, Field.TYPE_BOOL, field_presence=Features.EXPLICIT)])
    reading = file.message_type.add(name="Reading")
    reading.oneof_decl.add(name="choice")
    reading.extension_range.add(start=2000, end=3000)
    entry = reading.nested_type.add(name="NamesEntry")
    entry.options.map_entry = True
    entry.field.extend([field("key", 1, Field.TYPE_STRING), field("value", 2, Field.TYPE_MESSAGE, ".later.Part")])
    reading.field.extend([
        field("explicit", 1, Field.TYPE_INT32),
        field("implicit", 2, Field.TYPE_INT64, field_presence=Features.IMPLICIT),
        field("needed", 3, Field.TYPE_STRING, field_presence=Features.LEGACY_REQUIRED),
        field("packed", 4, Field.TYPE_SINT32, repeated=True),
        field("expanded", 5, Field.TYPE_FIXED32, repeated=True, repeated_field_encoding=Features.EXPANDED),
        field("level", 6, Field.TYPE_ENUM, ".later.Level"),
        field("part", 7, Field.TYPE_MESSAGE, ".later.Part"),
        field("group", 8, Field.TYPE_MESSAGE, ".later.Part", message_encoding=Features.DELIMITED),
        field("groups", 9, Field.TYPE_MESSAGE, ".later.Bare", repeated=True, message_encoding=Features.DELIMITED),
        field("names", 10, Field.TYPE_MESSAGE, ".later.Reading.NamesEntry", repeated=True),
        field("one", 11, Field.TYPE_STRING, oneof=0),
        field("other", 12, Field.TYPE_UINT64, oneof=0, field_presence=Features.EXPLICIT),
        field("bare", 13, Field.TYPE_MESSAGE, ".later.Bare"),
        field("answer", 14, Field.TYPE_INT32),
    ])
    reading.field[-1].default_value = "42"
    file.extension.extend([
        extension("note", 2000, Field.TYPE_STRING, ".later.Reading"),
        extension("counts", 2001, Field.TYPE_UINT32, ".later.Reading", repeated=True),
        extension("detail", 2002, Field.TYPE_MESSAGE, ".later.Reading", type_name=".later.Part"),
    ])
    part.extension.append(extension("within", 2003, Field.TYPE_MESSAGE, ".later.Reading", type_name=".later.Part", message_encoding=Features.DELIMITED))
    return file


def closed() -> descriptor_pb2.FileDescriptorProto:
    """A file of edition 2023 whose enum begins with another number than zero."""
    file = descriptor_pb2.FileDescriptorProto(name="closed.proto", package="closed", syntax="editions", edition=descriptor_pb2.EDITION_2023)
    file.options.features.enum_type = Features.CLOSED
    file.options.features.message_encoding = Features.DELIMITED
    color = file.enum_type.add(name="Color")
    color.value.add(name="RED", number=1)
    color.value.add(name="GREEN", number=2)
    reading = file.message_type.add(name="Reading")
    entry = reading.nested_type.add(name="CountsEntry")
    entry.options.map_entry = True
    entry.field.extend([field("key", 1, Field.TYPE_STRING), field("value", 2, Field.TYPE_INT32)])
    reading.field.extend([
        field("color", 1, Field.TYPE_ENUM, ".closed.Color"),
        field("next", 2, Field.TYPE_MESSAGE, ".closed.Reading"),
        field("counts", 3, Field.TYPE_MESSAGE, ".closed.Reading.CountsEntry", repeated=True),
        field("n", 4, Field.TYPE_INT32, repeated=True),
    ])
    return file


class Editions(unittest.TestCase):
    def setUp(self):
        self.url = os.environ["NATS_JS_TEST_URL"]
        self.connection = connect()
        self.addCleanup(self.connection.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.pool = descriptor_pool.DescriptorPool()

    def described(self, *files: descriptor_pb2.FileDescriptorProto) -> str:
        """The argument that names a set of descriptors of files."""
        for file in files:
            self.pool.Add(file)
        (self.folder / "set.binpb").write_bytes(descriptor_pb2.FileDescriptorSet(file=files).SerializeToString())
        return f"proto_descriptor_set := '{self.folder / 'set.binpb'}'"

    def message_class(self, name: str):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def publish(self, stream: str, messages: list) -> None:
        fill(self.url, f"stream name={stream} subjects={stream}")
        with Wire(self.url) as wire:
            wire.publish(Message(stream, message.SerializeToString()) for message in messages)

    def source(self, stream: str, given: str, name: str) -> str:
        return f"nats_scan('{stream}', url := '{self.url}', format := 'protobuf', {given}, proto_message := '{name}'"

    def agrees(self, stream: str, given: str, name: str) -> list:
        chance = random.Random(11)
        of = self.message_class(name)
        messages = [randomize(of(), chance) for _ in range(COUNT)]
        self.publish(stream, messages)
        source = self.source(stream, given, name)
        rows = self.connection.sql(f"SELECT * EXCLUDE (stream, subject, seq, ts_nats, payload) FROM {source}) ORDER BY seq").fetchall()
        names = [column.name for column in of.DESCRIPTOR.fields]
        expected = [row(of.FromString(message.SerializeToString())) for message in messages]
        self.assertEqual(len(rows), COUNT)
        for position, column in enumerate(names):
            with self.subTest(column=column):
                self.assertEqual([wanted[column] for wanted in expected], [got[position] for got in rows])
                self.assertGreater(len({str(wanted[column]) for wanted in expected}), 1)
        return messages

    def test_every_feature(self):
        self.agrees("later", self.described(later()), "later.Reading")

    def test_an_enum_that_does_not_begin_with_zero(self):
        given = self.described(closed())
        self.agrees("closed", given, "closed.Reading")
        file = closed()
        file.message_type[0].field.append(field("x", 9, Field.TYPE_INT32, field_presence=Features.IMPLICIT))
        (self.folder / "set.binpb").write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
        with self.assertRaisesRegex(Exception, "'closed.proto': .*the field 'x' has the presence IMPLICIT beside an enum that does not begin with zero"):
            self.connection.sql(f"FROM {self.source('closed', given, 'closed.Reading')})")

    def test_what_is_written_is_read(self):
        given = self.described(later())
        fill(self.url, "stream name=written subjects=written")
        self.connection.sql(
            "COPY (SELECT m FROM (SELECT 5 AS explicit, 0 AS implicit, 'n' AS needed, [1, -2] AS packed, [3] AS expanded, {'a': 1, 'b': 'x'} AS \"group\", "
            "[{'x': 4, 'y': true}] AS groups, map {'k': {'a': 9, 'b': 'y'}} AS names) m) "
            f"TO 'written' (FORMAT nats_js, subject 'written', url '{self.url}', payload_format 'protobuf', {given.replace(' := ', ' ')}, proto_message 'later.Reading')"
        )
        (payload,), = self.connection.sql(f"SELECT payload FROM nats_scan('written', url := '{self.url}')").fetchall()
        message = self.message_class("later.Reading").FromString(bytes(payload))
        self.assertEqual((message.explicit, message.implicit, message.needed, message.group.b), (5, 0, "n", "x"))
        self.assertEqual(([*message.packed], [*message.expanded], message.groups[0].x, message.names["k"].a), ([1, -2], [3], 4, 9))
        # By their own encodings: read as Python writes them.
        self.assertEqual(bytes(payload), message.SerializeToString(deterministic=True))

    def test_extensions(self):
        given = self.described(later())
        find = self.pool.FindExtensionByName
        of = self.message_class("later.Reading")
        full, empty = of(needed="a"), of(needed="b")
        full.Extensions[find("later.note")] = "hello"
        full.Extensions[find("later.counts")].extend([1, 300])
        full.Extensions[find("later.detail")].a = 5
        full.Extensions[find("later.Part.within")].b = "deep"
        self.publish("extended", [full, empty])
        source = self.source("extended", given, "later.Reading")
        columns = (
            "{'[later.note]': 'VARCHAR', 'n': {'path': '[later.counts]', 'type': 'INTEGER[]'}, 'first': {'path': '[later.counts][0]', 'type': 'INTEGER'}, "
            "'a': {'path': '[later.detail].a', 'type': 'INTEGER'}, 'b': {'path': '\"[later.Part.within]\".b', 'type': 'VARCHAR'}, "
            "'needed': 'VARCHAR', 'whole': {'path': '$', 'type': 'JSON'}}"
        )
        read = self.connection.sql(f"SELECT \"[later.note]\", n, first, a, b, needed, whole->>'$.\"[later.note]\"' FROM {source}, columns := {columns}) ORDER BY seq")
        self.assertEqual(read.fetchall(), [("hello", [1, 300], 1, 5, "deep", "a", "hello"), (None, [], None, None, None, "b", None)])
        # All fields are those of the message itself.
        self.assertNotIn("[later.note]", self.connection.sql(f"FROM {source})").columns)
        with self.assertRaisesRegex(Exception, r"Field '\[later.nothing\]' not found in message type 'Reading'"):
            self.connection.sql(f"FROM {source}, columns := {{'[later.nothing]': 'VARCHAR'}})")

    def test_an_extension_of_proto2_by_its_file(self):
        for file in descriptor_pb2.FileDescriptorSet.FromString((PROTOBUF / "types.binpb").read_bytes()).file:
            self.pool.Add(file)
        message = self.message_class("legacy.Reading")(id=1)
        message.Extensions[self.pool.FindExtensionByName("legacy.extra")] = "x"
        self.publish("extra", [message])
        for given in (f"proto_file := '{PROTOBUF / 'legacy.proto'}'", f"proto_descriptor_set := '{PROTOBUF / 'types.binpb'}'"):
            source = self.source("extra", given, "legacy.Reading")
            self.assertEqual(self.connection.sql(f"SELECT id, e FROM {source}, columns := {{'id': 'INTEGER', 'e': {{'path': '[legacy.extra]', 'type': 'VARCHAR'}}}})").fetchall(), [(1, "x")])
            extract = source.replace("format := 'protobuf', ", "")
            self.assertEqual(self.connection.sql(f"SELECT \"[legacy.extra]\" FROM {extract}, proto_extract := ['[legacy.extra]'])").fetchall(), [("x",)])


if __name__ == "__main__":
    unittest.main()
