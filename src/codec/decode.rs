//! The traits of a codec, which is chosen at bind, and of its running decoders.

use std::fmt;

use bytes::Bytes;

use crate::column::{Buffer, Column};

/// How the payloads of one statement become columns: fixed at bind, shared by threads.
pub trait Codec: Send + Sync {
    /// The columns that the codec yields, in order.
    fn columns(&self) -> &[Column];

    /// A decoder for the columns named by their positions in [`Codec::columns`], which ascend; only those are materialised.
    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_>;
}

/// One running decoder.
pub trait Decoder: Send {
    /// Decodes one payload: appends one value to each buffer, in the order of the projection.
    ///
    /// After an error the buffers may hold a half-written row; the caller truncates them.
    ///
    /// # Errors
    /// The payload is malformed, or a value does not fit its column.
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> std::result::Result<(), DecodeError>;

    /// Decodes a part of a payload, `whole`, as [`Decoder::decode`] does a payload. Only a codec that is made for parts looks
    /// at the whole.
    ///
    /// # Errors
    /// Those of [`Decoder::decode`].
    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> std::result::Result<(), DecodeError> {
        let _ = whole;
        self.decode(part, out)
    }
}

/// The reason why a payload does not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The path of the value at fault, as the user wrote it; None when the document itself is at fault.
    pub path: Option<String>,
    /// The fault; quotes at most 80 characters of the payload.
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
