//! Messages as rows: the columns that every reading function shares, and how records become them.

use crate::column::{Buffer, Column, ListValues, Type, Values};
use crate::error::Result;
use crate::ffi::{Chunk, Vector};
use crate::record::{Headers, Record};
use crate::value::{Arguments, Parameter, ParameterType};

/// The named parameters.
pub const PARAMETERS: &[Parameter] = &[Parameter::new("headers", ParameterType::Boolean)];

/// What one column of a message shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Stream,
    Subject,
    Sequence,
    Time,
    Payload,
    Headers,
}

/// The columns of a statement that reads messages.
#[derive(Debug, Clone)]
pub struct Layout {
    stream: String,
    parts: Vec<Part>,
}

impl Layout {
    /// Reads the parameters that decide on columns.
    pub fn read(arguments: &Arguments) -> Result<Self> {
        let mut parts = vec![Part::Stream, Part::Subject, Part::Sequence, Part::Time, Part::Payload];
        if arguments.flag("headers")? {
            parts.push(Part::Headers);
        }
        Ok(Self { stream: arguments.required_text("stream")?.to_owned(), parts })
    }

    /// The columns, in order.
    pub fn columns(&self) -> Vec<Column> {
        let column = |part: &Part| match part {
            Part::Stream => Column::new("stream", Type::Varchar),
            Part::Subject => Column::new("subject", Type::Varchar),
            Part::Sequence => Column::new("seq", Type::UBigInt),
            Part::Time => Column::new("ts_nats", Type::Timestamp),
            Part::Payload => Column::new("payload", Type::Blob),
            Part::Headers => Column::new("headers", Type::map(Type::Varchar, Type::list(Type::Varchar))),
        };
        self.parts.iter().map(column).collect()
    }

    /// Whether one of the projected columns shows headers.
    pub fn wants_headers(&self, projection: &[usize]) -> bool {
        projection.iter().any(|column| self.parts.get(*column) == Some(&Part::Headers))
    }

    /// Writes records as rows. There are at most as many as the chunk holds.
    pub fn write(&self, records: &[Record], chunk: &mut Chunk<'_>) -> Result<()> {
        chunk.fill(|column, vector| {
            if let Some(part) = self.parts.get(column) {
                self.write_part(*part, records, vector);
            }
            Ok(())
        })?;
        chunk.set_len(records.len());
        Ok(())
    }

    fn write_part(&self, part: Part, records: &[Record], vector: &mut Vector<'_>) {
        match part {
            Part::Stream => vector.write_bytes(records.iter().map(|_| self.stream.as_bytes())),
            Part::Subject => vector.write_text(records.iter().map(|record| &record.subject[..])),
            Part::Sequence => vector.write_u64(records.iter().map(|record| record.sequence)),
            Part::Time => vector.write_i64(records.iter().map(|record| record.time_ns.div_euclid(1_000))),
            Part::Payload => vector.write_bytes(records.iter().map(|record| &record.payload[..])),
            Part::Headers => {
                let buffer = header_maps(records.iter().map(|record| &record.headers));
                vector.write_buffer(&buffer, 0..buffer.len());
            }
        }
    }
}

/// Headers as a column of `MAP(VARCHAR, VARCHAR[])`; a message without headers has an empty map.
fn header_maps<'a>(rows: impl Iterator<Item = &'a Headers>) -> Buffer {
    let mut names = Buffer::new(&Type::Varchar);
    let mut texts = Buffer::new(&Type::Varchar);
    let (mut value_ends, mut row_ends) = (Vec::new(), Vec::new());
    for headers in rows {
        for (name, values) in headers.grouped() {
            names.push_bytes(name.as_bytes());
            values.iter().for_each(|value| texts.push_bytes(value.as_bytes()));
            value_ends.push(texts.len());
        }
        row_ends.push(names.len());
    }
    let values = list(value_ends, texts);
    let entries = Buffer { valid: vec![true; names.len()], values: Values::Struct(vec![names, values]) };
    list(row_ends, entries)
}

fn list(ends: Vec<usize>, child: Buffer) -> Buffer {
    Buffer { valid: vec![true; ends.len()], values: Values::List(ListValues { ends, child: Box::new(child) }) }
}
