//! Schemas: files, imports, descriptor sets, names, and the errors that the extension before this one had.

use super::*;
use crate::codec::protobuf::load::{Text, load_text};
use crate::codec::testing::show;
use crate::column::Buffer;

/// A folder for one test, gone with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("nats_js-protobuf-{}-{name}", std::process::id()));
        for (file, text) in files {
            let at = root.join(file);
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            std::fs::write(at, text).unwrap();
        }
        Self(root)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn proto(file: String, name: &str) -> SchemaSource {
    SchemaSource { proto_file: Some(file), proto_message: Some(name.to_owned()), ..SchemaSource::default() }
}

#[test]
fn the_old_error_texts_stand() {
    let paths = |at: &str| vec![path(at)];
    let none = SchemaSource::default();
    assert_eq!(
        failure(extract(&none, paths("a"), vec![])),
        "proto_file parameter is required when using proto_extract"
    );
    let no_message = SchemaSource { proto_file: Some(file("everything.proto")), ..none };
    assert_eq!(
        failure(extract(&no_message, paths("a"), vec![])),
        "proto_message parameter is required when using proto_extract"
    );
    let error = failure(extract(&proto("/nonexistent/x.proto".into(), "M"), paths("a"), vec![]));
    assert!(error.starts_with("Failed to import protobuf schema file: /nonexistent/x.proto: No such file"), "{error}");
    let error = failure(extract(&message("everything.proto", "Nothing"), paths("a"), vec![]));
    let expected = format!("Message type 'Nothing' not found in {}; it defines ", file("everything.proto"));
    assert!(error.starts_with(&expected) && error.contains("fleet.v1.Envelope"), "{error}");
    for (at, expected) in [
        ("nope", "Field 'nope' not found in message type 'Everything' (field path: nope)"),
        ("place.nope", "Field 'nope' not found in message type 'Place' (field path: place.nope)"),
        ("fInt32", "Field 'fInt32' not found in message type 'Everything' (field path: fInt32)"),
        ("f_int32.zone", "Field 'f_int32' is not a message type, cannot navigate to 'zone' (field path: f_int32.zone)"),
        ("place.zone.x", "Field 'zone' is not a message type, cannot navigate to 'x' (field path: place.zone.x)"),
        (
            "r_place.zone",
            "Field 'r_place' is not a message type, cannot navigate to 'zone' (field path: r_place.zone); \
             'r_place' is repeated: name an element, r_place[0]",
        ),
        ("place[0]", "Field 'place' is not repeated, it has no [0] (field path: place[0])"),
        ("m_string[0]", "Field 'm_string' is not repeated, it has no [0] (field path: m_string[0])"),
        ("f_int32[0]", "Field 'f_int32' is not a message type, cannot navigate to '[0]' (field path: f_int32[0])"),
    ] {
        assert_eq!(failure(extract(&everything(), paths(at), vec![])), expected);
        assert_eq!(failure(columns(&everything(), vec![(path(at), Type::Varchar)].into())), expected);
    }
}

#[test]
fn messages_are_found_with_and_without_package() {
    for name in ["Everything", "fleet.v1.Everything", ".fleet.v1.Everything", "v1.Everything"] {
        assert!(all(&message("everything.proto", name), vec![]).is_ok(), "{name}");
    }
    for (name, column) in [("Outer.Inner", "a"), ("Other.Inner", "b"), ("Place", "zone"), ("common.Position", "lat")] {
        let codec = all(&message("everything.proto", name), vec![]).unwrap();
        assert_eq!(codec.columns()[0].name, column, "{name}");
    }
    let error = failure(all(&message("everything.proto", "Inner"), vec![]));
    let expected = format!(
        "Message type 'Inner' is ambiguous in {}: fleet.v1.Other.Inner, fleet.v1.Outer.Inner; give proto_message with \
         its package",
        file("everything.proto")
    );
    assert_eq!(error, expected);
    // The entries of a map are no message of the author's.
    assert!(
        failure(all(&message("everything.proto", "MStringEntry"), vec![]))
            .starts_with("Message type 'MStringEntry' not found")
    );
}

#[test]
fn a_descriptor_set_is_as_good_as_its_files() {
    let set = |name: &str| SchemaSource {
        proto_descriptor_set: Some(file("types.binpb")),
        proto_message: Some(name.to_owned()),
        ..SchemaSource::default()
    };
    for (name, source) in [("Everything", everything()), ("legacy.Reading", legacy())] {
        assert_eq!(all(&set(name), vec![]).unwrap().columns(), all(&source, vec![]).unwrap().columns());
    }
    let error = failure(all(&set("Inner"), vec![]));
    assert!(error.contains("is ambiguous"), "{error}");
    assert_eq!(value(&*own(&set("Everything"), "f_int32"), b"\x18\x05").unwrap(), "5");
}

#[test]
fn well_known_types_may_be_left_out_of_a_descriptor_set() {
    use protox::prost::Message;
    use protox::prost_reflect::prost_types::FileDescriptorSet;
    let bytes = std::fs::read(file("types.binpb")).unwrap();
    let mut set = FileDescriptorSet::decode(bytes.as_slice()).unwrap();
    set.file.retain(|file| !file.name().starts_with("google/"));
    let folder = Folder::new("set", &[]);
    std::fs::create_dir_all(&folder.0).unwrap();
    let at = folder.path("set.binpb");
    let source = SchemaSource {
        proto_descriptor_set: Some(at.clone()),
        proto_message: Some("Everything".to_owned()),
        ..SchemaSource::default()
    };
    let broken = |bytes: &[u8]| {
        std::fs::write(&at, bytes).unwrap();
        failure(all(&source, vec![]))
    };
    let start = format!("Failed to import protobuf descriptor set: {at}: ");
    for (bytes, why) in [
        (&b""[..], "it holds no file"),
        (b"\x0a\xff", "not a serialized google.protobuf.FileDescriptorSet"),
        (b"syntax = \"proto3\";", "not a serialized google.protobuf.FileDescriptorSet"),
    ] {
        let error = broken(bytes);
        assert!(error.starts_with(&format!("{start}{why}")), "{error}");
    }
    let mut lacking = set.clone();
    lacking.file.retain(|file| file.name() != "common/place.proto");
    let error = broken(&lacking.encode_to_vec());
    assert!(error.starts_with(&start) && error.contains("common/place.proto"), "{error}");
    std::fs::write(&at, set.encode_to_vec()).unwrap();
    assert_eq!(all(&source, vec![]).unwrap().columns(), all(&everything(), vec![]).unwrap().columns());
}

#[test]
fn imports_are_looked_for_in_proto_path_and_beside_the_file() {
    let main =
        "syntax = 'proto3'; package p; import 'shared/a.proto'; import 'b.proto'; message M { A a = 1; B b = 2; }";
    let folder = Folder::new(
        "imports",
        &[
            ("app/main.proto", main),
            ("app/b.proto", "syntax = 'proto3'; package p; message B { int32 x = 1; }"),
            ("lib/shared/a.proto", "syntax = 'proto3'; package p; import 'shared/c.proto'; message A { C c = 1; }"),
            ("lib/shared/c.proto", "syntax = 'proto3'; package p; message C { int32 y = 1; }"),
        ],
    );
    let mut source = proto(folder.path("app/main.proto"), "M");
    let error = failure(all(&source, vec![]));
    let start = format!("Failed to import protobuf schema file: {}: ", folder.path("app/main.proto"));
    let why =
        "main.proto:1:31: import 'shared/a.proto' not found; name the folder that it is relative to in proto_path";
    assert_eq!(error, format!("{start}{why}"));
    source.proto_path = vec![folder.path("lib")];
    let payload = b"\x0a\x04\x0a\x02\x08\x07\x12\x02\x08\x08";
    assert_eq!(decode_one(&*all(&source, vec![]).unwrap(), payload).unwrap(), ["{c: {y: 7}}", "{x: 8}"]);
    // A folder above the file, so that it has a name of two parts.
    source.proto_path = vec![folder.path("lib"), folder.path("")];
    assert_eq!(decode_one(&*all(&source, vec![]).unwrap(), payload).unwrap(), ["{c: {y: 7}}", "{x: 8}"]);
}

#[test]
fn broken_schemas_say_what_and_where() {
    let cases = [
        ("syntax", "syntax = 'proto3'; message M { int32 a = ; }", "main.proto:1:"),
        ("name", "syntax = 'proto3';\nmessage M {\n  Nope a = 1;\n}", "main.proto:3:"),
        ("twice", "syntax = 'proto3'; message M { int32 a = 1; int32 b = 1; }", "1"),
        ("cycle", "syntax = 'proto3'; import 'main.proto'; message M {}", "cycle"),
        ("binary", "\u{0}\u{1}", "main.proto"),
    ];
    for (name, text, why) in cases {
        let folder = Folder::new(name, &[("main.proto", text)]);
        let at = folder.path("main.proto");
        let error = failure(all(&proto(at.clone(), "M"), vec![]));
        let start = format!("Failed to import protobuf schema file: {at}: ");
        assert!(error.strip_prefix(&start).is_some_and(|cause| cause.contains(why)), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn editions_of_texts_are_named_as_what_is_not_read() {
    let advice = "and as text only syntax proto2 and proto3 are read; protoc --include_imports --descriptor_set_out=FILE makes \
                  a set of it, for proto_descriptor_set";
    for (name, text) in [
        ("edition-plain", "edition = '2023'; message M { int32 a = 1; }"),
        ("edition-comments", "// edition = '1'\n/* a\n * b */\n\nedition=\"2023\";\nmessage M { int32 a = 1; }"),
    ] {
        let folder = Folder::new(name, &[("main.proto", text)]);
        let at = folder.path("main.proto");
        let error = failure(all(&proto(at.clone(), "M"), vec![]));
        let start = format!("Failed to import protobuf schema file: {at}: 'main.proto' is written in edition 2023, ");
        assert_eq!(error, format!("{start}{advice}"));
    }
    let main = "syntax = 'proto3'; import 'sub/new.proto'; message M { N n = 1; }";
    let new = "edition = '2024'; message N { int32 a = 1; }";
    let folder = Folder::new("edition-import", &[("main.proto", main), ("sub/new.proto", new)]);
    let error = failure(all(&proto(folder.path("main.proto"), "M"), vec![]));
    assert!(error.ends_with(&format!("'sub/new.proto' is written in edition 2024, {advice}")), "{error}");
    // One that only looks like it, and one with another first statement.
    for (name, text) in [("edition-field", "message M { edition = '2023'; }"), ("edition-bare", "edition 2023;")] {
        let folder = Folder::new(name, &[("main.proto", text)]);
        let error = failure(all(&proto(folder.path("main.proto"), "M"), vec![]));
        assert!(error.contains("main.proto:1:") && !error.contains("is written in"), "{error}");
    }
}

#[test]
fn a_descriptor_set_of_an_edition_has_presence_unless_a_feature_says_otherwise() {
    use protox::prost::Message;
    use protox::prost_reflect::prost_types::FileDescriptorSet;
    let bytes = std::fs::read(file("types.binpb")).unwrap();
    let mut set = FileDescriptorSet::decode(bytes.as_slice()).unwrap();
    let place = set.file.iter_mut().find(|file| file.name() == "common/place.proto").unwrap();
    place.syntax = Some("editions".to_owned());
    let folder = Folder::new("edition-set", &[]);
    std::fs::create_dir_all(&folder.0).unwrap();
    let at = folder.path("set.binpb");
    std::fs::write(&at, set.encode_to_vec()).unwrap();
    let source = SchemaSource {
        proto_descriptor_set: Some(at),
        proto_message: Some("Everything".to_owned()),
        ..SchemaSource::default()
    };
    // No field of it says anything, so all have presence, as in proto2.
    let paths = ["place.level", "place.zone", "f_int32"].map(|path| Path::parse(path).unwrap());
    let codec = columns(&source, paths.into_iter().map(|path| (path, Type::Varchar)).collect()).unwrap();
    let mut out = [const { Type::Varchar }; 3].map(|ty| Buffer::new(&ty));
    codec.decoder(&[0, 1, 2]).decode(b"\x92\x03\x02\x0a\x00", &mut out).unwrap();
    let shown = out.map(|buffer| show(&buffer, &Type::Varchar, 0));
    assert_eq!(shown, ["NULL", "", "0"]);
}

#[test]
fn parameters_that_do_not_go_together_are_errors() {
    let both = SchemaSource { proto_descriptor_set: Some("x".into()), ..everything() };
    assert_eq!(failure(all(&both, vec![])), "Cannot use both proto_file and proto_descriptor_set");
    assert_eq!(
        failure(all(&SchemaSource::default(), vec![])),
        "format 'protobuf' needs proto_file or proto_descriptor_set"
    );
    let nameless = SchemaSource { proto_message: None, ..everything() };
    assert_eq!(failure(all(&nameless, vec![])), "format 'protobuf' needs proto_message");
}

#[test]
fn messages_that_sql_cannot_hold_are_errors_with_advice() {
    let text = "message M { optional S s = 1; } message S { optional int32 id = 1; optional int32 ID = 2; }";
    let folder = Folder::new("case", &[("main.proto", text)]);
    let error = failure(all(&proto(folder.path("main.proto"), "M"), vec![]));
    assert!(error.starts_with("message type 'S' has two fields named 'ID'"), "{error}");
    let mut wide = String::from("syntax = 'proto3'; message M { A a = 1; B b = 2; }");
    let fields = |ty: &str| (1..=100).map(|i| format!("{ty} f{i} = {i};")).collect::<String>();
    wide +=
        &format!("message A {{ {} }} message B {{ {} }} message C {{ {} }}", fields("C"), fields("C"), fields("int32"));
    let folder = Folder::new("wide", &[("main.proto", &wide)]);
    let error = failure(all(&proto(folder.path("main.proto"), "M"), vec![]));
    assert!(error.starts_with("message type 'M' has more than 10000 fields"), "{error}");
    assert!(extract(&proto(folder.path("main.proto"), "M"), vec![path("a.f1.f2")], vec![]).is_ok());
}

#[test]
fn the_indexes_of_a_message_count_what_is_in_the_text() {
    let at = |entry: &str, field: &str, indexes: &[usize]| {
        let body = format!("message Z {{}} {field} a = 1; message B {{ message C {{}} }} {entry} message D {{}}");
        let text = Text { name: "x".to_owned(), text: format!("syntax = 'proto3'; message M {{ {body} }}") };
        load_text(&text, std::iter::empty(), &[]).unwrap().message_at(indexes)
    };
    let entry = "message AEntry { option map_entry = true; string key = 1; M value = 2; }";
    for (entry, field, indexes, expected) in [
        ("", "map<string, M>", &[0, 0][..], Some("M.Z")),
        ("", "map<string, M>", &[0, 1], Some("M.B")),
        ("", "map<string, M>", &[0, 1, 0], Some("M.B.C")),
        ("", "map<string, M>", &[0, 2], Some("M.D")),
        ("", "map<string, M>", &[0, 3], None),
        (entry, "repeated AEntry", &[0, 1], Some("M.B")),
        (entry, "repeated AEntry", &[0, 3], Some("M.D")),
        (entry, "repeated AEntry", &[0, 4], None),
    ] {
        assert_eq!(at(entry, field, indexes).as_deref(), expected, "{field} {indexes:?}");
    }
}
