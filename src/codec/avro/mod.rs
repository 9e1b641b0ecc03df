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

mod canonical;
mod container;
mod datum;
mod schema;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeSeed;

use super::document::{DocumentCodec, Replay, Strictness, Tree, TreeFormat, TreeValues};
use super::path::{Path, Wanted};
use super::registry::{SchemaRegistry, framed};
use super::{Codec, FormatArguments, FormatParameter, cut_off};
use crate::column::Type;
use crate::error::{Error, Result};
use container::Container;
use datum::Bytes;

pub use schema::Schema;

/// A codec that reads typed columns by path. Without a schema, every payload must be a container.
///
/// [`Schema::fields`] has the columns of all fields. A block of a container inflates to at most `limit` bytes.
///
/// # Errors
/// None; formats with a schema have some.
pub fn columns(schema: Option<Schema>, limit: usize, wanted: Wanted) -> Result<Box<dyn Codec>> {
    Ok(Box::new(DocumentCodec::new(Avro::new(schema, limit), Strictness::Strict, wanted)))
}

/// As [`columns`], for payloads in the framing of a registry, which has their schemas.
///
/// # Errors
/// None; a schema is asked for when the first payload of it is read.
pub fn registered(registry: Arc<dyn SchemaRegistry>, limit: usize, wanted: Wanted) -> Result<Box<dyn Codec>> {
    let avro = Avro { registry: Some(registry), ..Avro::new(None, limit) };
    Ok(Box::new(DocumentCodec::new(avro, Strictness::Strict, wanted)))
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
    Schema::parse(&text_of(&registry.schema(number).map_err(Error::new)?))?.fields()
}

/// The schema in an entry of a registry: the text itself, or the member `schema` of an answer of a registry's HTTP API.
fn text_of(entry: &str) -> String {
    let answer: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(entry).ok();
    match answer.as_ref().filter(|answer| !answer.contains_key("type")).and_then(|answer| answer.get("schema")) {
        Some(serde_json::Value::String(schema)) => schema.clone(),
        _ => entry.to_owned(),
    }
}

/// A codec that reads every field of the given schema, typed, one column for each, and texts by path; None without a
/// schema.
///
/// # Errors
/// The schema is not a record.
pub fn all(schema: Option<Schema>, limit: usize, texts: &[Path]) -> Result<Option<Box<dyn Codec>>> {
    let Some(schema) = schema else { return Ok(None) };
    let wanted = Wanted { columns: schema.fields()?, texts: texts.to_vec(), ..Wanted::default() };
    columns(Some(schema), limit, wanted).map(Some)
}

/// The parameters of the format.
pub const PARAMETERS: &[FormatParameter] = &[FormatParameter::text("avro_schema")];

/// The schema that a call gives as `avro_schema`: the JSON of a schema, or the path of a file that holds it.
///
/// # Errors
/// The file cannot be read, or the text is not an Avro schema.
pub fn given_schema(arguments: &FormatArguments) -> Result<Option<Schema>> {
    let Some(text) = arguments.text("avro_schema") else { return Ok(None) };
    let inline = text.trim_start().starts_with(['{', '[', '"']);
    if inline {
        return Schema::parse(text).map(Some).map_err(|error| error.within("avro_schema"));
    }
    let read = std::fs::read_to_string(text);
    let file = read.map_err(|error| Error::foreign(&format!("avro_schema: cannot read '{text}'"), &error))?;
    Schema::parse(&file).map(Some).map_err(|error| error.within(&format!("avro_schema: '{text}'")))
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
    /// The largest size in bytes of an inflated block of a container.
    limit: usize,
    /// Where the schemas of framed payloads are, and those that were asked for.
    registry: Option<Arc<dyn SchemaRegistry>>,
    asked: Mutex<HashMap<u32, std::result::Result<Arc<Schema>, String>>>,
    /// The schema of the last container and its text: containers of one stream mostly share it.
    last: Mutex<Option<(String, Arc<Schema>)>>,
}

impl Avro {
    fn new(schema: Option<Schema>, limit: usize) -> Self {
        Self { schema, limit, registry: None, asked: Mutex::default(), last: Mutex::new(None) }
    }

    fn document(&self, payload: &[u8]) -> std::result::Result<Tree, String> {
        if let Some(registry) = &self.registry {
            let (number, datum) = framed(payload)?;
            let schema = self.registered_schema(&**registry, number)?;
            return whole(&schema, datum).map_err(|error| match error.as_str() {
                datum::CUT_OFF => format!("the payload ends before its object of schema {number} does"),
                error => format!("by schema {number}: {error}"),
            });
        }
        if container::is_container(payload) {
            let container = Container::open(payload)?;
            let schema = self.writer_schema(container.schema)?;
            return container.object(&schema, self.limit);
        }
        let Some(schema) = &self.schema else {
            return Err("the payload is not a container, and no schema is given".to_owned());
        };
        if let Some(marked) = payload.strip_prefix(&[0xc3, 0x01])
            && let Some(object) = marked.strip_prefix(schema.fingerprint())
        {
            return whole(schema, object);
        }
        whole(schema, payload).map_err(|error| match payload {
            [0xc3, 0x01, ..] => "the payload is a single object of another schema than the one given".to_owned(),
            _ => error,
        })
    }

    /// A schema of the registry, which is asked once for each number: the schema of a number does not change.
    fn registered_schema(
        &self,
        registry: &dyn SchemaRegistry,
        number: u32,
    ) -> std::result::Result<Arc<Schema>, String> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = |text: String| {
            Schema::parse(&text_of(&text)).map(Arc::new).map_err(|error| format!("schema {number}: {error}"))
        };
        asked.entry(number).or_insert_with(|| registry.schema(number).and_then(parse)).clone()
    }

    fn writer_schema(&self, text: &str) -> std::result::Result<Arc<Schema>, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, schema)) = &*last
            && known == text
        {
            return Ok(Arc::clone(schema));
        }
        let schema = Arc::new(Schema::parse(text).map_err(|error| error.to_string())?);
        *last = Some((text.to_owned(), Arc::clone(&schema)));
        Ok(schema)
    }
}

fn whole(schema: &Schema, payload: &[u8]) -> std::result::Result<Tree, String> {
    let mut bytes = Bytes { rest: payload };
    let tree = datum::read(schema, &mut bytes)?;
    if bytes.rest.is_empty() { Ok(tree) } else { Err(format!("{} bytes follow the datum", bytes.rest.len())) }
}

impl TreeFormat for Avro {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let tree = self.document(payload).map_err(|cause| match cause.as_str() {
            datum::CUT_OFF => format!("malformed Avro: {}", cut_off(payload)),
            cause => format!("malformed Avro: {cause}"),
        })?;
        TreeValues::replay(&tree, seed)
    }
}

#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod tests;
