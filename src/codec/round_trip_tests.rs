//! A document that is written in a format is read back from it, whole and only whole.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::encode::{ENCODING_FORMATS, EncodingFormat};
use super::path::{Path, Wanted};
use super::testing::decode_one;
use super::{Codec, cbor, json, msgpack};
use crate::column::Type;
use crate::document::Document;
use crate::testing::cases;

/// A text with the characters that formats escape, and with characters of every length.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,40}", r#"[a"\\/\x00-\x1f\x7f :,{}\[\]é😀]{0,20}"#]
}

/// Any document. Integers are those that serde_json holds; others are in a test of their own.
fn document() -> impl Strategy<Value = Document> {
    let leaf = prop_oneof![
        Just(Document::Null),
        any::<bool>().prop_map(Document::Boolean),
        any::<i64>().prop_map(|number| Document::Integer(number.into())),
        any::<u64>().prop_map(|number| Document::Integer(number.into())),
        (-300..300_i128).prop_map(Document::Integer),
        any::<f64>().prop_filter("JSON has finite numbers", |number| number.is_finite()).prop_map(Document::Float),
        text().prop_map(Document::Text),
        vec(any::<u8>(), 0..20).prop_map(Document::Bytes),
    ];
    leaf.prop_recursive(5, 40, 8, |inner| {
        prop_oneof![vec(inner.clone(), 0..8).prop_map(Document::Array), vec((text(), inner), 0..8).prop_map(object),]
    })
}

/// An object whose names differ.
fn object(members: Vec<(String, Document)>) -> Document {
    let mut unique: Vec<(String, Document)> = Vec::new();
    for (name, member) in members {
        if unique.iter().all(|(known, _)| *known != name) {
            unique.push((name, member));
        }
    }
    Document::Object(unique)
}

/// The document as serde_json would read it; `bytes` is the text that stands for bytes.
fn expected(document: &Document, bytes: TextOfBytes) -> Json {
    match document {
        Document::Null => Json::Null,
        Document::Boolean(flag) => (*flag).into(),
        Document::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
            (Ok(number), _) => number.into(),
            (_, number) => number.unwrap().into(),
        },
        Document::Float(number) => (*number).into(),
        Document::Number(_) | Document::Json(_) => unreachable!("not among them"),
        Document::Text(text) => text.as_str().into(),
        Document::Bytes(held) => bytes(held).into(),
        Document::Array(items) => items.iter().map(|item| expected(item, bytes)).collect(),
        Document::Object(members) => {
            Json::Object(members.iter().map(|(name, member)| (name.clone(), expected(member, bytes))).collect())
        }
    }
}

/// Bytes as DuckDB casts them to text.
fn hex(bytes: &[u8]) -> String {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\\'\"".contains(&byte);
    let one = |byte: &u8| if plain(*byte) { char::from(*byte).to_string() } else { format!("\\x{byte:02X}") };
    bytes.iter().map(one).collect()
}

type Columns = fn(Wanted) -> crate::error::Result<Box<dyn Codec>>;
type TextOfBytes = fn(&[u8]) -> String;

/// The values that are written and read without a schema, and the text that stands for bytes in their JSON.
fn formats() -> Vec<(&'static EncodingFormat, Columns, TextOfBytes)> {
    let written = |name: &str| ENCODING_FORMATS.iter().find(|format| format.name == name).unwrap();
    let base64 = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    vec![
        (written("json"), json::columns, hex),
        (written("msgpack"), msgpack::columns, base64),
        (written("cbor"), cbor::columns, base64),
    ]
}

fn written(format: &EncodingFormat, document: &Document) -> Vec<u8> {
    let mut out = Vec::new();
    (format.encode)(document, &mut out);
    out
}

fn codec(columns: Columns, wanted: &[(&str, Type)]) -> Box<dyn Codec> {
    columns(wanted.iter().map(|(path, ty)| (Path::parse(path).unwrap(), ty.clone())).collect()).unwrap()
}

fn members(members: Vec<(&str, Document)>) -> Document {
    Document::Object(members.into_iter().map(|(name, member)| (name.to_owned(), member)).collect())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_document_comes_back(document in document(), behind in any::<i32>()) {
        for (format, columns, bytes) in formats() {
            let whole = members(vec![("x", document.clone()), ("v", document.clone()), ("w", Document::Integer(behind.into()))]);
            let payload = written(format, &whole);
            let row = decode_one(&*codec(columns, &[("v", Type::Json), ("w", Type::Integer)]), &payload).unwrap();
            prop_assert_eq!(&row[1], &behind.to_string(), "{}", format.name);
            let expected = expected(&document, bytes);
            match expected {
                Json::Null => prop_assert_eq!(&row[0], "NULL"),
                expected => prop_assert_eq!(serde_json::from_str::<Json>(&row[0]).ok(), Some(expected), "{}", format.name),
            }
        }
    }

    #[test]
    fn json_inside_of_a_document_comes_back(document in document()) {
        let inside = expected(&document, hex);
        for (format, columns, _) in formats() {
            let payload = written(format, &members(vec![("v", Document::Json(inside.to_string()))]));
            let row = decode_one(&*codec(columns, &[("v", Type::Json)]), &payload).unwrap();
            match &inside {
                Json::Null => prop_assert_eq!(&row[0], "NULL"),
                inside => prop_assert_eq!(serde_json::from_str::<Json>(&row[0]).ok(), Some(inside.clone()), "{}", format.name),
            }
        }
    }

    #[test]
    fn a_document_that_is_cut_off_or_goes_on_is_refused(document in document(), cut in any::<prop::sample::Index>(), more in 0..=0x20_u8) {
        for (format, columns, _) in formats() {
            let payload = written(format, &members(vec![("v", document.clone())]));
            let end = cut.index(payload.len());
            for column in [("v", Type::Json), ("x", Type::Json), ("$", Type::Json)] {
                let codec = codec(columns, &[column]);
                prop_assert!(decode_one(&*codec, &payload).is_ok());
                prop_assert!(decode_one(&*codec, &payload[..end]).is_err(), "{} cut at {end}", format.name);
                let longer = [&payload[..], &[more]].concat();
                let blank = format.name == "json" && more.is_ascii_whitespace() && more != 0x0c;
                prop_assert_eq!(decode_one(&*codec, &longer).is_ok(), blank, "{} and {}", format.name, more);
            }
        }
    }

    #[test]
    fn scalars_come_back_as_what_they_are(
        integer in any::<i128>(), float in any::<f64>(), bits in any::<u64>(), held in text(), bytes in vec(any::<u8>(), 0..40), flag in any::<bool>(),
    ) {
        for (format, columns, _) in formats() {
            for number in [float, f64::from_bits(bits)] {
                let payload = written(format, &members(vec![("v", Document::Float(number))]));
                let row = decode_one(&*codec(columns, &[("v", Type::Double)]), &payload).unwrap();
                prop_assert_eq!(&row[0], &number.to_string(), "{}", format.name);
            }
            for (document, ty, expected) in [
                (Document::Integer(integer), Type::HugeInt, integer.to_string()),
                (Document::Integer(integer), Type::Varchar, integer.to_string()),
                (Document::Integer(integer >> 64), Type::BigInt, (integer >> 64).to_string()),
                (Document::Text(held.clone()), Type::Varchar, held.clone()),
                (Document::Boolean(flag), Type::Boolean, flag.to_string()),
            ] {
                let payload = written(format, &members(vec![("v", document)]));
                let row = decode_one(&*codec(columns, &[("v", ty)]), &payload).unwrap();
                prop_assert_eq!(&row[0], &expected, "{}", format.name);
            }
            if format.name != "json" {
                let payload = written(format, &members(vec![("v", Document::Bytes(bytes.clone()))]));
                let row = decode_one(&*codec(columns, &[("v", Type::Blob)]), &payload).unwrap();
                prop_assert_eq!(&row[0], &String::from_utf8_lossy(&bytes), "{}", format.name);
            }
        }
    }
}
