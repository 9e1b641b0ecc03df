//! What crosses the boundary to DuckDB in every callback: errors, and what the catalogue says.

use duckdb_neo as neo;
use neo::error::DuckDBError;
use neo::signature::FunctionDocumentationBuilder;

use crate::error::{Error, Result};
use crate::ffi::contain;
use crate::ffi::port::Documentation;

/// What DuckDB's catalogue shows of a function.
pub(super) fn docs(function: &Documentation) -> FunctionDocumentationBuilder {
    FunctionDocumentationBuilder::new()
        .description(function.description)
        .add_example("", function.example)
        .add_category("nats")
}

/// Runs a function's own code in a callback. The error carries the SQL function's name in front.
pub(super) fn contain<T>(function: &str, body: impl FnOnce() -> Result<T>) -> neo::Result<T> {
    contain::contain(function, body).map_err(|text| neo::Error::invalid_input(text.to_string_lossy()))
}

/// An error of ours for DuckDB.
pub(super) fn refuse(function: &str, error: &Error) -> neo::Error {
    neo::Error::invalid_input(format!("{function}: {error}"))
}

/// The error of a bind, which DuckDB shows as one.
pub(super) fn of_binder(error: neo::Error) -> neo::Error {
    neo::Error { code: DuckDBError::QueryBinder, ..error }
}

/// An error of DuckDB's as ours.
pub(super) fn fault(error: neo::Error) -> Error {
    Error::new(error.message)
}
