//! Payloads in the framing of schema registries: a zero, the schema's number, the indexes of the message in the schema, and
//! the message (<https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>).
//!
//! The indexes are zigzag varints: their count, then the position of the message among those of the file, then the one
//! among those that stand in it, and so on; one zero byte is the first message of the file. Each payload is read by its own
//! schema, along the same paths: a field that a schema lacks is NULL.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeSeed;

use super::load::{Loaded, Text, load_text};
use super::plan::Plan;
use super::rounds::Rounds;
use super::schema::Schema;
use super::source::SchemaSource;
use super::types;
use super::value::Value;
use super::wire::{Reader, zigzag};
use crate::codec::Codec;
use crate::codec::document::{Context, Format, Node};
use crate::codec::path::{Path, Wanted};
use crate::codec::registry::{Asked, Reference, SchemaRegistry, framed};
use crate::column::{Buffer, Type};
use crate::error::{Error, Result};

/// The most indexes that lead to a message.
const MOST_INDEXES: i64 = 100;

/// A codec that reads typed columns by path, of payloads whose schemas a registry has. Of the source, `proto_path` has the
/// folders of imports, and `proto_message` takes the place of the indexes of payloads.
///
/// # Errors
/// A path counts from the end of a list. A schema is asked for when the first payload of it is read.
pub fn registered(registry: Arc<dyn SchemaRegistry>, source: SchemaSource, wanted: Wanted) -> Result<Box<dyn Codec>> {
    wanted.paths().try_for_each(types::check_without_schema)?;
    Ok(Box::new(Rounds::new(Registered::new(registry, source), wanted)))
}

/// The columns of a sample of payloads: all fields of the message of the first that is framed.
///
/// # Errors
/// No payload of the sample is framed, or its schema is not in the registry.
pub fn infer(
    registry: Arc<dyn SchemaRegistry>,
    source: SchemaSource,
    payloads: &mut dyn Iterator<Item = &[u8]>,
) -> Result<Vec<(Path, Type)>> {
    let header = payloads.filter_map(|payload| Some(split(payload).ok()?.0)).next();
    let header = header.ok_or_else(|| Error::new("no payload of the sample begins with the number of a schema"))?;
    let (definitions, message) = Registered::new(registry, source).message(header).map_err(Error::new)?;
    types::all(&definitions.schema, message)
}

/// What stands in front of a message, and the message.
fn split(payload: &[u8]) -> std::result::Result<(&[u8], &[u8]), String> {
    let mut reader = Reader::new(framed(payload)?.1);
    read_indexes(&mut reader, |_| {})?;
    Ok(payload.split_at(payload.len() - reader.rest().len()))
}

/// Reads the indexes of a message.
fn read_indexes(reader: &mut Reader<'_>, mut take: impl FnMut(usize)) -> std::result::Result<(), String> {
    let malformed = || "the indexes of the message, behind the number of the schema, are malformed".to_owned();
    let mut number = || reader.varint().map(zigzag).map_err(|_| malformed());
    match number()? {
        0 => take(0),
        count @ 1..=MOST_INDEXES => {
            for _ in 0..count {
                take(usize::try_from(number()?).map_err(|_| malformed())?);
            }
        }
        _ => return Err(malformed()),
    }
    Ok(())
}

/// The format: a registry, and what it was asked for.
struct Registered {
    registry: Asked<Definitions>,
    source: SchemaSource,
}

/// One schema of a registry.
struct Definitions {
    loaded: Loaded,
    schema: Schema,
}

impl Registered {
    fn new(registry: Arc<dyn SchemaRegistry>, source: SchemaSource) -> Self {
        Self { registry: Asked::new(registry), source }
    }

    /// The schema of a payload, and the position of its message in it, by what stands in front of the message.
    fn message(&self, header: &[u8]) -> std::result::Result<(Arc<Definitions>, usize), String> {
        let (number, indexes) = framed(header)?;
        let definitions = self.definitions(number)?;
        let name = match &self.source.proto_message {
            Some(name) => definitions.loaded.message(name).map_err(|error| error.to_string())?,
            None => {
                let mut places = Vec::new();
                read_indexes(&mut Reader::new(indexes), |index| places.push(index))?;
                let missing = || format!("schema {number} has no message at the indexes {places:?}");
                definitions.loaded.message_at(&places).ok_or_else(missing)?
            }
        };
        let message = definitions.schema.find(&name).ok_or_else(|| format!("Message type '{name}' is lost"))?;
        Ok((definitions, message))
    }

    fn definitions(&self, number: u32) -> std::result::Result<Arc<Definitions>, String> {
        self.registry.schema(number, |entry| {
            // No schema of protobuf is a JSON object.
            let text = entry.schema(|_| false);
            let own = Text { name: format!("schema {number}"), text };
            let imports = entry.references.into_iter().map(|Reference { name, text }| Text { name, text });
            let loaded = load_text(&own, imports, &self.source.proto_path)?;
            Ok(Definitions { schema: Schema::new(&loaded.pool), loaded })
        })
    }
}

/// The wanted paths, and the plans for the messages that came, by what stood in front of them.
struct Plans {
    wanted: Node,
    known: RefCell<HashMap<Vec<u8>, Known>>,
}

struct Known {
    definitions: Arc<Definitions>,
    message: usize,
    plan: Plan,
}

fn malformed(cause: String) -> String {
    format!("malformed protobuf: {cause}")
}

impl Format for Registered {
    type Plan = Plans;

    fn plan(&self, wanted: Node) -> Plans {
        Plans { wanted, known: RefCell::default() }
    }

    fn walk(
        &self,
        payload: &[u8],
        plans: &Plans,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        let (header, content) = split(payload).map_err(malformed)?;
        let mut known = plans.known.borrow_mut();
        if !known.contains_key(header) {
            let (definitions, message) = self.message(header).map_err(malformed)?;
            let plan = Plan::root(&definitions.schema, message, plans.wanted.clone());
            known.insert(header.to_vec(), Known { definitions, message, plan });
        }
        let Some(Known { definitions, message, plan }) = known.get(header) else { return Ok(()) };
        let content = Value::root(&definitions.schema, *message, content);
        plan.read(content, out, context).map_err(|fault| fault.to_string())
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let (header, content) = split(payload).map_err(malformed)?;
        let (definitions, message) = self.message(header).map_err(malformed)?;
        seed.deserialize(Value::root(&definitions.schema, message, content)).map_err(|fault| fault.to_string())
    }
}
