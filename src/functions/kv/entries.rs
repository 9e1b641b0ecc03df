//! Entries of a bucket as rows.

use crate::column::{Column, Type};
use crate::error::Result;
use crate::functions::rows::{Cell, Row, columns};
use crate::plan::kv::{Operation, key_of};
use crate::record::Record;

/// The columns of each function that shows entries.
pub fn entry_columns() -> Vec<Column> {
    columns([
        ("bucket", Type::Varchar),
        ("key", Type::Varchar),
        ("value", Type::Blob),
        ("revision", Type::UBigInt),
        ("created", Type::Timestamp),
        ("operation", Type::Varchar),
    ])
}

/// A message of a bucket as a row; the value of a deletion is NULL.
///
/// # Errors
/// The subject of the message is not one of the bucket.
pub fn entry_row(bucket: &str, record: &Record) -> Result<Row> {
    let operation = Operation::of(&record.headers);
    let value = if operation == Operation::Put { Cell::Bytes(record.payload.clone()) } else { Cell::Null };
    Ok(vec![
        Cell::from(bucket),
        Cell::from(key_of(bucket, record)?),
        value,
        Cell::from(record.sequence),
        Cell::Time(record.time_ns.div_euclid(1_000)),
        Cell::from(operation.name()),
    ])
}
