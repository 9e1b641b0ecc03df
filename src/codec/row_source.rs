//! The bytes that a row is decoded from: a payload, or a part of one.

use std::borrow::Cow;

use bytes::Bytes;

use super::decode::{DecodeError, Decoder};
use super::inflate::Inflate;
use crate::column::Buffer;
use crate::record::Record;

/// The bytes that a row is decoded from.
#[derive(Clone, Copy)]
pub(super) enum RowSource<'a> {
    /// A payload, inflated.
    Whole(&'a [u8]),
    /// A part of a payload, and that payload.
    Part(&'a [u8], &'a Bytes),
}

impl RowSource<'_> {
    /// Decodes the row, and appends one value to each buffer.
    pub fn decode(self, decoder: &mut dyn Decoder, out: &mut [Buffer]) -> Result<(), DecodeError> {
        match self {
            RowSource::Whole(payload) => decoder.decode(payload, out),
            RowSource::Part(part, whole) => decoder.decode_part(part, whole, out),
        }
    }
}

/// Calls `read` with the bytes from which the row of a record is decoded.
///
/// # Errors
/// The payload does not inflate, the message could not be divided into rows, or `read` fails.
pub(super) fn read<T>(
    record: &Record,
    inflate: Inflate,
    read: impl FnOnce(RowSource<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match &record.part {
        None => {
            let payload: Cow<'_, [u8]> = inflate.payload(record).map_err(|cause| DecodeError { path: None, cause })?;
            read(RowSource::Whole(&payload))
        }
        Some(part) => match &part.fault {
            Some((path, cause)) => Err(DecodeError { path: path.clone(), cause: cause.clone() }),
            None => read(RowSource::Part(&record.payload, &part.whole)),
        },
    }
}
