//! A payload is read once for all columns whose paths lie beside each other, and once more for those whose path is, or
//! lies below, another column's (`a.b` beside `a`), or takes an element of a list of which another one takes all.
//!
//! A document format would set such a value aside and read it twice. A value of protobuf cannot be set aside behind
//! serde's traits without losing what its schema says about it; finding it again on the wire costs little.

use crate::codec::document::{DocumentCodec, Format, Strictness};
use crate::codec::path::{Path, Step, Wanted};
use crate::codec::{Codec, DecodeError, Decoder};
use crate::column::{Buffer, Column, Type};

/// A codec that reads payloads in rounds.
pub(super) struct Rounds<C> {
    codec: C,
    /// The path of each column.
    paths: Vec<Path>,
}

impl<F: Format> Rounds<DocumentCodec<F>> {
    /// A codec of these columns of documents of a format.
    pub fn new(format: F, wanted: Wanted) -> Self {
        let paths = wanted.paths().cloned().collect();
        Self { codec: DocumentCodec::new(format, Strictness::Strict, wanted), paths }
    }
}

impl<C: Codec> Codec for Rounds<C> {
    fn columns(&self) -> &[Column] {
        self.codec.columns()
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        let path = |column: usize| self.paths.get(column);
        // Each column in the first round in which no other stands in its way.
        let mut rounds: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for (output, column) in projection.iter().enumerate() {
            let apart = |columns: &[usize]| {
                let mut others = columns.iter().filter_map(|other| path(*other).zip(path(*column)));
                others.all(|(a, b)| !leads_to(a, b) && !leads_to(b, a) && !share_an_element(a, b))
            };
            let round = rounds.iter().position(|(_, columns)| apart(columns)).unwrap_or(rounds.len());
            if rounds.len() == round {
                rounds.push(Default::default());
            }
            rounds[round].0.push(output);
            rounds[round].1.push(*column);
        }
        if rounds.len() <= 1 {
            return self.codec.decoder(projection);
        }
        let rounds = rounds.into_iter().map(|(outputs, columns)| (outputs, self.codec.decoder(&columns)));
        Box::new(RoundsDecoder { rounds: rounds.collect(), scratch: Vec::new() })
    }
}

/// Whether a path leads to a place on another path, or to its end.
fn leads_to(above: &Path, below: &Path) -> bool {
    let same = |a: &Step, b: &Step| match (a, b) {
        (Step::KeyOrIndex(key, _), Step::Key(other)) | (Step::Key(other), Step::KeyOrIndex(key, _)) => key == other,
        (Step::KeyOrIndex(_, index), Step::Index(other)) | (Step::Index(other), Step::KeyOrIndex(_, index)) => {
            index == other
        }
        (a, b) => a == b,
    };
    let (above, below) = (above.steps(), below.steps());
    above.len() <= below.len() && above.iter().zip(below).all(|(a, b)| same(a, b))
}

/// Whether two paths part at a list, of which one takes all elements and the other one of them.
fn share_an_element(a: &Path, b: &Path) -> bool {
    let parted = a.steps().iter().zip(b.steps()).find(|(a, b)| a != b);
    parted.is_some_and(|pair| match pair {
        (Step::All, other) | (other, Step::All) => matches!(other, Step::Index(_) | Step::KeyOrIndex(..)),
        _ => false,
    })
}

struct RoundsDecoder<'c> {
    /// The outputs of each round, and what fills them.
    rounds: Vec<(Vec<usize>, Box<dyn Decoder + 'c>)>,
    scratch: Vec<Buffer>,
}

impl Decoder for RoundsDecoder<'_> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError> {
        for (outputs, decoder) in &mut self.rounds {
            // The outputs of a round need not lie side by side: they are lent to its decoder, and given back.
            for output in outputs.iter() {
                self.scratch.push(std::mem::replace(&mut out[*output], Buffer::new(&Type::Boolean)));
            }
            let result = decoder.decode(payload, &mut self.scratch);
            for (output, buffer) in outputs.iter().zip(self.scratch.drain(..)) {
                out[*output] = buffer;
            }
            result?;
        }
        Ok(())
    }
}
