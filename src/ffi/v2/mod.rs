//! The door to DuckDB's v2 C API, for DuckDB 2.0.
//!
//! It is written against the crate `duckdb-neo` alone. Every function of that API answers with an error where the host
//! would throw, and the crate turns a panic in a callback into an error that ends the database; so each callback contains
//! the code of the function by itself first (`contain`), and nothing unwinds through foreign frames.

mod copy;
mod emit;
mod filter;
mod input;
mod logical;
mod replacement;
mod run;
mod scalar;
mod settings;
mod table;
mod type_text;
mod value;

use duckdb_neo as neo;
pub use duckdb_neo::extension::Extension;
use neo::error::DuckDBError;

use super::contain::contain as contain_for_c;
use super::port::{self, CopyFunction, ScalarFunction, TableFunction};
use crate::error::{Error, Result};
use crate::value::Setting;
pub use type_text::parse_types;

/// Registers functions with the database that loads the extension.
pub struct Registrar<'a>(&'a Extension);

impl port::Registrar for Registrar<'_> {
    fn table<T: TableFunction>(&self) -> Result<()> {
        registered(table::register::<T>(self.0), "table function", T::NAME)
    }

    fn scalar<F: ScalarFunction>(&self) -> Result<()> {
        registered(scalar::register::<F>(self.0), "scalar function", F::NAME)
    }

    fn copy<F: CopyFunction>(&self) -> Result<()> {
        registered(copy::register::<F>(self.0), "format", F::NAME)
    }

    fn settings(&self, settings: &[Setting]) -> Result<()> {
        registered(settings::register(self.0, settings), "settings of", "nats_js")
    }

    fn replacement(&self, prefixes: &'static [&'static str], function: &'static str) -> Result<()> {
        registered(replacement::register(self.0, prefixes, function), "replacement scan by", function)
    }
}

fn registered(outcome: neo::Result<()>, kind: &str, name: &str) -> Result<()> {
    outcome.map_err(|error| Error::new(format!("cannot register the {kind} {name}: {}", error.message)))
}

/// Registers functions with the database that loads the extension.
pub fn load(
    extension: &Extension,
    register: impl FnOnce(&Registrar<'_>) -> Result<()>,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    super::TYPES.get_or_init(|| parse_types);
    register(&Registrar(extension)).map_err(|error| format!("nats_js: {error}").into())
}

/// Runs a function's own code in a callback. The error carries the SQL function's name in front.
fn contain<T>(function: &str, body: impl FnOnce() -> Result<T>) -> neo::Result<T> {
    contain_for_c(function, body).map_err(|text| neo::Error::invalid_input(text.to_string_lossy()))
}

/// An error of ours for DuckDB.
fn refuse(function: &str, error: &Error) -> neo::Error {
    neo::Error::invalid_input(format!("{function}: {error}"))
}

/// The error of a bind, which DuckDB shows as one.
fn of_binder(error: neo::Error) -> neo::Error {
    neo::Error { code: DuckDBError::QueryBinder, ..error }
}

/// An error of DuckDB's as ours.
fn fault(error: neo::Error) -> Error {
    Error::new(error.message)
}
