//! `nats_ingest(stream, ...)`: rows ready to upsert, each with its correlation key.
//!
//! The caller's own statement writes them, so the caller decides which rows are committed, and when. A read of a range
//! leaves no trace; with `durable` a pull consumer remembers what was acknowledged (`nats_ack`, `nats_nak`).

mod merge;
mod merge_options;
mod options;
mod read_ahead;
mod row_builder;
mod row_filter;
mod row_reader;
mod sample;
mod source;

use std::sync::Arc;

use super::messages::Part;
use crate::column::{Cells, Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::plan::{Region, RegionColumns};
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter, ParameterType};

use options::OnBadRow;
pub use options::Options;
use read_ahead::ReadAhead;
use row_filter::Rows;
use row_reader::RowReader;

pub struct NatsIngest;

/// The columns before those of the payload.
const PARTS: [Part; 5] = [Part::Stream, Part::Subject, Part::Sequence, Part::Time, Part::MessageId];

/// Where the rows of a call are made.
pub enum Reader {
    /// On the thread that asks, before it asks for the first page.
    First(Box<RowReader>),
    /// On the thread that asks.
    Here(Box<RowReader>),
    /// On a thread of their own: a statement that asks for a second page takes many, commonly.
    Ahead(ReadAhead),
    /// Nowhere: there is no thread for them.
    Over,
}

impl TableFunction for NatsIngest {
    const NAME: &'static str = "nats_ingest";
    type Plan = Arc<Options>;
    type Reader = Reader;
    type Decoder = RowsDecoder;
    type Page = Rows;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        options::parameters()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Self::Plan>> {
        let options = Options::read(arguments)?;
        let mut columns = vec![Column::new("correlation_key", Type::Varchar)];
        columns.extend(PARTS.iter().chain(&options.extra_parts).map(|part| part.column()));
        columns.extend(options.payload.columns().iter().cloned());
        if options.rest.is_some() {
            columns.push(Column::new("rest", Type::Json));
        }
        columns.extend(options.last_columns());
        let estimated_rows = Some(options.range.estimated_rows());
        Ok(Bound { columns, plan: Arc::new(options), estimated_rows })
    }

    fn open(plan: &Self::Plan, projection: &[usize]) -> Result<(Reader, RowsDecoder)> {
        let options = Arc::clone(plan);
        let part = |column: &usize| PARTS.iter().chain(&options.extra_parts).nth(column.checked_sub(1)?).copied();
        let shown: Vec<Part> = projection.iter().filter_map(part).collect();
        let rows = RowReader::open(&options, options.want(&shown))?;
        let decoder = RowsDecoder { options: Arc::clone(&options), projection: projection.to_vec() };
        Ok((Reader::First(Box::new(rows)), decoder))
    }

    const RESTRICTS: bool = true;

    /// A condition may only move the end of the range, since whether a row is a duplicate depends on the rows before it. With
    /// `keep := 'last'` and `merge` it depends on the rows behind it, so there a condition moves nothing; nor does it decide what
    /// a durable gives, or what becomes a dead letter.
    fn restrict(plan: &Self::Plan, conditions: &[Predicate]) -> Option<Self::Plan> {
        if plan.durable.is_some() || plan.looks_ahead() || plan.on_error == OnBadRow::DeadLetter {
            return None;
        }
        let place = |wanted| PARTS.iter().position(|part| *part == wanted).map(|place| place + 1);
        let columns = RegionColumns { sequence: place(Part::Sequence), time: place(Part::Time), subject: None };
        let region = Region::of(conditions, columns);
        let region = if region.is_empty() { region } else { region.from_the_start() };
        let range = plan.range.within(region)?;
        Some(Arc::new(Options { range, ..Options::clone(plan) }))
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<Rows>> {
        reader.next_rows(capacity)
    }

    fn decode<'p>(decoder: &'p RowsDecoder, page: &'p Rows) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }

    const REPORTS_PROGRESS: bool = true;

    fn progress(reader: &Reader) -> f64 {
        match reader {
            Reader::First(rows) | Reader::Here(rows) => rows.progress(),
            Reader::Ahead(ahead) => ahead.progress(),
            Reader::Over => 1.0,
        }
    }

    fn fail(reader: &mut Reader) {
        // Rows of a durable are never made ahead.
        if let Reader::First(rows) | Reader::Here(rows) = reader {
            rows.return_all();
        }
    }
}

impl Reader {
    /// At least one row, at most `capacity`; None at the end.
    fn next_rows(&mut self, capacity: usize) -> Result<Option<Rows>> {
        *self = match std::mem::replace(self, Reader::Over) {
            Reader::First(mut rows) => {
                let page = rows.next_rows(capacity);
                *self = Reader::Here(rows);
                return page;
            }
            Reader::Here(rows) if rows.may_run_ahead() => Reader::Ahead(ReadAhead::start(rows, capacity)?),
            other => other,
        };
        match self {
            Reader::First(rows) | Reader::Here(rows) => rows.next_rows(capacity),
            Reader::Ahead(ahead) => ahead.next(),
            Reader::Over => Ok(None),
        }
    }
}

/// Makes chunks of rows.
pub struct RowsDecoder {
    options: Arc<Options>,
    projection: Vec<usize>,
}

impl RowsDecoder {
    fn decode<'p>(&'p self, rows: &'p Rows) -> Chunk<'p> {
        let options = &self.options;
        let records: Vec<_> = rows.records.iter().collect();
        let parts = 1 + PARTS.len() + options.extra_parts.len();
        let decoded = options.payload.columns().len() + usize::from(options.rest.is_some());
        let mut chunk = Chunk::new(records.len());
        for column in self.projection.iter().copied() {
            let cells = if column == 0 {
                Cells::from(&rows.keys)
            } else if let Some(part) = PARTS.iter().chain(&options.extra_parts).nth(column - 1) {
                part.cells(options.stream(), &records)
            } else if let Some(values) = rows.values.get(column - parts).filter(|_| column < parts + decoded) {
                Cells::from(values)
            } else if let Some(values) = column.checked_sub(parts + decoded).and_then(|last| rows.last.get(last)) {
                Cells::from(values)
            } else {
                continue;
            };
            chunk.push(column, cells);
        }
        chunk
    }
}
