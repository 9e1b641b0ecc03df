//! JSON (RFC 8259): `columns` and `json_extract`.
//!
//! A payload is checked to be UTF-8 and one document with nothing behind it. A number is read by its text. Values that
//! no column asks for are skipped; there, an escape such as `\ud800` is not looked into. A lone surrogate in a value
//! that is asked for is an error. NaN, Infinity, comments and commas behind the last element are errors.
//!
//! Depth: a value that is skipped, or goes to VARCHAR or JSON as a whole, may nest without limit. A path or a nested
//! type leads at most 127 levels down; a document that is deeper along it is an error.
//!
//! The parser is `serde_json`, chosen by measurement: `docs/design/json-parser.md`.

mod compact;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer};
use serde_json::value::RawValue;

use super::document::{self, DocumentCodec, Format, Slot, Strictness, Values};
use super::path::{Path, Wanted};
use super::scalar::Scalar;
use super::{Codec, quote};
use crate::column::Type;
use crate::error::Result;

/// A codec that reads typed columns by path.
///
/// # Errors
/// Two paths that give the same column name.
pub fn columns(wanted: Wanted) -> Result<Box<dyn Codec>> {
    Ok(Box::new(DocumentCodec::new(Json, Strictness::Strict, wanted)?))
}

/// A codec that reads VARCHAR columns by path, as `json_extract` does: a number keeps its text, an object or list is
/// compact JSON, a missing value or null is NULL, and so is a value that a path cannot step into.
///
/// # Errors
/// Two paths that give the same column name.
pub fn extract(paths: Vec<Path>, texts: Vec<Path>) -> Result<Box<dyn Codec>> {
    let columns = paths.into_iter().map(|path| (path, Type::Varchar)).collect();
    Ok(Box::new(DocumentCodec::new(Json, Strictness::Lenient, Wanted { columns, texts })?))
}

/// The columns of a sample of payloads, one for each member of their objects.
///
/// # Errors
/// No payload is an object.
pub fn infer(payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    document::infer(&Json, payloads)
}

struct Json;

impl Format for Json {
    type Values = JsonValues;

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let malformed = |why: String| format!("malformed JSON: {why}: {}", quote(&String::from_utf8_lossy(payload)));
        if payload.is_empty() {
            return Err("malformed JSON: the payload is empty".to_owned());
        }
        let text = std::str::from_utf8(payload)
            .map_err(|error| malformed(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
        let mut document = serde_json::Deserializer::from_str(text);
        seed.deserialize(&mut document).and_then(|()| document.end()).map_err(|error| malformed(error.to_string()))
    }
}

/// A value is read by its text, which keeps numbers exact and objects as they were written.
struct JsonValues;

impl Values for JsonValues {
    type Copy<'de> = &'de RawValue;

    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> std::result::Result<(), D::Error> {
        let raw = <&RawValue>::deserialize(value)?.get();
        match raw.as_bytes() {
            b"null" => slot.push(Scalar::Null),
            _ if *slot.ty == Type::Json => compact(raw, slot),
            [b'{' | b'[', ..] if slot.takes_json() => compact(raw, slot),
            [b'{' | b'[', ..] => slot.push(Scalar::Json(raw)),
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                slot.push(Scalar::Text(raw.get(1..raw.len() - 1).unwrap_or_default()))
            }
            [b'"', ..] => match serde_json::from_str::<String>(raw) {
                Ok(text) => slot.push(Scalar::Text(&text)),
                Err(error) => Err(slot.fail(format!("malformed JSON: {error}: {}", quote(raw)))),
            },
            b"true" => slot.push(Scalar::Bool(true)),
            b"false" => slot.push(Scalar::Bool(false)),
            _ => slot.push(Scalar::Number(raw)),
        }
    }

    fn copy<'de, D: Deserializer<'de>>(value: D) -> std::result::Result<&'de RawValue, D::Error> {
        <&RawValue>::deserialize(value)
    }

    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(
        copy: &'c &'_ RawValue,
        seed: S,
    ) -> std::result::Result<(), String> {
        seed.deserialize(*copy).map_err(|error| format!("malformed JSON: {error}"))
    }
}

fn compact<E: serde::de::Error>(raw: &str, slot: Slot<'_>) -> std::result::Result<(), E> {
    match slot.buffer.push_bytes_with(|out| compact::write(raw, out)) {
        Ok(()) => Ok(()),
        Err(cause) => Err(slot.fail(format!("malformed JSON: {cause}: {}", quote(raw)))),
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod infer_tests;
