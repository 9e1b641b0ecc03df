//! The database that functions are registered with.

use libduckdb_sys as duckdb;

/// Registers functions with the database that loads the extension.
pub struct Registrar {
    pub(super) database: duckdb::duckdb_database,
    pub(super) connection: duckdb::duckdb_connection,
}
