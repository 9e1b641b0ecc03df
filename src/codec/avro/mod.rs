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
mod fault;
mod resolve;
mod schema;

use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeSeed;

use super::document::{DocumentCodec, Replay, Strictness, Tree, TreeFormat, TreeValues};
use super::path::{Path, Wanted};
use super::registry::{Asked, SchemaRegistry, framed, text_of};
use super::{Codec, FormatArguments, FormatParameter};
use crate::column::Type;
use crate::error::{Error, Result};
use container::Container;
use datum::Bytes;
use fault::Fault;

pub use schema::{READER_SCHEMA, Schema};

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
/// the schemas of the payloads. With none of them every payload must be a container.
///
/// # Errors
/// A schema is none. That of a registry is asked for when the first payload of it is read.
pub fn given(arguments: &FormatArguments, wanted: Wanted) -> Result<Box<dyn Codec>> {
    let avro = Avro {
        registry: arguments.registry.clone().map(Asked::new),
        reader: given_schema(arguments, READER_SCHEMA)?,
        ..Avro::new(None, arguments.max_inflated)
    };
    let schema = given_schema(arguments, SCHEMA)?.map(|schema| avro.to_read(schema));
    Ok(Box::new(DocumentCodec::new(Avro { schema, ..avro }, Strictness::Strict, wanted)))
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
    parse_entry(registry.schema(number).map_err(Error::new)?)?.fields()
}

/// Reads the schema in an entry of a registry; an object that is a schema has a type.
fn parse_entry(entry: String) -> Result<Schema> {
    Schema::parse(&text_of(entry, |object| object.contains_key("type")))
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

const SCHEMA: &str = "avro_schema";

/// The parameters of the format.
pub const PARAMETERS: &[FormatParameter] = &[FormatParameter::text(SCHEMA), FormatParameter::text(READER_SCHEMA)];

/// The schema that a call gives to a parameter: the JSON of a schema, or the path of a file that holds it.
fn given_schema(arguments: &FormatArguments, parameter: &str) -> Result<Option<Schema>> {
    let Some(text) = arguments.text(parameter) else { return Ok(None) };
    let inline = text.trim_start().starts_with(['{', '[', '"']);
    if inline {
        return Schema::parse(text).map(Some).map_err(|error| error.within(parameter));
    }
    let read = std::fs::read_to_string(text);
    let file = read.map_err(|error| Error::foreign(&format!("{parameter}: cannot read '{text}'"), &error))?;
    Schema::parse(&file).map(Some).map_err(|error| error.within(&format!("{parameter}: '{text}'")))
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

struct Avro {
    schema: Option<Schema>,
    /// The schema to which those of the payloads are resolved.
    reader: Option<Schema>,
    /// The largest size in bytes of an inflated block of a container.
    limit: usize,
    /// Where the schemas of framed payloads are.
    registry: Option<Asked<Schema>>,
    /// The schema of the last container and its text: containers of one stream mostly share it.
    last: Mutex<Option<(String, Arc<Schema>)>>,
}

impl Avro {
    fn new(schema: Option<Schema>, limit: usize) -> Self {
        Self { schema, reader: None, limit, registry: None, last: Mutex::new(None) }
    }

    /// A schema of payloads as they are read: resolved to the reader's, if there is one.
    fn to_read(&self, written: Schema) -> Schema {
        match &self.reader {
            Some(reader) => resolve::resolve(&written, reader),
            None => written,
        }
    }

    fn document(&self, payload: &[u8]) -> std::result::Result<Tree, Fault> {
        if let Some(registry) = &self.registry {
            let (number, datum) = framed(payload)?;
            let schema = registry.schema(number, |entry| {
                let schema = parse_entry(entry).map_err(|error| format!("schema {number}: {error}"))?;
                Ok(self.to_read(schema))
            })?;
            return whole(&schema, datum).map_err(|fault| match fault {
                Fault::Malformed(why) => format!("by schema {number}: {why}").into(),
                fault => fault.within(|| format!("the payload ends before its object of schema {number} does")),
            });
        }
        if container::is_container(payload) {
            let container = Container::open(payload)?;
            let schema = self.writer_schema(container.schema)?;
            return container.object(&schema, self.limit);
        }
        let Some(schema) = &self.schema else {
            return Err("the payload is not a container, and no schema is given".into());
        };
        if let Some(marked) = payload.strip_prefix(&[0xc3, 0x01])
            && let Some(object) = marked.strip_prefix(schema.fingerprint())
        {
            return whole(schema, object);
        }
        whole(schema, payload).map_err(|fault| match payload {
            [0xc3, 0x01, ..] => "the payload is a single object of another schema than the one given".into(),
            _ => fault,
        })
    }

    fn writer_schema(&self, text: &str) -> std::result::Result<Arc<Schema>, Fault> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, schema)) = &*last
            && known == text
        {
            return Ok(Arc::clone(schema));
        }
        let schema = Schema::parse(text).map_err(|error| error.to_string())?;
        let schema = Arc::new(self.to_read(schema));
        *last = Some((text.to_owned(), Arc::clone(&schema)));
        Ok(schema)
    }
}

fn whole(schema: &Schema, payload: &[u8]) -> std::result::Result<Tree, Fault> {
    let mut bytes = Bytes { rest: payload };
    let tree = datum::read(schema, &mut bytes)?;
    if bytes.rest.is_empty() { Ok(tree) } else { Err(format!("{} bytes follow the datum", bytes.rest.len()).into()) }
}

impl TreeFormat for Avro {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let tree = self.document(payload).map_err(|fault| fault.told(payload))?;
        TreeValues::replay(&tree, seed)
    }
}

#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod tests;
