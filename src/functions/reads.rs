//! `nats_reads()`: the newest reads of ranges by this process, one row each.

use super::rows::{Cell, ProcessTable, Row, columns};
use crate::column::{Column, Type};
use crate::reads;

pub struct NatsReads;

impl ProcessTable for NatsReads {
    const NAME: &'static str = "nats_reads";

    fn columns() -> Vec<Column> {
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

    fn rows() -> Vec<Row> {
        reads::newest().into_iter().map(row).collect()
    }
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
