//! The text of a type becomes a [`Type`], by DuckDB's own parser of types.
//!
//! A private in-memory database reads it: it is ours alone, closed before the call returns, and may touch neither files
//! nor network, so the text of a type can name nothing of the user's own database.

use duckdb_neo as neo;
use neo::Parameters;
use neo::connection::Connection;
use neo::environment::{Environment, StorageLocation};
use neo::instance::{AttachBuilder, InstanceBuilder};
use neo::logical_type::LogicalType;

use super::logical;
use crate::column::Type;
use crate::error::{Error, Result};

/// Reads the texts of types. Beside DuckDB's own, `BASE64` is a BLOB that documents hold as base64 text.
pub(super) fn parse_types(texts: &[&str]) -> Result<Vec<Type>> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let database = private()
        .map_err(|error| Error::new(format!("cannot open a private database to read a type: {}", error.message)))?;
    texts.iter().map(|text| parse(&database, text)).collect()
}

fn private() -> neo::Result<Connection> {
    let builder = InstanceBuilder::new().option("threads", "1").option("enable_external_access", "false");
    let instance = builder.build(Environment::new()?)?;
    instance.attach(AttachBuilder::new(StorageLocation::InMemory).make_default())?;
    let connection = instance.connect()?;
    let base64 = format!("CREATE TYPE BASE64 AS ENUM ('{}')", logical::BASE64_VALUE);
    connection.execute(&base64, Parameters::None)?;
    Ok(connection)
}

fn parse(database: &Connection, text: &str) -> Result<Type> {
    let fault = |why: &str| {
        Error::new(format!("'{text}' is not a type: {why}"))
            .advice("write a DuckDB type, such as BIGINT, DECIMAL(18,2), VARCHAR[] or STRUCT(a INTEGER, b VARCHAR)")
    };
    let logical = LogicalType::from_text(database, text)
        .map_err(|error| fault(error.message.lines().next().unwrap_or_default()))?;
    logical::read(&logical).map_err(|why| fault(&why))
}
