//! Tests of the codec as a whole: schemas from `test/protobuf`, payloads by hand or from Google's Python protobuf.

mod absent;
mod python;
mod round_trip;
mod schemas;
mod typed;
mod wire;

use super::{SchemaSource, all, columns, extract};
use crate::codec::path::Path;
use crate::codec::testing::decode_one;
use crate::codec::{Codec, DecodeError};
use crate::column::Type;

/// A file of `test/protobuf`.
fn file(name: &str) -> String {
    format!("{}/test/protobuf/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A message of a `.proto` file of `test/protobuf`.
fn message(proto: &str, message: &str) -> SchemaSource {
    SchemaSource { proto_file: Some(file(proto)), proto_message: Some(message.to_owned()), ..SchemaSource::default() }
}

fn everything() -> SchemaSource {
    message("everything.proto", "Everything")
}

fn legacy() -> SchemaSource {
    message("legacy.proto", "Reading")
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

/// One column by path and type.
fn column(source: &SchemaSource, at: &str, ty: Type) -> Box<dyn Codec> {
    columns(source, vec![(path(at), ty)].into()).unwrap()
}

/// One column by path, of its own type.
fn own(source: &SchemaSource, at: &str) -> Box<dyn Codec> {
    extract(source, vec![path(at)], vec![]).unwrap()
}

/// The value of the only column.
fn value(codec: &dyn Codec, payload: &[u8]) -> Result<String, DecodeError> {
    Ok(decode_one(codec, payload)?.remove(0))
}

/// The error's text.
fn failure<T>(result: crate::error::Result<T>) -> String {
    result.map(drop).unwrap_err().to_string()
}

/// A field of length-delimited bytes, with a one-byte tag and length.
fn delimited(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A number as a varint.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
