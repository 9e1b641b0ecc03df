//! Payload bytes become typed columns. Pure: no DuckDB, no NATS, no I/O beyond the schema files a codec is built from.
//!
//! A [`Codec`] is chosen at bind and is immutable; a [`Decoder`] is made from it for each run and owns the scratch
//! space. A new payload format is one file in this folder and one line in the list of formats.

pub mod cbor;
mod document;
pub mod inflate;
pub mod json;
pub mod key;
pub mod msgpack;
pub mod path;
pub mod rows;
pub mod scalar;
#[cfg(test)]
mod testing;

use std::fmt;

use crate::column::{Buffer, Column};

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
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError>;
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
