//! Payload bytes become typed columns. Pure: no DuckDB, no NATS, no I/O beyond the schema files a codec is built from.
//!
//! A [`Codec`] is chosen at bind and is immutable; a [`Decoder`] is made from it for each run and owns the scratch
//! space. A new payload format is one file in this folder and one line in the list of formats.

pub mod avro;
pub mod cbor;
mod document;
pub mod encode;
pub mod inflate;
pub mod json;
pub mod key;
pub mod msgpack;
pub mod path;
pub mod protobuf;
pub mod rows;
pub mod scalar;
#[cfg(test)]
mod testing;

use std::fmt;

use crate::column::{Buffer, Column, Type};
use crate::error::Result;
use path::{Path, Wanted};

/// A format whose payloads say by themselves what they hold: a choice of `format :=`.
pub struct DocumentFormat {
    /// The word that SQL has for it.
    pub name: &'static str,
    /// The codec of typed columns by path; two paths that give the same column name are an error.
    pub columns: Columns,
    /// The columns of a sample of payloads, for `columns := 'auto'`; an error when none of them is an object.
    pub infer: Infer,
}

/// A codec for typed columns by path.
pub type Columns = fn(Wanted) -> Result<Box<dyn Codec>>;

/// Columns by path, inferred from a sample of payloads.
pub type Infer = fn(&mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>>;

/// Every format of documents; Avro's containers among them. Avro by a schema that is given has a constructor of its own,
/// [`avro::columns`], and so has protobuf.
pub const DOCUMENT_FORMATS: &[DocumentFormat] = &[
    DocumentFormat { name: "json", columns: json::columns, infer: json::infer },
    DocumentFormat { name: "msgpack", columns: msgpack::columns, infer: msgpack::infer },
    DocumentFormat { name: "cbor", columns: cbor::columns, infer: cbor::infer },
    DocumentFormat { name: "avro", columns: avro::container_columns, infer: avro::infer },
];

/// How the payloads of one statement become columns: fixed at bind, shared by threads.
pub trait Codec: Send + Sync {
    /// The columns that the codec yields, in order.
    fn columns(&self) -> &[Column];

    /// A decoder for the columns named by their positions in [`Codec::columns`]; only those are materialised.
    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_>;
}

/// One running decoder.
pub trait Decoder: Send {
    /// Decodes one payload: appends one value to each buffer, in the order of the projection.
    ///
    /// After an error the buffers may hold a half-written row; the caller truncates them.
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> std::result::Result<(), DecodeError>;
}

/// Why a payload does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The path of the value at fault, as the user wrote it; None when the document itself is at fault.
    pub path: Option<String>,
    /// What is wrong; quotes at most 80 characters of the payload.
    pub cause: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "path '{path}': {}", self.cause),
            None => f.write_str(&self.cause),
        }
    }
}

/// What is wrong with a payload that ends before its document does: the document was whole up to there.
fn cut_off(payload: &[u8]) -> String {
    format!("the payload ends too early, at byte {}", payload.len())
}

/// At most 80 characters of a payload, as error texts quote it; control characters are escaped.
fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(80).flat_map(escape_control).collect();
    if text.chars().nth(80).is_some() {
        quoted.push('…');
    }
    quoted
}

fn escape_control(c: char) -> impl Iterator<Item = char> {
    let (escaped, plain) = if c.is_control() { (Some(c.escape_default()), None) } else { (None, Some(c)) };
    escaped.into_iter().flatten().chain(plain)
}
