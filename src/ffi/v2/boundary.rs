//! What crosses the boundary to DuckDB in every callback: errors, and what the catalogue says.

use duckdb_neo as neo;
use neo::connection::Context;
use neo::error::DuckDBError;
use neo::log::{Log, LogLevel};
use neo::signature::FunctionDocumentationBuilder;

use crate::error::{Error, Result};
use crate::ffi::contain;
use crate::ffi::port::Documentation;
use crate::log;

/// The type of our entries in DuckDB's log.
const LOG_TYPE: &str = "nats_js";

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

/// Writes what happened since the last call into DuckDB's log. A log that cannot be written is no reason to fail.
pub(super) fn write_log(context: &Context) {
    for event in log::take() {
        let level = match event.level {
            log::Level::Info => LogLevel::Info,
            log::Level::Warning => LogLevel::Warn,
        };
        drop(Log::log_on_context(context, level, &event.text, LOG_TYPE));
    }
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
