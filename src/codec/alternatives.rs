//! Columns with alternatives, `'customer.id|customer_id'`: the value of the first path that leads to one, and the number of that path.
//!
//! A payload is walked once for the first paths of all columns, and once more only where one of them leads to nothing. Messages of a stream have few
//! shapes, so the decoders of the further walks are kept, each by the columns that it reads.

use std::collections::HashMap;

use bytes::Bytes;

use super::decode::{Codec, DecodeError, Decoder};
use super::row_source::RowSource;
use crate::column::{Buffer, Column, Type, Values};

/// The most paths of one column: the number of a path is a UTINYINT.
pub const MOST_ALTERNATIVES: usize = 255;

/// A column that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The first of these columns of the codec below that is not NULL.
    Value(Vec<usize>),
    /// The position, from 1, of the first of these columns that is not NULL; NULL when all are NULL.
    Version(Vec<usize>),
}

impl Choice {
    fn paths(&self) -> &[usize] {
        match self {
            Choice::Value(paths) | Choice::Version(paths) => paths,
        }
    }
}

/// A codec of columns with alternatives.
pub struct Alternatives {
    codec: Box<dyn Codec>,
    choices: Vec<Choice>,
    columns: Vec<Column>,
}

impl Alternatives {
    /// Columns by their names over those of a codec.
    #[must_use]
    pub fn new(codec: Box<dyn Codec>, choices: Vec<(String, Choice)>) -> Self {
        let column = |(name, choice): &(String, Choice)| match choice {
            Choice::Version(_) => Some(Column::new(name.as_str(), Type::UTinyInt)),
            Choice::Value(paths) => {
                let first = paths.first().and_then(|first| codec.columns().get(*first));
                first.map(|first| Column::new(name.as_str(), first.ty.clone()))
            }
        };
        let columns = choices.iter().filter_map(column).collect();
        Self { codec, choices: choices.into_iter().map(|(_, choice)| choice).collect(), columns }
    }
}

impl Codec for Alternatives {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        for (output, column) in projection.iter().enumerate() {
            let Some(choice) = self.choices.get(*column) else { continue };
            let known = wanted.iter().position(|wanted| wanted.paths == choice.paths());
            let at = known.unwrap_or_else(|| {
                wanted.push(Wanted { paths: choice.paths(), values: Vec::new(), versions: Vec::new() });
                wanted.len() - 1
            });
            match choice {
                Choice::Value(_) => wanted[at].values.push(output),
                Choice::Version(_) => wanted[at].versions.push(output),
            }
        }
        wanted.sort_by_key(|wanted| wanted.paths.first().copied());
        Box::new(AlternativesDecoder { codec: &*self.codec, wanted, rounds: HashMap::new() })
    }
}

/// A column of which the value or the version is wanted.
struct Wanted<'c> {
    /// The columns of the codec below, in order.
    paths: &'c [usize],
    /// The outputs that take the value.
    values: Vec<usize>,
    /// The outputs that take the number of the path.
    versions: Vec<usize>,
}

struct AlternativesDecoder<'c> {
    codec: &'c dyn Codec,
    wanted: Vec<Wanted<'c>>,
    /// Reads some columns of the codec below together.
    rounds: HashMap<Vec<usize>, Round<'c>>,
}

/// Reads some columns of one payload.
struct Round<'c> {
    decoder: Box<dyn Decoder + 'c>,
    values: Vec<Buffer>,
}

impl Decoder for AlternativesDecoder<'_> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError> {
        self.read(RowSource::Whole(payload), out)
    }

    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> Result<(), DecodeError> {
        self.read(RowSource::Part(part, whole), out)
    }
}

impl AlternativesDecoder<'_> {
    fn read(&mut self, payload: RowSource<'_>, out: &mut [Buffer]) -> Result<(), DecodeError> {
        let Self { codec, wanted, rounds } = self;
        // The columns that have no value yet.
        let mut open: Vec<&Wanted<'_>> = wanted.iter().collect();
        for place in 0.. {
            let (left, without): (Vec<_>, Vec<_>) = open.iter().partition(|wanted| wanted.paths.len() > place);
            without.into_iter().for_each(|wanted| put(wanted, None, 0, out));
            let mut columns: Vec<usize> = left.iter().filter_map(|wanted| wanted.paths.get(place).copied()).collect();
            let order = columns.clone();
            columns.sort_unstable();
            if columns.is_empty() {
                break;
            }
            let round = rounds.entry(columns.clone()).or_insert_with(|| {
                let values = columns.iter().filter_map(|column| codec.columns().get(*column));
                Round {
                    decoder: codec.decoder(&columns),
                    values: values.map(|column| Buffer::new(&column.ty)).collect(),
                }
            });
            round.values.iter_mut().for_each(|buffer| buffer.truncate(0));
            payload.decode(&mut *round.decoder, &mut round.values)?;
            open = Vec::new();
            for (wanted, column) in left.into_iter().zip(order) {
                let value = columns.iter().position(|known| *known == column).and_then(|at| round.values.get(at));
                match value.filter(|value| value.valid.first() == Some(&true)) {
                    Some(value) => put(wanted, Some(value), place + 1, out),
                    None => open.push(wanted),
                }
            }
        }
        Ok(())
    }
}

/// Writes the value and the version of a column.
fn put(wanted: &Wanted<'_>, value: Option<&Buffer>, version: usize, out: &mut [Buffer]) {
    for output in &wanted.values {
        match (out.get_mut(*output), value) {
            (Some(buffer), Some(value)) => buffer.push_from(value, 0),
            (Some(buffer), None) => buffer.push_null(),
            (None, _) => {}
        }
    }
    for output in &wanted.versions {
        let Some(buffer) = out.get_mut(*output) else { continue };
        match (&mut buffer.values, value, u8::try_from(version)) {
            (Values::U8(versions), Some(_), Ok(version)) => {
                versions.push(version);
                buffer.valid.push(true);
            }
            _ => buffer.push_null(),
        }
    }
}
