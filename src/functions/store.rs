//! The parts that key-value buckets (ADR-8) and object stores (ADR-20) share: each is a stream of a certain form.

use std::sync::Arc;

use super::manage::{choice, count, limit, metadata, nanos};
use super::rows::{Row, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, StreamInfo, streams};
use crate::plan::kv::check_bucket;
use crate::value::{Arguments, Parameter, ParameterType};

/// The name of the store, which is the first argument of each of their functions.
///
/// # Errors
/// It is missing, or no store can have that name.
pub fn bucket(arguments: &Arguments) -> Result<String> {
    let bucket = arguments.required_text("bucket")?;
    check_bucket(bucket)?;
    Ok(bucket.to_owned())
}

/// The parameters that make or change either.
pub fn parameters() -> Vec<Parameter> {
    use ParameterType::{Any, Boolean, Interval, Text};
    vec![
        Parameter::new("description", Text),
        Parameter::new("ttl", Interval),
        Parameter::new("max_bytes", Any),
        Parameter::new("storage", Text),
        Parameter::new("replicas", Any),
        Parameter::new("compressed", Boolean),
        Parameter::new("metadata", Any),
    ]
}

/// The configuration of the stream that [`parameters`] ask for.
///
/// # Errors
/// A value is of the wrong type or out of its range.
pub fn wanted(arguments: &Arguments) -> Result<Config> {
    let compression = arguments.boolean("compressed")?.map(|compressed| if compressed { "s2" } else { "none" });
    Ok(Config::default()
        .with_some("description", arguments.text("description")?)
        .with_some("max_age", nanos(arguments, "ttl")?)
        .with_some("max_bytes", limit(arguments, "max_bytes")?)
        .with_some("storage", choice(arguments, "storage", &["file", "memory"])?)
        .with_some("num_replicas", count(arguments, "replicas")?)
        .with_some("compression", compression)
        .with_some("metadata", metadata(arguments, "metadata")?))
}

/// The configuration of the stream of either, unless something else is asked for.
pub fn defaults(subjects: Vec<String>) -> Config {
    Config::default()
        .with("subjects", subjects)
        .with("retention", "limits")
        .with("storage", "file")
        .with("discard", "new")
        .with("num_replicas", 1)
        .with("max_bytes", -1)
        .with("allow_rollup_hdrs", true)
        .with("allow_direct", true)
}

/// The columns of the functions that make or change a store.
pub fn ensured_columns() -> Vec<Column> {
    columns([("bucket", Type::Varchar), ("action", Type::Varchar), ("changed", Type::list(Type::Varchar))])
}

/// A row for each store of the account; the names of their streams begin with `prefix`.
///
/// # Errors
/// The server cannot be reached, or refuses to list its streams.
pub fn list(connection: &Arc<Connection>, prefix: &str, row: fn(&str, &StreamInfo) -> Row) -> Result<Vec<Row>> {
    let streams = streams(connection)?;
    Ok(streams.iter().filter_map(|info| Some(row(info.name.strip_prefix(prefix)?, info))).collect())
}

/// Whether the store's stream is compressed.
pub fn is_compressed(config: &Config) -> bool {
    config.text("compression").is_some_and(|compression| compression != "none")
}
