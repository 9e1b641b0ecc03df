//! `nats_stats()`: counters of this process since it loaded the extension, one row each.

use super::rows::{Cell, Row, RowDecoder, RowPages, columns};
use crate::column::{Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::stats;
use crate::value::{Arguments, Parameter};

pub struct NatsStats;

impl TableFunction for NatsStats {
    const NAME: &'static str = "nats_stats";
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
        let rows = stats::snapshot().into_iter().map(|(name, value)| vec![Cell::from(name), Cell::from(value)]);
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
    columns([("name", Type::Varchar), ("value", Type::UBigInt)])
}
