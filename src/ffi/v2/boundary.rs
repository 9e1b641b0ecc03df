//! Errors and catalogue entries, as every callback hands them to DuckDB.

use duckdb_neo as neo;
use neo::connection::Context;
use neo::error::DuckDBError;
use neo::file::FileSystem;
use neo::log::{Log, LogLevel};
use neo::signature::FunctionDocumentationBuilder;
use neo::{AsRaw, FromRaw};

use crate::error::{Error, Kind, Result};
use crate::ffi::contain;
use crate::ffi::port::Documentation;
use crate::interrupt;
use crate::log;

/// The type of our entries in DuckDB's log.
const LOG_TYPE: &str = "nats_js";

/// A function's entry in DuckDB's catalogue.
pub(super) fn docs(function: &Documentation) -> FunctionDocumentationBuilder {
    FunctionDocumentationBuilder::new()
        .description(function.description)
        .add_example("", function.example)
        .add_category("nats")
}

/// Runs a function's own code in a callback. The error carries the SQL function's name in front.
pub(super) fn contain<T>(function: &str, body: impl FnOnce() -> Result<T>) -> neo::Result<T> {
    let mut code = DuckDBError::InputInvalid;
    let contained = contain::contain(function, || {
        body().inspect_err(|error| {
            if error.kind() == Kind::Interrupted {
                code = DuckDBError::RuntimeInterrupt;
            }
        })
    });
    contained.map_err(|text| neo::Error { code, message: text.to_string_lossy().into_owned() })
}

/// Runs the body of a callback. Waits inside of it end when the user interrupts the statement.
pub(super) fn interruptible<T>(context: &Context, body: impl FnOnce() -> T) -> T {
    // SAFETY: the context lives through the callback, and nobody asks once the body has ended.
    let handle = unsafe { context.get_raw() };
    // SAFETY: as above; a context owns nothing.
    interrupt::watched(move || is_interrupted(&unsafe { Context::from_raw(handle) }), body)
}

/// Whether the context's statement was interrupted. No function of the C API tells that, but a search for files does: DuckDB
/// refuses it to a statement that was, before it looks (docs/design/host.md). Without a path nothing is looked for.
fn is_interrupted(context: &Context) -> bool {
    let looked = FileSystem::new(context).and_then(|files| files.glob(""));
    looked.is_err_and(|error| error.code == DuckDBError::RuntimeInterrupt)
}

/// Writes the events since the last call into DuckDB's log. A log that cannot be written fails no statement.
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

/// The error of a bind, which DuckDB shows as one, unless the statement was interrupted.
pub(super) fn of_binder(error: neo::Error) -> neo::Error {
    match error.code {
        DuckDBError::RuntimeInterrupt => error,
        _ => neo::Error { code: DuckDBError::QueryBinder, ..error },
    }
}

/// An error of DuckDB's as ours.
pub(super) fn fault(error: neo::Error) -> Error {
    Error::new(error.message)
}
