//! The port: the traits of a SQL function, whichever C API of DuckDB it is registered through.
//!
//! `functions` implements these traits and knows no door; a door ([`super::v1`]) adapts them to its C API.

use crate::column::{Buffer, Chunk, Column, Type};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter, ParameterType, Setting, Value};

/// The answer of `bind`: the columns of the result, and the plan for a run.
pub struct Bound<P> {
    /// The result's columns, in order; in a `COPY ... FROM`, those of [`Arguments::target`].
    pub columns: Vec<Column>,
    /// Read-only from here on, shared by all runs of the statement.
    pub plan: P,
    /// About how many rows the arguments ask for, without a look at the server; None where they say nothing. The planner
    /// builds the hash table of a join on the side that it takes for the smaller one.
    pub estimated_rows: Option<u64>,
}

/// A SQL table function.
///
/// `bind` reads arguments and names the columns; it must not touch the network, because PREPARE, DESCRIBE and EXPLAIN
/// stop there. `open` starts a run, once per execution. `read` brings pages, one after the other, under a lock; `decode`
/// makes rows of a page, on any number of threads at once. The door copies the rows into DuckDB's vectors afterwards,
/// where DuckDB may throw: no code of the function is on the stack then.
pub trait TableFunction: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;
    /// The result of bind, which every run gets.
    type Plan: Send + Sync + 'static;
    /// The state of one run, which brings its pages.
    type Reader: Send + 'static;
    /// The decoder of a run's pages, which stays the same from its start to its end.
    type Decoder: Send + Sync + 'static;
    /// Rows that are read and not decoded.
    type Page: Send + 'static;

    /// The positional parameters.
    fn parameters() -> Vec<Parameter>;
    /// Whether a call may leave the positional parameters out, through the door to the C API of DuckDB 2.0: the older one has no
    /// parameters with a default.
    const WITHOUT_PARAMETERS: bool = false;
    /// The named parameters.
    fn named() -> Vec<Parameter>;
    /// Arguments become columns and a plan. No network.
    ///
    /// # Errors
    /// An argument is missing, of the wrong type, out of its range, or contradicts another.
    fn bind(arguments: &Arguments) -> Result<Bound<Self::Plan>>;
    /// Starts a run that will be asked for the columns at these positions of [`Bound::columns`] only.
    ///
    /// # Errors
    /// The server cannot be reached or refuses what the plan asks for first.
    fn open(plan: &Self::Plan, projection: &[usize]) -> Result<(Self::Reader, Self::Decoder)>;
    /// Whether [`TableFunction::restrict`] can spare something.
    const RESTRICTS: bool = false;
    /// The plan that reads no more than these conditions on the result's rows leave, and every row that fulfils them all;
    /// None where they spare nothing. DuckDB keeps applying the conditions itself. A door whose host does not hand over the
    /// query's conditions never calls this.
    fn restrict(_plan: &Self::Plan, _conditions: &[Predicate]) -> Option<Self::Plan> {
        None
    }
    /// Whether [`TableFunction::progress`] is implemented.
    const REPORTS_PROGRESS: bool = false;
    /// The share of the run that is read, from 0 to 1; asked after each page.
    fn progress(_reader: &Self::Reader) -> f64 {
        0.0
    }
    /// How many threads may decode pages of this run at once, at most; one keeps every row in the order of pages.
    fn threads(_reader: &Self::Reader) -> usize {
        1
    }
    /// The next page, which becomes at most `capacity` rows; None at the end.
    ///
    /// # Errors
    /// The server cannot be reached any more, refuses, or does not hold what it counts. Nothing is read after an error.
    fn read(reader: &mut Self::Reader, capacity: usize) -> Result<Option<Self::Page>>;
    /// The rows of a page; there may be none. Each projected column has one value a row.
    ///
    /// # Errors
    /// A value of the page does not fit its column.
    fn decode<'p>(decoder: &'p Self::Decoder, page: &'p Self::Page) -> Result<Chunk<'p>>;
    /// Called once a call failed, also by an exception of DuckDB while it took the rows: the statement has failed.
    fn fail(_reader: &mut Self::Reader) {}
}

/// One overload of a scalar function: the types of its parameters.
pub type ScalarSignature = &'static [ParameterType];

/// A SQL scalar function.
pub trait ScalarFunction: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;
    /// Whether each row is a call of its own: true for what has an effect or may answer differently each time.
    const VOLATILE: bool;
    /// The overloads.
    const SIGNATURES: &'static [ScalarSignature];

    /// The type of the result.
    fn returns() -> Type;
    /// Answers every row of the input: a buffer of the result's type with as many rows. NULL arguments are passed on.
    ///
    /// # Errors
    /// A row that has no answer; the whole statement fails.
    fn call(input: &dyn Input) -> Result<Buffer>;
}

/// The rows of one call of a scalar function, or of one chunk of a `COPY ... TO`.
pub trait Input {
    /// The number of rows.
    fn len(&self) -> usize;
    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The settings of the session that are set, by their names.
    fn settings(&self) -> &[(&'static str, Value)];
    /// The number of columns.
    fn width(&self) -> usize;
    /// The bytes of a VARCHAR or BLOB; None for NULL and for a column of another type.
    fn bytes(&self, column: usize, row: usize) -> Option<&[u8]>;
    /// A text argument, which errors call `name`; None for NULL and where it is left out.
    ///
    /// # Errors
    /// The bytes of a BLOB are not UTF-8.
    fn text(&self, column: usize, row: usize, name: &str) -> Result<Option<&str>> {
        let Some(bytes) = self.bytes(column, row) else { return Ok(None) };
        std::str::from_utf8(bytes).map(Some).map_err(|_| Error::new(format!("{name} is not UTF-8")))
    }
    /// Whether a column is VARCHAR or BLOB.
    fn is_bytes(&self, column: usize) -> bool;
    /// Any value as a document for a payload; null when there is no such column.
    ///
    /// # Errors
    /// The value is of a type that no payload can hold, or a MAP with keys that are neither texts nor whole numbers.
    fn document(&self, column: usize, row: usize) -> Result<Document>;
    /// Any value; NULL when there is no such column.
    ///
    /// # Errors
    /// A STRUCT on DuckDB 1.2, whose members cannot be read row by row.
    fn value(&self, column: usize, row: usize) -> Result<Value>;
    /// A value that says how the call is made and is commonly the same in every row, such as a connection; NULL when
    /// there is no such column. A STRUCT on DuckDB 1.2 is that of the first row.
    fn option(&self, column: usize, row: usize) -> Value;
}

/// A format of `COPY ... TO 'target' (FORMAT name, option value, ...)`.
pub trait CopyFunction: 'static {
    /// The format's name in SQL.
    const NAME: &'static str;
    /// The result of bind, which every run gets.
    type Plan: Send + Sync + 'static;
    /// The state of one run.
    type Run: Send + 'static;
    /// The table function of `COPY ... FROM 'source' (FORMAT name, option value, ...)`. Its one positional parameter is the source,
    /// options are its named parameters with the values that the user wrote, not cast to the parameters' types, and
    /// its columns are those of [`Arguments::target`].
    type Source: TableFunction;

    /// Options become a plan. No network. `columns` is how many columns a row has, `names` what they are called; empty where
    /// the host does not say.
    ///
    /// # Errors
    /// An option is unknown, of the wrong type, or contradicts another.
    fn bind(
        options: &[(String, Value)],
        settings: &[(&'static str, Value)],
        columns: usize,
        names: &[String],
    ) -> Result<Self::Plan>;
    /// Starts a run that writes to `target`.
    ///
    /// # Errors
    /// The server cannot be reached, or does not take what is to be written.
    fn open(plan: &Self::Plan, target: &str) -> Result<Self::Run>;
    /// Takes rows.
    ///
    /// # Errors
    /// A row cannot be written, or a write before it failed.
    fn sink(run: &mut Self::Run, rows: &dyn Input) -> Result<()>;
    /// Every row was taken.
    ///
    /// # Errors
    /// A write failed that was still waiting for its acknowledgement.
    fn finish(run: &mut Self::Run) -> Result<()>;
}

/// Whether a function makes rows or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FunctionKind {
    Table,
    Scalar,
}

/// A function's entry in the catalogue.
#[derive(Debug)]
pub struct Documentation {
    /// Whether it makes rows or a value.
    pub kind: FunctionKind,
    /// The function's name in SQL.
    pub name: &'static str,
    /// The names of a scalar function's arguments, those of its longest overload.
    pub arguments: &'static [&'static str],
    /// Its effect, in a sentence.
    pub description: &'static str,
    /// A call.
    pub example: &'static str,
}

/// Registers functions with the database that loads the extension.
pub trait Registrar {
    /// Sets the catalogue's entries of the functions that are registered next. Does nothing on a host whose catalogue
    /// takes none.
    fn describe(&self, _functions: &'static [Documentation]) {}
    /// Registers a table function.
    ///
    /// # Errors
    /// The host refuses the registration.
    fn table<T: TableFunction>(&self) -> Result<()>;
    /// Registers a scalar function with all its overloads.
    ///
    /// # Errors
    /// The host refuses the registration.
    fn scalar<F: ScalarFunction>(&self) -> Result<()>;
    /// Registers a format of COPY. Does nothing on a host without copy functions.
    ///
    /// # Errors
    /// The host refuses the registration.
    fn copy<F: CopyFunction>(&self) -> Result<()>;
    /// Registers settings, unset, for the session. Does nothing on a host without settings.
    ///
    /// # Errors
    /// The host refuses the registration.
    fn settings(&self, settings: &[Setting]) -> Result<()>;
    /// Makes `FROM 'name'` a call `FROM function('name')` where the name begins with one of the prefixes, in any case.
    ///
    /// # Errors
    /// The host refuses the registration.
    fn replacement(&self, prefixes: &'static [&'static str], function: &'static str) -> Result<()>;
}
