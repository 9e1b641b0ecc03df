//! Reading the vectors that DuckDB hands over: arguments of scalars, and the rows of a `COPY ... TO`.

use duckdb_neo as neo;
use neo::logical_type::LogicalTypeID as Id;
use neo::types::BlobValue;
use neo::vector::{Unknown, Vector, VectorReader};

use super::boundary::fault;
use super::value;
use crate::document::Document;
use crate::error::Result;
use crate::ffi::port;
use crate::value::Value;

/// Rows that are being read.
pub(super) struct Input<'a> {
    columns: Vec<InputVector<'a>>,
    rows: usize,
    settings: &'a [(&'static str, Value)],
}

impl<'a> Input<'a> {
    /// Rows of vectors, none of which is of the storage kind `Other`.
    pub(super) fn new(
        vectors: impl Iterator<Item = neo::Result<&'a Vector<'a, Unknown>>>,
        rows: usize,
        settings: &'a [(&'static str, Value)],
    ) -> neo::Result<Self> {
        let columns = vectors.map(|vector| InputVector::new(vector?)).collect::<neo::Result<_>>()?;
        Ok(Self { columns, rows, settings })
    }

    fn column(&self, column: usize, row: usize) -> Option<&InputVector<'a>> {
        self.columns.get(column).filter(|_| row < self.rows)
    }
}

impl port::Input for Input<'_> {
    fn len(&self) -> usize {
        self.rows
    }

    fn settings(&self) -> &[(&'static str, Value)] {
        self.settings
    }

    fn width(&self) -> usize {
        self.columns.len()
    }

    fn bytes(&self, column: usize, row: usize) -> Option<&[u8]> {
        self.column(column, row)?.bytes(row)
    }

    fn is_bytes(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|source| source.bytes.is_some())
    }

    fn document(&self, column: usize, row: usize) -> Result<Document> {
        self.column(column, row).map_or(Ok(Document::Null), |source| source.document(row))
    }

    fn value(&self, column: usize, row: usize) -> Result<Value> {
        self.column(column, row).map_or(Ok(Value::Null), |source| source.value(row))
    }

    fn option(&self, column: usize, row: usize) -> Value {
        self.value(column, row).unwrap_or(Value::Other("a value that cannot be read"))
    }
}

/// One vector that is being read: texts and BLOBs in place, everything else as DuckDB's values.
struct InputVector<'a> {
    vector: &'a Vector<'a, Unknown>,
    bytes: Option<Bytes<'a>>,
}

enum Bytes<'a> {
    Text(VectorReader<'a, String>),
    Blob(VectorReader<'a, BlobValue>),
}

impl<'a> InputVector<'a> {
    fn new(vector: &'a Vector<'a, Unknown>) -> neo::Result<Self> {
        let bytes = match vector.logical_type().id()? {
            Id::Varchar => Some(Bytes::Text(vector.cast_ref::<String>()?.reader()?)),
            Id::Blob => Some(Bytes::Blob(vector.cast_ref::<BlobValue>()?.reader()?)),
            _ => None,
        };
        Ok(Self { vector, bytes })
    }

    fn bytes(&self, row: usize) -> Option<&[u8]> {
        match self.bytes.as_ref()? {
            Bytes::Text(reader) => reader.get(row).ok().flatten().map(str::as_bytes),
            Bytes::Blob(reader) => reader.get(row).ok().flatten(),
        }
    }

    fn value(&self, row: usize) -> Result<Value> {
        match &self.bytes {
            Some(Bytes::Text(reader)) => {
                let text = reader.get(row).map_err(fault)?;
                Ok(text.map_or(Value::Null, |text| Value::Text(text.to_owned())))
            }
            Some(Bytes::Blob(reader)) => {
                let blob = reader.get(row).map_err(fault)?;
                Ok(blob.map_or(Value::Null, |blob| Value::Blob(blob.to_vec())))
            }
            None => value::read(&self.vector.get_value_slow(row).map_err(fault)?),
        }
    }

    fn document(&self, row: usize) -> Result<Document> {
        value::document(&self.vector.get_value_slow(row).map_err(fault)?)
    }
}
