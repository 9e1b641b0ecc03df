//! Protobuf (<https://protobuf.dev/programming-guides/encoding/>): `columns`, `proto_extract`, and whole messages.
//!
//! The schema comes from a `.proto` file, compiled when the statement is bound, without protoc, or from a set of
//! descriptors (`protoc --descriptor_set_out --include_imports`). proto2 and proto3; the editions after them in a set of
//! descriptors, as the compiler does not know them yet.
//!
//! A payload is read off the wire by the schema, and only values at the paths of the projected columns are
//! made. The rest is checked to have the form of fields in the messages on the way; an unasked message, text or packed
//! list is passed over by its length.
//!
//! | in the schema | in a column without a type of its own |
//! |---|---|
//! | int32, sint32, sfixed32 | INTEGER |
//! | int64, sint64, sfixed64 | BIGINT |
//! | uint32, fixed32 | UINTEGER |
//! | uint64, fixed64 | UBIGINT |
//! | float, double, bool, string, bytes | FLOAT, DOUBLE, BOOLEAN, VARCHAR, BLOB |
//! | enum | VARCHAR, its name; the number's text when the schema has no name for it; a number type gets the number |
//! | repeated, map | LIST, MAP; empty when absent |
//! | message, group | STRUCT; NULL when absent. JSON when it has no fields, and when it stands in itself |
//! | Timestamp, Duration | TIMESTAMP (UTC), INTERVAL |
//! | Int64Value and the other wrappers | the type inside; NULL when absent |
//! | Struct, Value, ListValue, Any | JSON |
//!
//! `proto_extract` has the same types, but for messages, the well-known ones included: VARCHAR, their JSON text.
//!
//! | absent | is |
//! |---|---|
//! | a proto3 field without `optional` | its zero: 0, false, the empty text, the enum's first name |
//! | `optional`, a member of a oneof | NULL; the default of a proto2 field that declares one |
//! | a proto2 `required` field | an error, when the message that lacks it is read |
//!
//! An enum value that the schema lacks is kept for proto2, too, where protobuf's own readers set it aside. An extension
//! is a field that is called by its full name in brackets, `[pkg.name]`, as in protobuf's JSON; it is in a column of its own or
//! in JSON, and not among all fields. At most 100 messages nest.

mod editions;
mod elements;
mod json;
mod load;
mod payload_error;
mod plan;
mod read;
mod registered;
mod rounds;
mod scalar_view;
mod scan;
mod schema;
mod seconds;
mod source;
mod types;
mod value;
mod visit;
mod wire;

use std::sync::Arc;

use protox::prost_reflect::MessageDescriptor;
use serde::de::DeserializeSeed;

use self::load::{load_message, load_schema};
use self::plan::Plan;
use self::rounds::Rounds;
use self::schema::Schema;
use self::value::Value;
use super::document::{Context, Format, Node};
use super::path::{Path, Wanted};
use super::{Codec, Cut, FormatArguments};
use crate::column::Buffer;
use crate::error::{Error, Result};

pub use registered::{infer as infer_registered, registered};
pub use source::{PARAMETERS, SchemaSource};
pub use types::{MAX_MEMBERS, MAX_RECURSION};

/// A codec that reads typed columns by path; a path is made of the names of fields, keys of maps and positions in lists.
///
/// # Errors
/// The files cannot be read or are not a schema; the message is not there or ambiguous; a path leads nowhere.
pub fn columns(source: &SchemaSource, wanted: Wanted) -> Result<Box<dyn Codec>> {
    Protobuf::load(source)?.codec(wanted)
}

/// A codec of typed columns by the arguments of a call: of payloads in the framing of a registry, of the elements of a list, or
/// of messages.
///
/// # Errors
/// Those of the codecs.
pub fn given(arguments: &FormatArguments, wanted: Wanted) -> Result<Box<dyn Codec>> {
    let source = SchemaSource::of(arguments);
    match (&arguments.registry, &arguments.element_of) {
        (Some(registry), _) => registered(Arc::clone(registry), source, wanted),
        (None, Some(list)) => elements::columns(&source, list, wanted),
        (None, None) => columns(&source, wanted),
    }
}

/// Finds the elements of a list by the arguments of a call.
///
/// # Errors
/// The path leads to no list in the schema; payloads of a registry have no one schema.
pub fn elements(arguments: &FormatArguments, path: &Path) -> Result<Cut> {
    if arguments.registry.is_some() {
        return Err(Error::new("schema_registry and unnest cannot be used together"));
    }
    elements::cut(&SchemaSource::of(arguments), path)
}

/// A codec that reads columns by path with the types of the schema, as `proto_extract` does; `texts` as in [`Wanted`].
///
/// # Errors
/// Those of [`columns`].
pub fn extract(source: &SchemaSource, paths: Vec<Path>, texts: Vec<Path>) -> Result<Box<dyn Codec>> {
    let required = |name| Error::new(format!("{name} parameter is required when using proto_extract"));
    if source.proto_file.is_none() && source.proto_descriptor_set.is_none() {
        return Err(required("proto_file"));
    }
    if source.proto_message.is_none() {
        return Err(required("proto_message"));
    }
    let protobuf = Protobuf::load(source)?;
    let typed = paths.into_iter().map(|path| {
        let ty = types::extracted(&protobuf.schema, protobuf.message, &path)?;
        Ok((path, ty))
    });
    let columns = typed.collect::<Result<Vec<_>>>()?;
    protobuf.codec(Wanted { columns, texts, ..Wanted::default() })
}

/// A codec that reads every field of the message, typed, one column for each; `texts` as in [`Wanted`].
///
/// # Errors
/// Those of [`columns`]; a message with more than [`MAX_MEMBERS`] fields, nested ones counted.
pub fn all(source: &SchemaSource, texts: Vec<Path>) -> Result<Box<dyn Codec>> {
    let protobuf = Protobuf::load(source)?;
    let columns = types::all(&protobuf.schema, protobuf.message)?;
    protobuf.codec(Wanted { columns, texts, ..Wanted::default() })
}

/// The message that a source names, for writing.
///
/// # Errors
/// The files cannot be read or are not a schema; the message is not there or ambiguous.
pub(super) fn message(source: &SchemaSource) -> Result<MessageDescriptor> {
    let (loaded, name) = load_message(source)?;
    let message = loaded.pool.get_message_by_name(&name);
    message.ok_or_else(|| Error::new(format!("Message type '{name}' is lost")))
}

/// The format: a schema, and the message in it that payloads are.
struct Protobuf {
    schema: Schema,
    message: usize,
}

impl Protobuf {
    fn load(source: &SchemaSource) -> Result<Self> {
        let (schema, message) = load_schema(source)?;
        Ok(Self { schema, message })
    }

    fn codec(self, wanted: Wanted) -> Result<Box<dyn Codec>> {
        wanted.paths().try_for_each(|path| types::check(&self.schema, self.message, path))?;
        Ok(Box::new(Rounds::new(self, wanted)))
    }
}

impl Format for Protobuf {
    type Plan = Plan;

    fn plan(&self, trie: Node) -> Plan {
        Plan::root(&self.schema, self.message, trie)
    }

    fn walk(
        &self,
        payload: &[u8],
        plan: &Plan,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        let payload = Value::root(&self.schema, self.message, payload);
        plan.read(payload, out, context).map_err(|fault| fault.to_string())
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        seed.deserialize(Value::root(&self.schema, self.message, payload)).map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests;
