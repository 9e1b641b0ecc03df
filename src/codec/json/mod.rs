//! JSON (RFC 8259): `columns` and `json_extract`.
//!
//! A payload is checked to be UTF-8 and one document with nothing behind it; a byte order mark in front is passed over. A number is read by its text.
//! Values that no column wants are skipped; there, an escape such as `\ud800` is not looked into. A lone surrogate in a wanted value is an error.
//! NaN, Infinity, comments and commas behind the last element are errors.
//!
//! Depth: a value that is skipped, or goes to VARCHAR or JSON as a whole, may nest without limit. A path or a nested
//! type leads at most 127 levels down; a document that is deeper along it is an error.
//!
//! The text is walked by a cursor of its own, chosen by measurement: `docs/design/json-parser.md`.

mod compact;
mod cursor;
mod error;
mod parts;
mod read;
mod strings;
mod values;
mod walk;

use serde::de::DeserializeSeed;

pub use self::parts::{elements, lines};

use self::cursor::Cursor;
use self::error::JsonError;
use self::walk::Walk;
use super::document::{self, Context, DocumentCodec, Format, Node, Strictness};
use super::path::{Path, Wanted};
use super::{Codec, quote};
use crate::column::{Buffer, Type};
use crate::error::Result;

/// A codec that reads typed columns by path.
///
/// # Errors
/// None; formats with a schema have some.
pub fn columns(wanted: Wanted) -> Result<Box<dyn Codec>> {
    Ok(Box::new(DocumentCodec::new(Json, Strictness::Strict, wanted)))
}

/// A codec that reads VARCHAR columns by path, as `json_extract` does: a number keeps its text, an object or list is
/// compact JSON, a missing value or null is NULL, and so is a value that a path cannot step into.
///
/// # Errors
/// None; formats with a schema have some.
pub fn extract(wanted: Wanted) -> Result<Box<dyn Codec>> {
    let columns = wanted.columns.into_iter().map(|(path, _)| (path, Type::Varchar)).collect();
    Ok(Box::new(DocumentCodec::new(Json, Strictness::Lenient, Wanted { columns, ..wanted })))
}

/// The columns of a sample of payloads, one for each member of their objects.
///
/// # Errors
/// No payload is an object.
pub fn infer(payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    document::infer(&Json, payloads)
}

/// A payload without the byte order mark that some senders put in front (RFC 8259, section 8.1).
pub(super) fn without_mark(payload: &[u8]) -> &[u8] {
    payload.strip_prefix("\u{feff}".as_bytes()).unwrap_or(payload)
}

/// Checks that a payload is one JSON document.
///
/// # Errors
/// It is not; the error names the fault.
pub(super) fn check(payload: &[u8]) -> std::result::Result<(), String> {
    read(payload, |text| {
        let mut cursor = Cursor::new(text);
        cursor.skip().and_then(|()| cursor.end())
    })
}

struct Json;

impl Format for Json {
    type Plan = Node;

    fn plan(&self, trie: Node) -> Node {
        trie
    }

    fn walk(
        &self,
        payload: &[u8],
        node: &Node,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        read(payload, |text| {
            let mut walk = Walk { cursor: Cursor::new(text), out, context };
            walk.value(node).and_then(|()| walk.cursor.end())
        })
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        read(payload, |text| {
            let mut cursor = Cursor::new(text);
            seed.deserialize(&mut cursor).and_then(|()| cursor.end())
        })
    }
}

/// Reads a payload, which must be UTF-8, perhaps behind a byte order mark.
fn read(
    payload: &[u8],
    document: impl FnOnce(&str) -> std::result::Result<(), JsonError>,
) -> std::result::Result<(), String> {
    let malformed = |why: String| format!("malformed JSON: {why}: {}", quote(&String::from_utf8_lossy(payload)));
    let payload = without_mark(payload);
    if payload.is_empty() {
        return Err("malformed JSON: the payload is empty".to_owned());
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| malformed(format!("invalid UTF-8 at byte {}", error.valid_up_to())))?;
    document(text).map_err(|fault| malformed(fault.explain(text)))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod elements_tests;

#[cfg(test)]
mod infer_tests;

#[cfg(test)]
mod random_tests;
