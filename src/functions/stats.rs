//! `nats_stats()`: counters of this process since it loaded the extension, one row each.

use super::rows::{Cell, ProcessTable, Row, columns};
use crate::column::{Column, Type};
use crate::stats;

pub struct NatsStats;

impl ProcessTable for NatsStats {
    const NAME: &'static str = "nats_stats";

    fn columns() -> Vec<Column> {
        columns([("name", Type::Varchar), ("value", Type::UBigInt)])
    }

    fn rows() -> Vec<Row> {
        stats::snapshot().into_iter().map(|(name, value)| vec![Cell::from(name), Cell::from(value)]).collect()
    }
}
