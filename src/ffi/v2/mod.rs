//! The door to DuckDB's v2 C API, for DuckDB 2.0.
//!
//! It is written against the crate `duckdb-neo` alone. Every function of that API answers with an error where the host
//! would throw, and the crate turns a panic in a callback into an error that ends the database; so each callback contains
//! the code of the function by itself first (`contain`), and nothing unwinds through foreign frames.

mod boundary;
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

use std::cell::Cell;

use duckdb_neo as neo;
pub use duckdb_neo::extension::Extension;

use super::port::{self, CopyFunction, Documentation, FunctionKind, ScalarFunction, TableFunction};
use super::type_parser;
use crate::error::{Error, Result};
use crate::log;
use crate::value::Setting;

/// Registers functions with the database that loads the extension.
pub struct Registrar<'a> {
    extension: &'a Extension,
    documented: Cell<&'static [Documentation]>,
}

impl Registrar<'_> {
    fn documentation(&self, kind: FunctionKind, name: &str) -> Option<&'static Documentation> {
        self.documented.get().iter().find(|function| function.kind == kind && function.name == name)
    }
}

impl port::Registrar for Registrar<'_> {
    fn describe(&self, functions: &'static [Documentation]) {
        self.documented.set(functions);
    }

    fn table<T: TableFunction>(&self) -> Result<()> {
        let documentation = self.documentation(FunctionKind::Table, T::NAME);
        registered(table::register::<T>(self.extension, documentation), "table function", T::NAME)
    }

    fn scalar<F: ScalarFunction>(&self) -> Result<()> {
        let documentation = self.documentation(FunctionKind::Scalar, F::NAME);
        registered(scalar::register::<F>(self.extension, documentation), "scalar function", F::NAME)
    }

    fn copy<F: CopyFunction>(&self) -> Result<()> {
        registered(copy::register::<F>(self.extension), "format", F::NAME)
    }

    fn settings(&self, settings: &[Setting]) -> Result<()> {
        registered(settings::register(self.extension, settings), "settings of", "nats_js")
    }

    fn replacement(&self, prefixes: &'static [&'static str], function: &'static str) -> Result<()> {
        registered(replacement::register(self.extension, prefixes, function), "replacement scan by", function)
    }
}

fn registered(outcome: neo::Result<()>, kind: &str, name: &str) -> Result<()> {
    outcome.map_err(|error| Error::new(format!("cannot register the {kind} {name}: {}", error.message)))
}

/// Registers functions with the database that loads the extension.
///
/// # Errors
/// `register` fails: the host refuses one of the functions.
pub fn load(
    extension: &Extension,
    register: impl FnOnce(&Registrar<'_>) -> Result<()>,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    log::open();
    type_parser::opened(type_text::parse_types);
    register(&Registrar { extension, documented: Cell::new(&[]) }).map_err(|error| format!("nats_js: {error}").into())
}
