//! Data of one schema, read as another one.

use super::{READER_SCHEMA, given};
use crate::codec::arguments::FormatArguments;
use crate::codec::inflate::Inflate;
use crate::codec::path::{Path, Wanted};
use crate::codec::testing::decode_one;
use crate::column::Type;

fn read_datum(schema: &super::Schema, datum: &[u8]) -> Result<crate::codec::document::Tree, super::Fault> {
    super::datum::read(schema, &mut super::datum::Bytes { rest: datum })
}

/// The value `v` of a record that was written with one type, read with another, as JSON.
fn read(writer: &str, reader: &str, payload: &[u8]) -> Result<String, String> {
    let record = |field: &str| {
        let fields = if field.is_empty() { String::new() } else { format!(r#"{{"name":"v",{field}}}"#) };
        format!(r#"{{"type":"record","name":"n.R","fields":[{fields}]}}"#)
    };
    let texts = vec![("avro_schema", vec![record(writer)]), (READER_SCHEMA, vec![record(reader)])];
    let arguments = FormatArguments { texts, registry: None, element_of: None, max_inflated: Inflate::DEFAULT_LIMIT };
    let wanted = Wanted::from(vec![(Path::member("v"), Type::Json)]);
    let codec = given(&arguments, wanted).map_err(|error| error.to_string())?;
    decode_one(&*codec, payload).map(|row| row.concat()).map_err(|error| error.to_string())
}

#[test]
fn numbers_and_texts_are_promoted() {
    let double = 2.5_f64.to_le_bytes();
    let float = 0.1_f32.to_le_bytes();
    for (writer, reader, payload, expected) in [
        (r#""int""#, r#""long""#, &[0x53][..], "-42"),
        (r#""int""#, r#""float""#, &[0x53], "-42.0"),
        (r#""int""#, r#""double""#, &[0x53], "-42.0"),
        (r#""long""#, r#""float""#, &[0x53], "-42.0"),
        (
            r#""long""#,
            r#""double""#,
            &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "9.223372036854776e18",
        ),
        (r#""float""#, r#""double""#, &float, "0.1"),
        (r#""double""#, r#""double""#, &double, "2.5"),
        (r#""bytes""#, r#""string""#, &[4, b'h', b'i'], r#""hi""#),
        (r#""string""#, r#""bytes""#, &[4, b'h', b'i'], r#""aGk=""#),
        (r#"["null","int"]"#, r#""long""#, &[2, 14], "7"),
        (r#""int""#, r#"["null","string","double","long"]"#, &[14], "7.0"),
        (r#""int""#, r#"["null","double","int"]"#, &[14], "7"),
        (r#"["null","int","string"]"#, r#"["string","null","long"]"#, &[4, 2, b'z'], r#""z""#),
        (r#"{"type":"array","items":"int"}"#, r#"{"type":"array","items":"double"}"#, &[4, 2, 4, 0], "[1.0,2.0]"),
        (
            r#"{"type":"map","values":"int"}"#,
            r#"{"type":"map","values":["null","long"]}"#,
            &[2, 2, b'k', 14, 0],
            r#"{"k":7}"#,
        ),
    ] {
        let [writer, reader] = [writer, reader].map(|ty| format!(r#""type":{ty}"#));
        assert_eq!(read(&writer, &reader, payload).as_deref(), Ok(expected), "{writer} {reader}");
        // A payload that is cut off is an error all the same.
        let error = read(&writer, &reader, &payload[..payload.len() - 1]).unwrap_err();
        assert!(error.contains("ends too early"), "{writer} {reader}: {error}");
    }
}

#[test]
fn what_has_no_resolution_is_an_error_of_the_payloads_that_reach_it() {
    for (writer, reader, payload, expected) in [
        (
            r#""long""#,
            r#""int""#,
            &[14][..],
            "field 'v' of record 'n.R' is long in the writer's schema, which is not read as int",
        ),
        (r#""double""#, r#""float""#, &[0; 8], "double in the writer's schema, which is not read as float"),
        (
            r#""string""#,
            r#"["null","int"]"#,
            &[0],
            "is string in the writer's schema, which is not read as a union of null, int",
        ),
        (r#"["int","string"]"#, r#""long""#, &[2, 0], "is string in the writer's schema, which is not read as long"),
        (
            r#"{"type":"int","logicalType":"date"}"#,
            r#"{"type":"int","logicalType":"time-millis"}"#,
            &[0],
            "is date in the writer's schema, which is not read as time",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}"#,
            &[2, 1],
            "is decimal(9,2) in the writer's schema, which is not read as decimal(9,3)",
        ),
        (
            r#"{"type":"fixed","name":"F","size":2}"#,
            r#"{"type":"fixed","name":"G","size":2}"#,
            &[1, 2],
            "is fixed(2) 'n.F' in the writer's schema, which is not read as fixed(2) 'n.G'",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B"]}"#,
            r#"{"type":"enum","name":"E","symbols":["A"]}"#,
            &[2],
            "enum 'n.E' has no symbol 'B', and no default",
        ),
        (
            r#"{"type":"record","name":"S","fields":[]}"#,
            r#"{"type":"record","name":"T","fields":[]}"#,
            &[],
            "is record 'n.S' in the writer's schema, which is not read as record 'n.T'",
        ),
    ] {
        let [writer, reader] = [writer, reader].map(|ty| format!(r#""type":{ty}"#));
        let error = read(&writer, &reader, payload).unwrap_err();
        assert!(error.starts_with("avro_reader_schema: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    // The branch that is taken has a resolution, and an empty list needs none.
    assert_eq!(read(r#""type":["int","string"]"#, r#""type":"long""#, &[0, 14]).as_deref(), Ok("7"));
    let list = |items: &str| format!(r#""type":{{"type":"array","items":"{items}"}}"#);
    assert_eq!(read(&list("string"), &list("int"), &[0]).as_deref(), Ok("[]"));
    let symbols = |list: &str| format!(r#""type":{{"type":"enum","name":"E","symbols":{list}}}"#);
    assert_eq!(read(&symbols(r#"["A","B"]"#), &symbols(r#"["B"]"#), &[2]).as_deref(), Ok(r#""B""#));
    let none = read("", r#""type":"int""#, &[]).unwrap_err();
    assert_eq!(
        none,
        "avro_reader_schema: field 'v' of record 'n.R' has no default, and the writer's schema has no such field"
    );
}

#[test]
fn a_field_that_was_not_written_is_the_readers_default() {
    for (ty, default, expected) in [
        (r#""int""#, "7", "7"),
        (r#""double""#, "7", "7.0"),
        (r#""string""#, r#""a""#, r#""a""#),
        (r#""bytes""#, r#""\u0000é""#, r#""AOk=""#),
        (r#"["null","int"]"#, "null", "NULL"),
        (r#"["int","null"]"#, "7", "7"),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, r#""B""#, r#""B""#),
        (r#"{"type":"array","items":"long"}"#, "[1,2]", "[1,2]"),
        (r#"{"type":"map","values":"long"}"#, r#"{"k":1}"#, r#"{"k":1}"#),
        (r#"{"type":"int","logicalType":"date"}"#, "1", r#""1970-01-02""#),
        (r#"{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}"#, r#""\u0001\u0000""#, r#""2.56""#),
        (
            r#"{"type":"record","name":"I","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":"x"}]}"#,
            r#"{"a":1}"#,
            r#"{"a":1,"b":"x"}"#,
        ),
    ] {
        let reader = format!(r#""type":{ty},"default":{default}"#);
        assert_eq!(read("", &reader, &[]).as_deref(), Ok(expected), "{ty}");
    }
}

/// Whole records, as JSON.
fn documents(writer: &str, reader: &str, payload: &[u8]) -> Result<String, String> {
    let texts = vec![("avro_schema", vec![writer.to_owned()]), (READER_SCHEMA, vec![reader.to_owned()])];
    let arguments = FormatArguments { texts, registry: None, element_of: None, max_inflated: Inflate::DEFAULT_LIMIT };
    let codec = given(&arguments, Wanted::from(vec![(Path::root(), Type::Json)])).unwrap();
    decode_one(&*codec, payload).map(|row| row.concat()).map_err(|error| error.to_string())
}

#[test]
fn fields_are_found_by_name_and_alias_and_the_others_are_passed_over() {
    let writer = r#"{"type":"record","name":"old.R","fields":[
        {"name":"x","type":{"type":"array","items":{"type":"record","name":"P","fields":[{"name":"p","type":["null","P"]}]}}},
        {"name":"a","type":"int"},{"name":"b","type":"string"},{"name":"c","type":"int"}]}"#;
    let reader = r#"{"type":"record","name":"new.S","aliases":["old.R"],"fields":[
        {"name":"c","type":"long"},{"name":"text","aliases":["z","b"],"type":"string"},
        {"name":"d","aliases":["c"],"type":"int","default":9},{"name":"number","aliases":["a"],"type":"double"}]}"#;
    let payload = [2, 2, 0, 0, 14, 2, b'q', 16];
    let expected = r#"{"c":8,"text":"q","d":9,"number":7.0}"#;
    assert_eq!(documents(writer, reader, &payload).as_deref(), Ok(expected));
    let other = reader.replace("old.R", "old.Q");
    let error = documents(writer, &other, &payload).unwrap_err();
    assert!(
        error.contains("the value is record 'old.R' in the writer's schema, which is not read as record 'new.S'"),
        "{error}"
    );
}

#[test]
fn records_that_contain_themselves_are_resolved() {
    let writer =
        r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#;
    let reader = r#"{"type":"record","name":"L","fields":[
        {"name":"next","type":["null","L"],"default":null},{"name":"v","type":"double"},{"name":"w","type":"string","default":"-"}]}"#;
    let expected = r#"{"next":{"next":null,"v":2.0,"w":"-"},"v":1.0,"w":"-"}"#;
    assert_eq!(documents(writer, reader, &[2, 2, 4, 0]).as_deref(), Ok(expected));
    // A default that contains itself without end is none.
    let endless = reader.replace(r#"["null","L"],"default":null"#, r#""L","default":{}"#);
    let writer = r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"}]}"#;
    if let Ok(schema) = super::Schema::parse(&endless) {
        let resolved = super::resolve::resolve(&super::Schema::parse(writer).unwrap(), &schema);
        assert!(read_datum(&resolved, &[2]).unwrap_err().told(&[]).contains("the default of field 'next'"));
    }
}

#[test]
fn a_chain_of_records_upto_any_depth_ends() {
    let chain = |length: usize| {
        let link = |at: usize| {
            let next = (at + 1) % length;
            format!(r#"{{"type":"record","name":"n{at}.R","fields":[{{"name":"v","type":["null","n{next}.R"]}}]}}"#)
        };
        // Each record is defined where the one before refers to it; the last refers to the first.
        let mut text = link(length - 1);
        for at in (0..length - 1).rev() {
            text = link(at).replace(&format!(r#""n{}.R"]"#, at + 1), &format!("{text}]"));
        }
        text
    };
    let (writer, reader) = (super::Schema::parse(&chain(20)).unwrap(), super::Schema::parse(&chain(19)).unwrap());
    let resolved = super::resolve::resolve(&writer, &reader);
    assert!(read_datum(&resolved, &[2, 2, 0]).is_ok());
    let fault = read_datum(&resolved, &[[2].repeat(190), vec![0]].concat()).unwrap_err();
    assert!(fault.told(&[]).contains("too deeply"), "{fault:?}");
}
