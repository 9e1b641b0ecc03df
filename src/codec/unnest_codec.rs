//! The columns of a message that becomes several rows: some are of the part that a row is, the others of the document around it.

use bytes::Bytes;

use super::decode::{Codec, DecodeError, Decoder};
use crate::column::{Buffer, Column};

/// Where a column stands: among those of the part, or of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Of the part, at this position of its codec.
    Part(usize),
    /// Of the document around it, at this position of its codec.
    Whole(usize),
}

/// A codec of parts.
pub struct UnnestCodec {
    part: Box<dyn Codec>,
    whole: Box<dyn Codec>,
    /// How errors call the part: its path, such as `items[]`; empty for a line.
    place: String,
    sides: Vec<Side>,
    columns: Vec<Column>,
}

impl UnnestCodec {
    /// The columns of two codecs, in this order, by these names; `place` is the path of the part, empty for a line.
    #[must_use]
    pub fn new(part: Box<dyn Codec>, whole: Box<dyn Codec>, place: String, named: Vec<(String, Side)>) -> Self {
        let columns = named.iter().filter_map(|(name, side)| {
            let column = match side {
                Side::Part(at) => part.columns().get(*at),
                Side::Whole(at) => whole.columns().get(*at),
            };
            column.map(|column| Column::new(name.as_str(), column.ty.clone()))
        });
        let columns = columns.collect();
        Self { part, whole, place, sides: named.into_iter().map(|(_, side)| side).collect(), columns }
    }
}

impl Codec for UnnestCodec {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        let (mut part, mut whole) = (Half::default(), Half::default());
        for (output, column) in projection.iter().enumerate() {
            match self.sides.get(*column) {
                Some(Side::Part(at)) => part.add(output, *at),
                Some(Side::Whole(at)) => whole.add(output, *at),
                None => {}
            }
        }
        // What lies around is decoded once for all parts of a message.
        let around = whole.columns.iter().filter_map(|at| self.whole.columns().get(*at));
        let around: Vec<Buffer> = around.map(|column| Buffer::new(&column.ty)).collect();
        Box::new(UnnestDecoder {
            part: (!part.columns.is_empty()).then(|| self.part.decoder(&part.columns)),
            place: &self.place,
            part_outputs: part.outputs,
            whole: (!whole.columns.is_empty()).then(|| self.whole.decoder(&whole.columns)),
            whole_outputs: whole.outputs,
            around,
            decoded: None,
            lent: Vec::new(),
        })
    }
}

/// The columns of one side, and where they go.
#[derive(Default)]
struct Half {
    outputs: Vec<usize>,
    columns: Vec<usize>,
}

impl Half {
    fn add(&mut self, output: usize, column: usize) {
        self.outputs.push(output);
        self.columns.push(column);
    }
}

struct UnnestDecoder<'c> {
    part: Option<Box<dyn Decoder + 'c>>,
    place: &'c str,
    part_outputs: Vec<usize>,
    whole: Option<Box<dyn Decoder + 'c>>,
    whole_outputs: Vec<usize>,
    /// One row: the values of the document whose outcome is `decoded`.
    around: Vec<Buffer>,
    decoded: Option<(Bytes, Result<(), DecodeError>)>,
    lent: Vec<Buffer>,
}

impl UnnestDecoder<'_> {
    /// An error of a part, with the path of the part in front.
    fn within(&self, error: DecodeError) -> DecodeError {
        let path = match error.path {
            path if self.place.is_empty() => path,
            None => Some(self.place.to_owned()),
            Some(below) if below.starts_with('[') => Some(format!("{}{below}", self.place)),
            Some(below) => Some(format!("{}.{below}", self.place)),
        };
        DecodeError { path, ..error }
    }

    /// Decodes what is wanted of the document, unless it is the one of the part before.
    fn decode_whole(&mut self, whole: &Bytes) -> Result<(), DecodeError> {
        let Some(decoder) = &mut self.whole else { return Ok(()) };
        let same = |(known, _): &&(Bytes, _)| known.as_ptr() == whole.as_ptr() && known.len() == whole.len();
        if let Some((_, outcome)) = self.decoded.as_ref().filter(same) {
            return outcome.clone();
        }
        self.around.iter_mut().for_each(|buffer| buffer.truncate(0));
        let outcome = decoder.decode(whole, &mut self.around);
        self.decoded = Some((whole.clone(), outcome.clone()));
        outcome
    }
}

impl Decoder for UnnestDecoder<'_> {
    /// A payload that was not taken apart is never decoded by this codec.
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError> {
        self.decode_part(payload, &Bytes::copy_from_slice(payload), out)
    }

    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> Result<(), DecodeError> {
        self.decode_whole(whole)?;
        for (output, value) in self.whole_outputs.iter().zip(&self.around) {
            if let Some(buffer) = out.get_mut(*output) {
                buffer.push_from(value, 0);
            }
        }
        let Some(decoder) = &mut self.part else { return Ok(()) };
        // The outputs need not lie side by side: they are lent to the decoder, and given back.
        for output in &self.part_outputs {
            let none = Buffer::new(&crate::column::Type::Boolean);
            self.lent.extend(out.get_mut(*output).map(|buffer| std::mem::replace(buffer, none)));
        }
        let result = decoder.decode_part(part, whole, &mut self.lent);
        for (output, buffer) in self.part_outputs.iter().zip(self.lent.drain(..)) {
            if let Some(place) = out.get_mut(*output) {
                *place = buffer;
            }
        }
        result.map_err(|error| self.within(error))
    }
}
