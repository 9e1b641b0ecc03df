//! The only room with hand-written `unsafe`, and the only one that knows DuckDB. It knows nothing of NATS.
//!
//! Everything here is written against the 404 functions of DuckDB's stable C API v1.2.0, so that one binary loads in
//! every host from 1.2 on; functions that exist only on newer hosts are reached through [`host`], which says whether
//! they are there. No connection is ever kept: the one that registers the functions is closed before `LOAD` returns.
#![allow(unsafe_code)]

mod chunk;
mod contain;
mod copy;
mod document;
mod entry;
pub mod host;
mod logical;
mod replacement;
mod scalar;
mod settings;
mod table;
mod type_text;
mod value;

pub use chunk::{Chunk, Vector};
pub use copy::CopyFunction;
pub use scalar::{Input, ScalarFunction, ScalarSignature};
pub use table::{Bound, TableFunction};
pub use type_text::parse_types;

use libduckdb_sys as duckdb;

/// Registers functions with the database that loads the extension.
pub struct Registrar {
    database: duckdb::duckdb_database,
    connection: duckdb::duckdb_connection,
}
