//! The elements of Avro's arrays and maps, cut out: each is what the whole list reads there, and no damage leads out of the
//! payload.

use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use bytes::Bytes;
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use std::sync::Arc;

use super::{READER_SCHEMA, SCHEMA, Schema, elements, given};
use crate::codec::arguments::FormatArguments;
use crate::codec::inflate::Inflate;
use crate::codec::path::{Path, Wanted};
use crate::codec::registry::{Entry, SchemaRegistry};
use crate::codec::testing::{decode_one, show};
use crate::column::{Buffer, Type};
use crate::testing::cases;

/// A record `o.l` is an array of records in a branch of a union, `o.m` a map, and `next` stands behind both.
const WRITTEN: &str = r#"{"type":"record","name":"n.R","fields":[
    {"name":"pad","type":"string"},
    {"name":"o","type":["null",{"type":"record","name":"O","fields":[
        {"name":"l","type":["null",{"type":"array","items":{"type":"record","name":"I","fields":[
            {"name":"s","type":"string"},{"name":"u","type":["null","long","I"]},{"name":"y","type":"bytes"}]}}]},
        {"name":"m","type":{"type":"map","values":["null","double"]}}]}]},
    {"name":"next","type":"int"}]}"#;

#[derive(Debug)]
struct One;

impl SchemaRegistry for One {
    fn schema(&self, number: u32) -> Result<Entry, String> {
        let entry = || Entry { text: WRITTEN.to_owned(), references: Vec::new() };
        if number == 1 { Ok(entry()) } else { Err(format!("no schema {number}")) }
    }
}

fn arguments(schema: Option<&str>, reader: Option<&str>) -> FormatArguments {
    let text = |name, text: Option<&str>| text.map(|text| (name, vec![text.to_owned()]));
    let texts = text(SCHEMA, schema).into_iter().chain(text(READER_SCHEMA, reader)).collect();
    FormatArguments { texts, registry: None, element_of: None, max_inflated: Inflate::DEFAULT_LIMIT }
}

/// The elements of a list, each as JSON.
fn rows(arguments: &FormatArguments, path: &str, payload: &[u8]) -> Result<Vec<String>, String> {
    let path = Path::parse(path).unwrap();
    let cut = elements(arguments, &path).map_err(|error| error.to_string())?;
    let parts = cut(payload, &path).map_err(|error| error.to_string())?;
    let of_element = FormatArguments { element_of: Some(path), ..arguments.clone() };
    let codec = given(&of_element, Wanted::from(vec![(Path::root(), Type::Json)])).unwrap();
    let mut decoder = codec.decoder(&[0]);
    let whole = Bytes::copy_from_slice(payload);
    let parts_in = parts.inflated.unwrap_or_else(|| whole.clone());
    let rows = parts.places.into_iter().map(|place| {
        let mut out = [Buffer::new(&Type::Json)];
        decoder.decode_part(&parts_in[place], &whole, &mut out).map_err(|error| error.to_string())?;
        Ok(show(&out[0], &Type::Json, 0))
    });
    rows.collect()
}

/// The list as one value, its elements as JSON; an entry of a map is an object of `key` and `value`.
fn whole(arguments: &FormatArguments, path: &str, payload: &[u8]) -> Vec<String> {
    let codec = given(arguments, Wanted::from(vec![(Path::parse(path).unwrap(), Type::Json)])).unwrap();
    let text = decode_one(&*codec, payload).unwrap().concat();
    let shown = |json: &serde_json::Value| if json.is_null() { "NULL".to_owned() } else { json.to_string() };
    match serde_json::from_str(&text) {
        Ok(serde_json::Value::Array(items)) => items.iter().map(shown).collect(),
        Ok(serde_json::Value::Object(entries)) => entries
            .into_iter()
            .map(|(key, value)| format!(r#"{{"key":{},"value":{value}}}"#, serde_json::Value::from(key)))
            .collect(),
        _ => Vec::new(),
    }
}

fn or_null<T>(value: Option<T>, branch: impl FnOnce(T) -> (u32, Value)) -> Value {
    let (branch, value) = value.map_or((0, Value::Null), branch);
    Value::Union(branch, Box::new(value))
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Elements of `o.l`, some of which hold another.
fn item() -> impl Strategy<Value = Value> {
    let item = |s, u: Value, y| record(vec![("s", Value::String(s)), ("u", u), ("y", Value::Bytes(y))]);
    let leaf = (".{0,9}", any::<Option<i64>>(), vec(any::<u8>(), 0..9))
        .prop_map(move |(s, u, y)| item(s, or_null(u, |u| (1, Value::Long(u))), y));
    leaf.prop_recursive(3, 9, 1, move |inner| {
        (".{0,9}", inner, vec(any::<u8>(), 0..9)).prop_map(move |(s, u, y)| item(s, Value::Union(2, Box::new(u)), y))
    })
}

prop_compose! {
    fn payload()(
        pad in ".{0,9}",
        items in prop::option::of(vec(item(), 0..20)),
        entries in hash_map("[a-z]{0,9}", any::<Option<u32>>(), 0..9),
        has_o in prop::bool::weighted(0.9),
        next in any::<i32>(),
    ) -> Value {
        let items = or_null(items, |items| (1, Value::Array(items)));
        let double = |value: Option<u32>| or_null(value, |value| (1, Value::Double(value.into())));
        let entries = Value::Map(entries.into_iter().map(|(key, value)| (key, double(value))).collect());
        let o = or_null(has_o.then_some(()), |()| (1, record(vec![("l", items), ("m", entries)])));
        record(vec![("pad", Value::String(pad)), ("o", o), ("next", Value::Int(next))])
    }
}

/// A value in every way to send it, each with the arguments that read it.
fn sent(value: &Value) -> Vec<(&'static str, FormatArguments, Vec<u8>)> {
    let schema = apache_avro::Schema::parse_str(WRITTEN).unwrap();
    let datum = GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value.clone()).unwrap();
    let container = |codec| {
        let mut writer = apache_avro::Writer::with_codec(&schema, Vec::new(), codec).unwrap();
        writer.append_value(value.clone()).unwrap();
        writer.into_inner().unwrap()
    };
    let single = [&[0xc3, 0x01][..], Schema::parse(WRITTEN).unwrap().fingerprint(), &datum].concat();
    let framed = [&[0, 0, 0, 0, 1][..], &datum].concat();
    let registry = FormatArguments { registry: Some(Arc::new(One)), ..arguments(None, None) };
    let deflate = apache_avro::Codec::Deflate(apache_avro::DeflateSettings::default());
    vec![
        ("datum", arguments(Some(WRITTEN), None), datum),
        ("single", arguments(Some(WRITTEN), None), single),
        ("container", arguments(None, None), container(apache_avro::Codec::Null)),
        ("deflate", arguments(None, None), container(deflate)),
        ("framed", registry, framed),
    ]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn each_element_is_what_the_list_holds_there(value in payload(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for (way, arguments, mut payload) in sent(&value) {
            for path in ["o.l", "o.m"] {
                let mut expected = whole(&arguments, path, &payload);
                // As the test's own reader of JSON writes it.
                let shown = |json: String| serde_json::from_str(&json).map_or(json, |value: serde_json::Value| value.to_string());
                let found = rows(&arguments, path, &payload).map_err(TestCaseError::fail)?;
                let mut found: Vec<String> = found.into_iter().map(shown).collect();
                if path == "o.m" {
                    // It also sorts keys.
                    expected.sort();
                    found.sort();
                }
                prop_assert_eq!(found, expected, "{} {}", way, path);
            }
            prop_assert!(rows(&arguments, "o.l", &payload[..at.index(payload.len())]).is_err(), "{}", way);
            let at = at.index(payload.len());
            payload[at] = byte;
            let _ = rows(&arguments, "o.l", &payload);
        }
    }
}

/// A record with a field `v`.
fn of(ty: &str) -> String {
    format!(r#"{{"type":"record","name":"n.R","fields":[{{"name":"v","type":{ty}}}]}}"#)
}

#[test]
fn blocks_with_sizes_elements_without_bytes_and_the_root() {
    let ints = r#"{"type":"array","items":"int"}"#;
    let read = |schema: &str, path, payload: &[u8]| rows(&arguments(Some(schema), None), path, payload);
    let expected = || Ok(["1", "2", "3"].map(str::to_owned).to_vec());
    assert_eq!(read(&of(ints), "v", &[3, 4, 2, 4, 2, 6, 0]), expected());
    assert_eq!(read(ints, "$", &[3, 4, 2, 4, 2, 6, 0]), expected());
    let nulls = of(r#"{"type":"array","items":"null"}"#);
    assert_eq!(read(&nulls, "v", &[4, 0]), Ok(vec!["NULL".to_owned(); 2]));
    let bomb = [vec![0x80; 7], vec![1, 0]].concat();
    assert!(read(&nulls, "v", &bomb).unwrap_err().contains("too many empty elements"));
    let twice = read(&of(r#"{"type":"map","values":"int"}"#), "v", &[4, 2, b'k', 2, 2, b'k', 4, 0]);
    assert_eq!(twice, Err("path 'v': the object has the key 'k' twice".to_owned()));
}

#[test]
fn branches_lead_to_elements_of_one_type() {
    let list = |ty: &str| format!(r#"{{"type":"array","items":{ty}}}"#);
    let event = |name: &str, ty: &str| {
        format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"l","type":{}}}]}}"#, list(ty))
    };
    let item = r#"{"type":"record","name":"I","fields":[{"name":"s","type":["null","int"]}]}"#;
    let read = |schema: &str, path, payload: &[u8]| rows(&arguments(Some(schema), None), path, payload);
    let either = |a: &str, b: &str| format!("[{}, {}]", event("A", a), event("B", b));
    for (schema, payload) in [
        (either(item, r#""I""#), [2, 2, 2, 14, 0]),
        (either(r#"["null","int"]"#, r#"["null","int"]"#), [0, 2, 2, 14, 0]),
    ] {
        let found = read(&schema, "l", &payload).unwrap().concat();
        assert!(found == r#"{"s":7}"# || found == "7", "{found}");
    }
    let several =
        "'l' leads to lists of several types, in the branches of a union; read it as a column of the type JSON";
    assert_eq!(read(&either(r#""int""#, r#""string""#), "l", &[0]), Err(format!("unnest: {several}")));
    // The schema of a container is met when it is read, and matters where there are elements.
    let schema = apache_avro::Schema::parse_str(&of(&either(r#""int""#, r#""string""#))).unwrap();
    let container = |items: Vec<Value>| {
        let mut writer = apache_avro::Writer::new(&schema, Vec::new()).unwrap();
        let event = Value::Union(0, Box::new(record(vec![("l", Value::Array(items))])));
        writer.append_value(record(vec![("v", event)])).unwrap();
        writer.into_inner().unwrap()
    };
    assert_eq!(rows(&arguments(None, None), "v.l", &container(Vec::new())), Ok(Vec::new()));
    let error = rows(&arguments(None, None), "v.l", &container(vec![Value::Int(1)])).unwrap_err();
    assert_eq!(error, several.replace("'l'", "'v.l'"));
}

#[test]
fn what_is_no_list_is_told() {
    let either = of(
        r#"["null","int",{"type":"array","items":"int"},{"type":"record","name":"O","fields":[{"name":"l","type":{"type":"array","items":"int"}}]}]"#,
    );
    let read = |path, payload: &[u8]| rows(&arguments(Some(&either), None), path, payload);
    assert_eq!(read("v", &[4, 2, 14, 0]), Ok(vec!["7".to_owned()]));
    assert_eq!(read("v", &[0]), Ok(Vec::new()));
    assert_eq!(read("v", &[2, 14]), Err("path 'v': expected a list, found 7".to_owned()));
    assert_eq!(read("v", &[6, 2, 14, 0]), Err("path 'v': expected a list, found an object".to_owned()));
    assert_eq!(read("v.l", &[6, 2, 14, 0]), Ok(vec!["7".to_owned()]));
    assert_eq!(read("v.l", &[2, 14]), Err("path 'v': expected a record, found 7".to_owned()));
    // A field that only the schema of this payload lacks has no rows.
    let schema = apache_avro::Schema::parse_str(&of(r#""int""#)).unwrap();
    let mut writer = apache_avro::Writer::new(&schema, Vec::new()).unwrap();
    writer.append_value(record(vec![("v", Value::Int(1))])).unwrap();
    let container = writer.into_inner().unwrap();
    assert_eq!(rows(&arguments(None, None), "w.l", &container), Ok(Vec::new()));
    assert_eq!(rows(&arguments(None, None), "v", &container), Err("path 'v': expected a list, found 1".to_owned()));
}

#[test]
fn paths_are_checked_by_the_schema() {
    let inner = r#"{"type":"record","name":"O","fields":[{"name":"l","type":{"type":"array","items":{"type":"map","values":"int"}}}]}"#;
    let schema = of(&format!(r#"["null",{inner}]"#));
    for (path, error) in [
        ("v", "unnest: 'v' is record 'n.O', and no array and no map"),
        ("$", "unnest: '$' is record 'n.R', and no array and no map"),
        ("w", "unnest: 'w' leads nowhere: record 'n.R' has no field 'w'"),
        ("v.x.y", "unnest: 'v.x.y' leads nowhere: record 'n.O' has no field 'x'"),
        (
            "v.l[0]",
            "unnest: 'v.l[0]' lies in an array or a map; unnest the outer one, and read the inner one as a LIST or a MAP",
        ),
    ] {
        assert_eq!(rows(&arguments(Some(&schema), None), path, &[0]).unwrap_err(), error);
    }
    // By the reader's schema, whatever was written.
    let error = rows(&arguments(Some(&of(r#""int""#)), Some(&schema)), "v.k", &[0]).unwrap_err();
    assert_eq!(error, "unnest: 'v.k' leads nowhere: record 'n.O' has no field 'k'");
}

#[test]
fn elements_become_those_of_the_readers_schema() {
    let list = |item: &str| {
        of(&format!(r#"["null",{{"type":"array","items":{{"type":"record","name":"I","fields":[{item}]}}}}]"#))
    };
    let written = list(r#"{"name":"gone","type":"string"},{"name":"a","type":"int"}"#);
    let read = list(r#"{"name":"b","aliases":["a"],"type":"double"},{"name":"c","type":"string","default":"new"}"#);
    let both = arguments(Some(&written), Some(&read));
    let expected = vec![r#"{"b":7.0,"c":"new"}"#.to_owned()];
    assert_eq!(rows(&both, "v", &[2, 2, 2, b'x', 14, 0]), Ok(expected));
    assert_eq!(rows(&both, "v", &[0]), Ok(Vec::new()));
    // What was not written is the default.
    let defaulted = |ty: &str, default: &str| {
        format!(r#"{{"type":"record","name":"n.R","fields":[{{"name":"w","type":{ty},"default":{default}}}]}}"#)
    };
    let ints = r#"{"type":"array","items":"int"}"#;
    let found = |ty: &str, default: &str, path| {
        rows(&arguments(Some(&of(r#""int""#)), Some(&defaulted(ty, default))), path, &[14])
    };
    assert_eq!(found(ints, "[]", "w"), Ok(Vec::new()));
    assert_eq!(found(&format!(r#"["null",{ints}]"#), "null", "w"), Ok(Vec::new()));
    assert_eq!(
        found(ints, "[1]", "w"),
        Err("path 'w': the default of the reader's schema is not taken apart".to_owned())
    );
    let inner = format!(r#"{{"type":"record","name":"O","fields":[{{"name":"l","type":{ints}}}]}}"#);
    assert_eq!(found(&inner, r#"{"l":[]}"#, "w.l"), Ok(Vec::new()));
    assert!(found(&inner, r#"{"l":[1]}"#, "w.l").is_err());
    // What does not become the reader's is told as where nothing is unnested.
    let error =
        rows(&arguments(Some(&written), Some(&list(r#"{"name":"a","type":"string"}"#))), "v", &[2, 2, 0, 14, 0]);
    assert_eq!(
        error.unwrap_err(),
        "avro_reader_schema: field 'a' of record 'n.I' is int in the writer's schema, which is not read as string"
    );
}
