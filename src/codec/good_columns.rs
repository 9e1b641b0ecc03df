//! Reads a payload with some bad values. These are NULL, and each other column has the value that it has when it is read alone, so that it does not
//! depend on the columns that are read with it.

use std::ops::Range;

use super::decode::{Codec, DecodeError, Decoder};
use super::row_source::RowSource;
use crate::column::Buffer;

/// Finds the bad values of payloads that have any: columns are read in halves, and the halves of a half that does not decode.
pub(super) struct GoodColumns<'c> {
    codec: &'c dyn Codec,
    projection: &'c [usize],
    whole: Part<'c>,
}

/// Some of the columns that are read, and the parts of these.
struct Part<'c> {
    columns: Range<usize>,
    decoder: Option<Box<dyn Decoder + 'c>>,
    halves: Vec<Part<'c>>,
}

impl<'c> GoodColumns<'c> {
    /// For the columns of a projection.
    pub fn new(codec: &'c dyn Codec, projection: &'c [usize]) -> Self {
        Self { codec, projection, whole: Part::new(0..projection.len()) }
    }

    /// Reads a payload that does not decode as a whole, for this cause, and appends one value to each buffer. `report` is called with the reason of
    /// each value that is NULL.
    pub fn decode(
        &mut self,
        payload: RowSource<'_>,
        cause: DecodeError,
        out: &mut [Buffer],
        report: &mut dyn FnMut(DecodeError),
    ) {
        let Self { codec, projection, whole } = self;
        whole.split(*codec, projection, payload, cause, out, report);
    }
}

impl<'c> Part<'c> {
    fn new(columns: Range<usize>) -> Self {
        Self { columns, decoder: None, halves: Vec::new() }
    }

    fn decode(
        &mut self,
        codec: &'c dyn Codec,
        projection: &'c [usize],
        payload: RowSource<'_>,
        out: &mut [Buffer],
        report: &mut dyn FnMut(DecodeError),
    ) {
        let columns = projection.get(self.columns.clone()).unwrap_or_default();
        let decoder = self.decoder.get_or_insert_with(|| codec.decoder(columns));
        let rows = out.first().map_or(0, Buffer::len);
        if let Err(cause) = payload.decode(&mut **decoder, out) {
            out.iter_mut().for_each(|buffer| buffer.truncate(rows));
            self.split(codec, projection, payload, cause, out, report);
        }
    }

    /// Reads the halves of columns that do not decode together.
    fn split(
        &mut self,
        codec: &'c dyn Codec,
        projection: &'c [usize],
        payload: RowSource<'_>,
        cause: DecodeError,
        out: &mut [Buffer],
        report: &mut dyn FnMut(DecodeError),
    ) {
        let Range { start, end } = self.columns;
        if end - start <= 1 {
            out.iter_mut().for_each(Buffer::push_null);
            report(cause);
            return;
        }
        let middle = start + (end - start) / 2;
        if self.halves.is_empty() {
            self.halves.extend([Part::new(start..middle), Part::new(middle..end)]);
        }
        let (left, right) = out.split_at_mut((middle - start).min(out.len()));
        for (half, out) in self.halves.iter_mut().zip([left, right]) {
            half.decode(codec, projection, payload, out, report);
        }
    }
}
