//! A chunk: the next rows of a result, column by column, as they were read from a page.
//!
//! A chunk borrows from its page what the page holds already (subjects, payloads) and owns what was decoded. It does not know DuckDB: `ffi` checks it
//! against the columns of the result and copies it into DuckDB's vectors.

use std::borrow::Cow;

use super::buffer::Buffer;
use super::types::{Column, Type};

/// The next rows of a result.
#[derive(Debug, Default)]
pub struct Chunk<'p> {
    rows: usize,
    columns: Vec<(usize, Cells<'p>)>,
}

/// The values of one column of a chunk, one a row.
#[derive(Debug)]
pub enum Cells<'p> {
    /// UBIGINTs, none of them NULL.
    U64(Vec<u64>),
    /// TIMESTAMPs or other values of 8 signed bytes, none of them NULL.
    I64(Vec<i64>),
    /// BLOBs, or VARCHARs that are known to be UTF-8, none of them NULL.
    Bytes(Vec<&'p [u8]>),
    /// The same bytes in every row: a BLOB, or a VARCHAR that is known to be UTF-8.
    Constant(&'p [u8]),
    /// Values of any type.
    Buffer(Cow<'p, Buffer>),
}

impl<'p> Chunk<'p> {
    /// A chunk of this many rows, to which columns are added.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// Adds the column at `position` of the result.
    pub fn push(&mut self, position: usize, cells: Cells<'p>) {
        self.columns.push((position, cells));
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The column at `position` of the result, if the chunk has it.
    #[must_use]
    pub fn column(&self, position: usize) -> Option<&Cells<'p>> {
        self.columns.iter().find(|(column, _)| *column == position).map(|(_, cells)| cells)
    }

    /// Checks that the chunk fits the result: no more rows than `capacity`, and for each column of `projection` cells
    /// of its type, one a row. A chunk that passes can be written to vectors of these types without another check.
    ///
    /// # Errors
    /// A value or a column does not fit.
    pub fn check(&self, columns: &[Column], projection: &[Option<usize>], capacity: usize) -> Result<(), String> {
        if self.rows > capacity {
            return Err(format!("{} rows do not fit into a chunk of {capacity}", self.rows));
        }
        for position in projection.iter().flatten() {
            let fits = match (self.column(*position), columns.get(*position)) {
                (Some(cells), Some(column)) => cells.fit(&column.ty, self.rows),
                _ => false,
            };
            if !fits {
                let name = columns.get(*position).map_or("", |column| &column.name);
                return Err(format!("the values of column '{name}' do not fit its type or the chunk"));
            }
        }
        Ok(())
    }
}

impl<'p> Cells<'p> {
    /// VARCHARs. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub fn text(values: impl Iterator<Item = &'p [u8]> + Clone) -> Self {
        if values.clone().all(|value| std::str::from_utf8(value).is_ok()) {
            return Cells::Bytes(values.collect());
        }
        let mut buffer = Buffer::new(&Type::Varchar);
        values.for_each(|value| buffer.push_bytes(String::from_utf8_lossy(value).as_bytes()));
        Cells::from(buffer)
    }

    fn fit(&self, ty: &Type, rows: usize) -> bool {
        match self {
            // A sequence may go into a BIGINT column: JetStream counts up to 2^63 - 1 messages.
            Cells::U64(values) => matches!(ty, Type::UBigInt | Type::BigInt) && values.len() == rows,
            Cells::I64(values) => {
                matches!(ty, Type::BigInt | Type::Timestamp | Type::TimestampTz) && values.len() == rows
            }
            Cells::Bytes(values) => is_bytes(ty) && values.len() == rows,
            Cells::Constant(_) => is_bytes(ty),
            Cells::Buffer(buffer) => buffer.len() == rows && buffer.fits(ty),
        }
    }
}

fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::Varchar | Type::Json | Type::Blob | Type::Base64)
}

impl From<Buffer> for Cells<'_> {
    fn from(buffer: Buffer) -> Self {
        Cells::Buffer(Cow::Owned(buffer))
    }
}

impl<'p> From<&'p Buffer> for Cells<'p> {
    fn from(buffer: &'p Buffer) -> Self {
        Cells::Buffer(Cow::Borrowed(buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cells: Cells<'_>, ty: Type, rows: usize) -> bool {
        let mut chunk = Chunk::new(rows);
        chunk.push(1, cells);
        chunk.check(&[Column::new("x", Type::Date), Column::new("a", ty)], &[None, Some(1)], 3).is_ok()
    }

    #[test]
    fn a_chunk_fits_by_length_and_type() {
        assert!(check(Cells::U64(vec![1, 2, 3]), Type::UBigInt, 3));
        assert!(check(Cells::Constant(b"a"), Type::Varchar, 2));
        assert!(check(Cells::from(Buffer::new(&Type::Date)), Type::Date, 0));
        assert!(!check(Cells::U64(vec![1, 2, 3]), Type::UBigInt, 2), "another number of rows");
        assert!(!check(Cells::U64(vec![1, 2, 3, 4]), Type::UBigInt, 4), "more rows than the chunk holds");
        assert!(!check(Cells::U64(vec![1]), Type::UInteger, 1), "values of another width");
        assert!(!check(Cells::Bytes(vec![b"a"]), Type::BigInt, 1), "bytes are no numbers");
    }

    #[test]
    fn a_projected_column_must_be_there() {
        let columns = [Column::new("a", Type::Date)];
        assert!(Chunk::new(1).check(&columns, &[Some(0)], 3).is_err());
        assert!(Chunk::new(1).check(&columns, &[None], 3).is_ok());
    }

    #[test]
    fn text_that_is_not_utf8_is_replaced() {
        let Cells::Buffer(buffer) = Cells::text([&b"a"[..], &b"\xff"[..]].into_iter()) else { panic!("not a buffer") };
        let crate::column::Values::Text(texts) = &buffer.values else { panic!("not texts") };
        assert_eq!((texts.get(0), texts.get(1)), (&b"a"[..], "\u{fffd}".as_bytes()));
    }
}
