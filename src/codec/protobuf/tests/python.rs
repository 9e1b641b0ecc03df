//! Agreement with Google's Python protobuf on random messages; see `test/protobuf/vectors.py`.

use super::*;
use crate::codec::protobuf::{Protobuf, Value, json};
use crate::column::Buffer;

const TYPES: [&str; 2] = ["fleet.v1.Everything", "legacy.Reading"];

/// Type, payload, and the JSON of each vector.
fn vectors() -> Vec<(&'static str, Vec<u8>, serde_json::Value)> {
    let text = include_str!("../../../../test/protobuf/vectors.txt");
    let lines = text.lines().map(|line| {
        let mut parts = line.split('\t');
        let name = parts.next().unwrap();
        let hex = parts.next().unwrap().as_bytes();
        let digit = |b: u8| char::from(b).to_digit(16).unwrap() as u8;
        let payload = hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
        (name, payload, serde_json::from_str(parts.next().unwrap()).unwrap())
    });
    lines.collect()
}

fn source(name: &str) -> SchemaSource {
    let proto = if name.starts_with("legacy") { "legacy.proto" } else { "everything.proto" };
    message(proto, name)
}

#[test]
fn whole_messages_hold_what_python_reads() {
    for of in TYPES {
        let protobuf = Protobuf::load(&source(of)).unwrap();
        for (_, payload, expected) in vectors().into_iter().filter(|(name, ..)| *name == of) {
            let mut json = Vec::new();
            json::write(Value::root(&protobuf.schema, protobuf.message, &payload), &mut json).unwrap();
            let got: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(got, expected, "{}", String::from_utf8_lossy(&json));
        }
    }
}

#[test]
fn every_field_alone_holds_what_python_reads() {
    for of in TYPES {
        let names: Vec<String> = all(&source(of), vec![]).unwrap().columns().iter().map(|c| c.name.clone()).collect();
        let typed: Vec<_> = names.iter().map(|name| (Path::member(name.as_str()), Type::Json)).collect();
        let codec = columns(&source(of), typed.into()).unwrap();
        for (_, payload, expected) in vectors().into_iter().filter(|(name, ..)| *name == of) {
            for (name, got) in names.iter().zip(decode_one(&*codec, &payload).unwrap()) {
                match expected.get(name) {
                    None => assert_eq!(got, "NULL", "{name}"),
                    // The null of a Value is NULL; NaN and the infinities are JSON's null.
                    Some(serde_json::Value::Null) => assert!(got.eq_ignore_ascii_case("null"), "{name}: {got}"),
                    Some(expected) => {
                        let got: serde_json::Value = serde_json::from_str(&got).unwrap();
                        assert_eq!(got, *expected, "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_message_decodes_into_its_own_types() {
    let codecs = TYPES.map(|name| all(&source(name), vec![]).unwrap());
    for (name, payload, _) in vectors() {
        let codec = &codecs[usize::from(name.starts_with("legacy"))];
        decode_one(&**codec, &payload).unwrap();
    }
}

#[test]
fn a_cut_message_never_panics_and_leaves_the_buffers_whole() {
    let codecs = TYPES.map(|name| all(&source(name), vec![]).unwrap());
    for (name, mut payload, _) in vectors().into_iter().step_by(10) {
        let codec = &codecs[usize::from(name.starts_with("legacy"))];
        for at in 0..payload.len() {
            drop(decode_one(&**codec, &payload[..at]));
            payload[at] ^= 0x55;
            drop(decode_one(&**codec, &payload));
            payload[at] ^= 0x55;
        }
    }
}

#[test]
fn a_projection_gives_what_all_columns_give() {
    let codec = all(&source("fleet.v1.Everything"), vec![]).unwrap();
    let columns = codec.columns();
    for (name, payload, _) in vectors().into_iter().step_by(7).filter(|(name, ..)| name.starts_with("fleet")) {
        let mut whole: Vec<Buffer> = columns.iter().map(|column| Buffer::new(&column.ty)).collect();
        let every: Vec<usize> = (0..columns.len()).collect();
        codec.decoder(&every).decode(&payload, &mut whole).unwrap();
        for projection in [vec![], vec![0], vec![40, 3], every.iter().rev().copied().collect()] {
            let mut out: Vec<Buffer> = projection.iter().map(|i| Buffer::new(&columns[*i].ty)).collect();
            codec.decoder(&projection).decode(&payload, &mut out).unwrap();
            for (buffer, column) in out.iter().zip(&projection) {
                // NaN is not itself: compared by its text.
                assert_eq!(format!("{buffer:?}"), format!("{:?}", whole[*column]), "{name} {column}");
            }
        }
    }
}
