//! The argument `stream` of functions that take several: a name, a list, or patterns with `*`.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::stream_names;
use crate::plan::StreamNames;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The parameter.
pub const STREAM: Parameter = Parameter::new("stream", ParameterType::TextOrList);

/// The streams that a call names; None when it names none.
///
/// # Errors
/// A name that breaks the rules, or an empty list.
pub fn read(arguments: &Arguments) -> Result<Option<StreamNames>> {
    match arguments.find(STREAM.name) {
        None => Ok(None),
        Some(Value::List(_)) => StreamNames::new(&arguments.texts(STREAM.name)?.unwrap_or_default()).map(Some),
        Some(_) => StreamNames::new(&[arguments.required_text(STREAM.name)?]).map(Some),
    }
}

/// The streams, in the order of the list. One round trip for each 1024 streams of the account, where there are patterns.
///
/// # Errors
/// Those of any request.
pub fn resolve(connection: &Arc<Connection>, names: &StreamNames) -> Result<Vec<String>> {
    let existing = if names.has_patterns() { stream_names(connection)? } else { Vec::new() };
    Ok(names.resolve(&existing))
}

/// As [`resolve`], for a read: one that finds no stream is more likely a wrong pattern than an empty answer.
///
/// # Errors
/// No stream matches; those of any request.
pub fn resolve_some(connection: &Arc<Connection>, names: &StreamNames) -> Result<Vec<String>> {
    let found = resolve(connection, names)?;
    if found.is_empty() {
        return Err(Error::of(Kind::NotFound, format!("no stream matches {}", names.shown()))
            .server(connection.label())
            .advice("FROM nats_streams() lists the streams of this server"));
    }
    Ok(found)
}
