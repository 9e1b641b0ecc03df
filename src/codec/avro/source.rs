//! Where schemas come from: the parameters of a call, and the entries of a registry.

use super::schema::{READER_SCHEMA, Schema};
use crate::codec::registry::Entry;
use crate::codec::{FormatArguments, FormatParameter};
use crate::error::{Error, Result};

/// The parameter of the schema of payloads that bring none.
pub(super) const SCHEMA: &str = "avro_schema";

/// The parameters of the format.
pub const PARAMETERS: &[FormatParameter] = &[FormatParameter::text(SCHEMA), FormatParameter::text(READER_SCHEMA)];

/// The schema that a call gives to a parameter: the JSON of a schema, or the path of a file that holds it.
pub(super) fn given_schema(arguments: &FormatArguments, parameter: &str) -> Result<Option<Schema>> {
    let Some(text) = arguments.text(parameter) else { return Ok(None) };
    let inline = text.trim_start().starts_with(['{', '[', '"']);
    if inline {
        return Schema::parse(text).map(Some).map_err(|error| error.within(parameter));
    }
    let read = std::fs::read_to_string(text);
    let file = read.map_err(|error| Error::foreign(&format!("{parameter}: cannot read '{text}'"), &error))?;
    Schema::parse(&file).map(Some).map_err(|error| error.within(&format!("{parameter}: '{text}'")))
}

/// Reads the schema in an entry of a registry; an object that is a schema has a type.
pub(super) fn parse_entry(entry: &Entry) -> Result<Schema> {
    let references: Vec<&str> = entry.references.iter().map(|reference| &*reference.text).collect();
    Schema::parse_with(&entry.schema(|object| object.contains_key("type")), &references)
}
