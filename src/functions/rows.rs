//! Tables of few rows: typed cells become columns.
//!
//! A function that lists things, or that does one thing and reports on it, implements [`SmallTable`] and is registered
//! as `Small<It>`. It touches the network in the first `next` of a run, never at bind: EXPLAIN, DESCRIBE and PREPARE do
//! nothing, and a statement acts once for each call that it contains.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::connection;
use crate::column::{Buffer, Chunk, Column, Interval, Type, Values};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, Connection};
use crate::value::{Arguments, Parameter};

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// NULL of any type.
    Null,
    /// VARCHAR or JSON.
    Text(String),
    /// VARCHAR[].
    Texts(Vec<String>),
    /// MAP(VARCHAR, VARCHAR).
    Pairs(Vec<(String, String)>),
    /// BLOB.
    Bytes(Bytes),
    /// BOOLEAN.
    Flag(bool),
    /// UBIGINT.
    Number(u64),
    /// DOUBLE.
    Float(f64),
    /// HUGEINT.
    Huge(i128),
    /// TIMESTAMP, in microseconds since 1970-01-01 UTC.
    Time(i64),
    /// INTERVAL.
    Span(Duration),
}

/// The cells of one row, in the order of the columns.
pub type Row = Vec<Cell>;

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Cell::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Cell::Text(value)
    }
}

impl From<Vec<String>> for Cell {
    fn from(value: Vec<String>) -> Self {
        Cell::Texts(value)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Cell::Flag(value)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Cell::Number(value)
    }
}

impl From<Duration> for Cell {
    fn from(value: Duration) -> Self {
        Cell::Span(value)
    }
}

impl Cell {
    /// A moment, if it is known.
    pub fn time(micros: Option<i64>) -> Self {
        micros.map_or(Cell::Null, Cell::Time)
    }
}

/// Makes chunks of rows.
pub struct RowDecoder {
    columns: Vec<Column>,
    projection: Vec<usize>,
}

impl RowDecoder {
    /// A decoder for rows with a cell for each of `columns`; the statement uses those of the projection.
    pub fn new(columns: Vec<Column>, projection: &[usize]) -> Self {
        Self { columns, projection: projection.to_vec() }
    }

    /// The rows as a chunk.
    pub fn decode(&self, rows: &[Row]) -> Chunk<'static> {
        let mut chunk = Chunk::new(rows.len());
        for position in &self.projection {
            if let Some(column) = self.columns.get(*position) {
                let mut buffer = Buffer::new(&column.ty);
                rows.iter().for_each(|row| push(&mut buffer, row.get(*position).unwrap_or(&Cell::Null)));
                chunk.push(*position, buffer.into());
            }
        }
        chunk
    }
}

/// Cuts rows into pages of a chunk's size.
#[derive(Default)]
pub struct RowPages(std::vec::IntoIter<Row>);

impl RowPages {
    /// Pages of these rows.
    pub fn new(rows: Vec<Row>) -> Self {
        Self(rows.into_iter())
    }

    /// The next rows; None at the end.
    pub fn next(&mut self, capacity: usize) -> Option<Vec<Row>> {
        let page: Vec<Row> = self.0.by_ref().take(capacity).collect();
        (!page.is_empty()).then_some(page)
    }
}

/// Appends a cell to a buffer of its type.
pub fn push(buffer: &mut Buffer, cell: &Cell) {
    match (&mut buffer.values, cell) {
        (Values::Text(_), Cell::Text(text)) => return buffer.push_bytes(text.as_bytes()),
        (Values::Text(_), Cell::Bytes(bytes)) => return buffer.push_bytes(bytes),
        (Values::Bool(values), Cell::Flag(flag)) => values.push(*flag),
        (Values::U64(values), Cell::Number(number)) => values.push(*number),
        (Values::F64(values), Cell::Float(number)) => values.push(*number),
        (Values::I128(values), Cell::Huge(number)) => values.push(*number),
        (Values::I64(values), Cell::Time(micros)) => values.push(*micros),
        (Values::Interval(values), Cell::Span(span)) => values.push(interval(*span)),
        (Values::List(list), Cell::Texts(texts)) => {
            texts.iter().for_each(|text| list.child.push_bytes(text.as_bytes()));
            list.ends.push(list.child.len());
        }
        (Values::List(list), Cell::Pairs(pairs)) => {
            if let Values::Struct(members) = &mut list.child.values
                && let [names, values] = members.as_mut_slice()
            {
                for (name, value) in pairs {
                    names.push_bytes(name.as_bytes());
                    values.push_bytes(value.as_bytes());
                    list.child.valid.push(true);
                }
            }
            list.ends.push(list.child.len());
        }
        (_, cell) => {
            debug_assert_eq!(*cell, Cell::Null, "a cell of another type than its column");
            return buffer.push_null();
        }
    }
    buffer.valid.push(true);
}

/// An INTERVAL of days and the rest.
fn interval(span: Duration) -> Interval {
    let (days, rest) = (span.as_secs() / 86_400, span - Duration::from_secs(span.as_secs() / 86_400 * 86_400));
    match i32::try_from(days) {
        Ok(days) => Interval { months: 0, days, micros: i64::try_from(rest.as_micros()).unwrap_or(i64::MAX) },
        Err(_) => Interval { months: 0, days: i32::MAX, micros: 0 },
    }
}

/// The type of a column of pairs.
pub fn text_map() -> Type {
    Type::map(Type::Varchar, Type::Varchar)
}

/// Columns from their names and types.
pub fn columns<const N: usize>(list: [(&str, Type); N]) -> Vec<Column> {
    list.into_iter().map(|(name, ty)| Column::new(name, ty)).collect()
}

/// A table function that asks or acts once and answers with few rows.
pub trait SmallTable: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;
    /// The call, as bind reads it from the arguments.
    type Call: Send + Sync + 'static;

    /// The positional parameters.
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }
    /// Whether a call may leave the positional parameters out; see [`TableFunction::WITHOUT_PARAMETERS`].
    const WITHOUT_PARAMETERS: bool = false;
    /// The named parameters, without those of the connection.
    fn named() -> Vec<Parameter> {
        Vec::new()
    }
    /// The columns; always the same, unless [`SmallTable::columns_of`] says otherwise.
    fn columns() -> Vec<Column>;
    /// The columns of a call whose arguments decide on their types.
    fn columns_of(_call: &Self::Call) -> Vec<Column> {
        Self::columns()
    }
    /// Reads the arguments. No network.
    fn read(arguments: &Arguments) -> Result<Self::Call>;
    /// Asks or acts; called once a run.
    fn rows(connection: &Arc<Connection>, call: &Self::Call) -> Result<Vec<Row>>;
}

/// A [`SmallTable`] as a table function.
pub struct Small<T>(PhantomData<T>);

/// The plan of a [`SmallTable`].
pub struct SmallPlan<C> {
    connect: ConnectOptions,
    call: C,
}

/// A run: the rows, once they are there.
pub struct SmallReader<C> {
    plan: Arc<SmallPlan<C>>,
    pages: Option<RowPages>,
}

impl<T: SmallTable> TableFunction for Small<T> {
    const NAME: &'static str = T::NAME;
    type Plan = Arc<SmallPlan<T::Call>>;
    type Reader = SmallReader<T::Call>;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        T::parameters()
    }

    const WITHOUT_PARAMETERS: bool = T::WITHOUT_PARAMETERS;

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &T::named()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Self::Plan>> {
        let plan = SmallPlan { connect: connection::read(arguments)?, call: T::read(arguments)? };
        Ok(Bound { columns: T::columns_of(&plan.call), plan: Arc::new(plan), estimated_rows: None })
    }

    fn open(plan: &Self::Plan, projection: &[usize]) -> Result<(Self::Reader, RowDecoder)> {
        let columns = T::columns_of(&plan.call);
        Ok((SmallReader { plan: Arc::clone(plan), pages: None }, RowDecoder::new(columns, projection)))
    }

    fn read(reader: &mut Self::Reader, capacity: usize) -> Result<Option<Vec<Row>>> {
        let pages = match &mut reader.pages {
            Some(pages) => pages,
            none => {
                let connection = connection::open(&reader.plan.connect)?;
                none.insert(RowPages::new(T::rows(&connection, &reader.plan.call)?))
            }
        };
        Ok(pages.next(capacity))
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

/// A table function without parameters that shows what this process knows; no network.
pub trait ProcessTable: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;

    /// The columns, always the same.
    fn columns() -> Vec<Column>;
    /// The rows to show now.
    fn rows() -> Vec<Row>;
}

/// A [`ProcessTable`] as a table function.
pub struct OfProcess<T>(PhantomData<T>);

impl<T: ProcessTable> TableFunction for OfProcess<T> {
    const NAME: &'static str = T::NAME;
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
        Ok(Bound { columns: T::columns(), plan: (), estimated_rows: None })
    }

    fn open(_plan: &(), projection: &[usize]) -> Result<(RowPages, RowDecoder)> {
        Ok((RowPages::new(T::rows()), RowDecoder::new(T::columns(), projection)))
    }

    fn read(reader: &mut RowPages, capacity: usize) -> Result<Option<Vec<Row>>> {
        Ok(reader.next(capacity))
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_buffers_of_their_columns() {
        let cases = [
            (Type::Varchar, Cell::from("a")),
            (Type::UBigInt, Cell::from(7)),
            (Type::Boolean, Cell::from(true)),
            (Type::Timestamp, Cell::time(Some(5))),
            (Type::Interval, Cell::from(Duration::from_secs(90_000))),
            (Type::list(Type::Varchar), Cell::from(vec!["a".to_owned(), "b".to_owned()])),
            (text_map(), Cell::Pairs(vec![("k".into(), "v".into())])),
            (Type::Blob, Cell::Bytes(Bytes::from_static(b"\0"))),
        ];
        for (ty, cell) in cases {
            let mut buffer = Buffer::new(&ty);
            push(&mut buffer, &Cell::Null);
            push(&mut buffer, &cell);
            assert_eq!(buffer.valid, [false, true], "{ty}");
            assert_eq!(buffer.len(), 2, "{ty}");
        }
    }

    #[test]
    fn a_long_time_is_shown_in_days() {
        let hours = interval(Duration::from_secs(36 * 3_600));
        assert_eq!(hours, Interval { months: 0, days: 1, micros: 12 * 3_600_000_000 });
    }
}
