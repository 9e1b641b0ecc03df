//! The door to DuckDB's stable C API v1.2.0.
//!
//! Everything here is written against the 404 functions that every host from 1.2 on has; functions that exist only on
//! newer hosts are reached where `host` says that they are there. No connection is ever kept: the one that registers
//! the functions is closed before `LOAD` returns.

mod copy;
mod document;
mod emit;
mod host;
mod input;
mod load;
mod logical;
mod registrar;
mod replacement;
mod scalar;
mod settings;
mod table;
mod type_text;
mod unwinding;
mod value;

pub use load::load;
pub use registrar::Registrar;

use libduckdb_sys as duckdb;
pub use libduckdb_sys::{duckdb_extension_access as Access, duckdb_extension_info as Info};

use super::port::{self, CopyFunction, ScalarFunction, TableFunction};
use crate::error::{Error, Result};
use crate::value::Setting;

impl port::Registrar for Registrar {
    fn table<T: TableFunction>(&self) -> Result<()> {
        succeeded(table::register::<T>(self), "table function", T::NAME)
    }

    fn scalar<F: ScalarFunction>(&self) -> Result<()> {
        succeeded(scalar::register::<F>(self), "scalar function", F::NAME)
    }

    fn copy<F: CopyFunction>(&self) -> Result<()> {
        succeeded(copy::register::<F>(self), "format", F::NAME)
    }

    fn settings(&self, settings: &[Setting]) -> Result<()> {
        settings::register(self, settings)
    }

    fn replacement(&self, prefixes: &'static [&'static str], function: &'static str) -> Result<()> {
        replacement::register(self, prefixes, function);
        Ok(())
    }
}

fn succeeded(state: duckdb::duckdb_state, kind: &str, name: &str) -> Result<()> {
    if state == duckdb::DuckDBSuccess { Ok(()) } else { Err(Error::new(format!("cannot register the {kind} {name}"))) }
}
