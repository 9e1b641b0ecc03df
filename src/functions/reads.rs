//! `nats_reads()`: the newest reads of ranges by this process, one row each.

use super::rows::{Cell, Row, RowDecoder, RowPages, columns};
use crate::column::{Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::reads;
use crate::value::{Arguments, Parameter};

pub struct NatsReads;

impl TableFunction for NatsReads {
    const NAME: &'static str = "nats_reads";
    type Plan = ();
    type Reader = RowPages;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn named() -> Vec<Parameter> {
        Vec::new()
    }

    fn bind(_arguments: &Arguments) -> Result<Bound<()>> {
        Ok(Bound { columns: shown(), plan: (), estimated_rows: None })
    }

    fn open(_plan: &(), projection: &[usize]) -> Result<(RowPages, RowDecoder)> {
        let rows = reads::newest().into_iter().map(row);
        Ok((RowPages::new(rows.collect()), RowDecoder::new(shown(), projection)))
    }

    fn read(reader: &mut RowPages, capacity: usize) -> Result<Option<Vec<Row>>> {
        Ok(reader.next(capacity))
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn shown() -> Vec<Column> {
    columns([
        ("started", Type::Timestamp),
        ("stream", Type::Varchar),
        ("server", Type::Varchar),
        ("first_seq", Type::UBigInt),
        ("last_seq", Type::UBigInt),
        ("subjects", Type::list(Type::Varchar)),
        ("via", Type::Varchar),
        ("narrowed", Type::Boolean),
        ("messages", Type::UBigInt),
        ("outcome", Type::Varchar),
    ])
}

fn row(seen: reads::Seen) -> Row {
    let asked = seen.asked;
    vec![
        Cell::Time(seen.started_micros),
        Cell::from(asked.stream),
        Cell::from(asked.server),
        Cell::from(asked.first),
        Cell::from(asked.last),
        Cell::from(asked.subjects),
        Cell::from(asked.via),
        Cell::from(asked.narrowed),
        Cell::from(seen.messages),
        Cell::from(seen.outcome.map(reads::Outcome::word)),
    ]
}
