//! The payload as a whole, as a column before those of a codec: `payload_type`.

use bytes::Bytes;

use super::decode::{Codec, DecodeError, Decoder};
use super::json;
use crate::column::{Buffer, Column, Type};

/// The form of the column of a whole payload, inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Its bytes: BLOB.
    Bytes,
    /// Text, which must be UTF-8: VARCHAR.
    Text,
    /// One JSON document, kept as it is written: JSON.
    Json,
}

impl Whole {
    /// The type of the column.
    #[must_use]
    pub fn ty(self) -> Type {
        match self {
            Whole::Bytes => Type::Blob,
            Whole::Text => Type::Varchar,
            Whole::Json => Type::Json,
        }
    }

    /// The value of the column for a payload, which is inflated.
    ///
    /// # Errors
    /// The payload is not UTF-8, or no JSON document.
    pub fn of(self, payload: &[u8]) -> Result<&[u8], String> {
        match self {
            Whole::Bytes => Ok(payload),
            Whole::Text => std::str::from_utf8(payload)
                .map(str::as_bytes)
                .map_err(|error| format!("the payload is not UTF-8 at byte {}; a BLOB takes it", error.valid_up_to())),
            Whole::Json => json::check(payload).map(|()| json::without_mark(payload)),
        }
    }
}

/// The column `payload`, then the columns of another codec, if there is one.
pub struct WithPayload {
    whole: Whole,
    columns: Vec<Column>,
    inner: Option<Box<dyn Codec>>,
}

impl WithPayload {
    /// Puts the column `payload` before those of a codec.
    #[must_use]
    pub fn new(whole: Whole, inner: Option<Box<dyn Codec>>) -> Self {
        let mut columns = vec![Column::new("payload", whole.ty())];
        columns.extend(inner.iter().flat_map(|inner| inner.columns()).cloned());
        Self { whole, columns, inner }
    }
}

impl Codec for WithPayload {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        // Positions ascend, so the payload is the first column that is read, or none.
        let whole = (projection.first() == Some(&0)).then_some(self.whole);
        let below: Vec<usize> = projection.iter().filter_map(|column| column.checked_sub(1)).collect();
        let inner = self.inner.as_ref().filter(|_| !below.is_empty()).map(|inner| inner.decoder(&below));
        Box::new(WithPayloadDecoder { whole, inner })
    }
}

struct WithPayloadDecoder<'c> {
    whole: Option<Whole>,
    inner: Option<Box<dyn Decoder + 'c>>,
}

impl Decoder for WithPayloadDecoder<'_> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError> {
        let rest = self.put_whole(payload, out)?;
        self.inner.as_mut().map_or(Ok(()), |inner| inner.decode(payload, rest))
    }

    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> Result<(), DecodeError> {
        let rest = self.put_whole(part, out)?;
        self.inner.as_mut().map_or(Ok(()), |inner| inner.decode_part(part, whole, rest))
    }
}

impl WithPayloadDecoder<'_> {
    /// Writes the column of the payload, if it is read, and gives the others.
    fn put_whole<'o>(&self, payload: &[u8], out: &'o mut [Buffer]) -> Result<&'o mut [Buffer], DecodeError> {
        let (first, rest) = out.split_at_mut(usize::from(self.whole.is_some()));
        if let (Some(whole), [column]) = (self.whole, first) {
            let held = whole.of(payload).map_err(|cause| DecodeError { path: None, cause })?;
            column.push_bytes(held);
        }
        Ok(rest)
    }
}
