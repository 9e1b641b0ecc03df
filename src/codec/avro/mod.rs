//! Avro: plain datums, the single-object encoding, and object container files; the same paths, types and rules as JSON.
//!
//! | the payload starts with | it is |
//! |---|---|
//! | `Obj` and the byte 1 | a container; it brings its schema, and holds one object |
//! | the bytes C3 01 and the fingerprint of the given schema | a single object |
//! | anything else | a plain datum of the given schema |
//!
//! A record is an object, a union the value of its branch, an enum its symbol, bytes and fixed are binaries. date,
//! time-*, timestamp-*, local-timestamp-*, decimal (of more than 38 digits: into VARCHAR), uuid and duration come as values of those types. A datum
//! nests at most 200 levels deep. Containers are compressed by deflate, snappy, zstandard or not at all (`null`);
//! bzip2 and xz, which the specification has as well, are errors. A block inflates to at most `max_inflated`, 64 MiB.
//!
//! With a reader's schema, what the payload's own schema says is resolved to it, as the specification has it:
//! `resolve.rs`.

mod canonical;
mod container;
mod datum;
mod default;
mod elements;
mod fault;
mod list;
mod payload;
mod resolve;
mod schema;
mod source;

use std::sync::Arc;

use serde::de::DeserializeSeed;

use super::document::{DocumentCodec, Replay, Strictness, TreeFormat, TreeValues};
use super::path::{Path, Wanted};
use super::registry::{SchemaRegistry, framed};
use super::{Codec, Cut, FormatArguments};
use crate::column::Type;
use crate::error::{Error, Result};
use container::Container;
use fault::Fault;
use payload::Avro;
use source::{SCHEMA, given_schema, parse_entry};

pub use schema::{READER_SCHEMA, Schema};
pub use source::PARAMETERS;

/// A codec that reads typed columns by path. Without a schema, every payload must be a container.
///
/// [`Schema::fields`] has the columns of all fields. A block of a container inflates to at most `limit` bytes.
///
/// # Errors
/// None; formats with a schema have some.
pub fn columns(schema: Option<Schema>, limit: usize, wanted: Wanted) -> Result<Box<dyn Codec>> {
    Ok(Box::new(DocumentCodec::new(Avro::new(schema, limit), Strictness::Strict, wanted)))
}

/// A codec that reads typed columns by path, by the arguments of a call: a schema, a reader's schema, or a registry, which has
/// the schemas of the payloads. With none of them every payload must be a container. The documents are the elements of a list
/// where the arguments name one.
///
/// # Errors
/// A schema is none. That of a registry is asked for when the first payload of it is read.
pub fn given(arguments: &FormatArguments, wanted: Wanted) -> Result<Box<dyn Codec>> {
    let avro = Avro::of(arguments)?;
    Ok(match &arguments.element_of {
        Some(list) => elements::columns(avro, list.clone(), wanted),
        None => Box::new(DocumentCodec::new(avro, Strictness::Strict, wanted)),
    })
}

/// Finds the elements of a list by the arguments of a call.
///
/// # Errors
/// A schema is none, or the path leads to no list in it. The schemas of a registry and of containers are met when payloads are
/// read.
pub fn elements(arguments: &FormatArguments, path: &Path) -> Result<Cut> {
    let avro = Avro::of(arguments)?;
    if let Some(schema) = avro.known() {
        list::position(schema, path).map_err(|error| error.within("unnest"))?;
    }
    Ok(elements::cut(avro))
}

/// The columns of a sample of payloads in the framing of a registry: all fields of the schema of the first.
///
/// # Errors
/// No payload of the sample is framed, or its schema is not in the registry, or it is no record.
pub fn infer_registered(
    registry: &Arc<dyn SchemaRegistry>,
    payloads: &mut dyn Iterator<Item = &[u8]>,
) -> Result<Vec<(Path, Type)>> {
    let number = payloads.filter_map(|payload| framed(payload).ok()).map(|(number, _)| number).next();
    let number = number.ok_or_else(|| Error::new("no payload of the sample begins with the number of a schema"))?;
    parse_entry(&registry.schema(number).map_err(Error::new)?)?.fields()
}

/// A codec that reads every field of the reader's schema, or else of the given one, typed, one column for each, and texts
/// by path; None without a schema.
///
/// # Errors
/// The schema is not a record.
pub fn all(arguments: &FormatArguments, texts: &[Path]) -> Result<Option<Box<dyn Codec>>> {
    let reader = given_schema(arguments, READER_SCHEMA)?;
    let Some(schema) = reader.map_or_else(|| given_schema(arguments, SCHEMA), |schema| Ok(Some(schema)))? else {
        return Ok(None);
    };
    let wanted = Wanted { columns: schema.fields()?, texts: texts.to_vec(), ..Wanted::default() };
    given(arguments, wanted).map(Some)
}

/// The columns of a sample of payloads: all fields of the schema in the first container.
///
/// # Errors
/// No payload is a container with a schema that is a record.
pub fn infer(payloads: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    let text = payloads.filter(|p| container::is_container(p)).find_map(|p| Some(Container::open(p).ok()?.schema));
    let missing = || {
        Error::new("no columns can be inferred, as no payload of the sample is an Avro container")
            .advice("give the schema")
    };
    Schema::parse(text.ok_or_else(missing)?)?.fields()
}

impl TreeFormat for Avro {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let read = || {
            let (schema, held) = self.open(payload)?;
            held.read(&self.datum(&held)?, |bytes| datum::read(&schema, bytes))
        };
        let tree = read().map_err(|fault: Fault| fault.told(payload))?;
        TreeValues::replay(&tree, seed)
    }
}

#[cfg(test)]
mod elements_tests;
#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod tests;
