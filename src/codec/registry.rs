//! Payloads in the framing of schema registries: a zero byte, the schema's number in four bytes, big-endian, and the datum
//! (<https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format>).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::decode::{Codec, DecodeError, Decoder};
use crate::column::{Buffer, Column};
use crate::error::Error;

/// What a registry has of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The schema: its text, or the answer of a registry's HTTP API that holds it.
    pub text: String,
    /// The schemas that it refers to, and those that these refer to, each before the ones that refer to it.
    pub references: Vec<Reference>,
}

/// A schema that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name by which it is referred to: a type of Avro, a file that Protobuf imports.
    pub name: String,
    /// The schema.
    pub text: String,
}

/// Where schemas are by their numbers.
pub trait SchemaRegistry: fmt::Debug + Send + Sync {
    /// A schema. An implementation remembers what it has found, and what is not there: each payload may ask.
    ///
    /// # Errors
    /// It is not there, or the registry cannot be asked; the error names the registry.
    fn schema(&self, number: u32) -> Result<Entry, String>;

    /// The error of [`SchemaRegistry::schema`], if one was not taken yet, that tells of the registry, not of the schema. It concerns no payload:
    /// the statement fails by it, whatever it does with payloads that do not decode.
    fn take_outage(&self) -> Option<Error> {
        None
    }
}

/// What a registry has, made ready to read with. Each schema is made ready once; what the registry does not have, or cannot tell, is asked again.
pub struct Asked<T> {
    registry: Arc<dyn SchemaRegistry>,
    known: Mutex<HashMap<u32, Result<Arc<T>, String>>>,
}

impl<T> Asked<T> {
    /// Nothing was asked for.
    pub fn new(registry: Arc<dyn SchemaRegistry>) -> Self {
        Self { registry, known: Mutex::default() }
    }

    /// The schema of a number; `compile` makes it ready.
    ///
    /// # Errors
    /// Those of the registry and of `compile`.
    pub fn schema(&self, number: u32, compile: impl FnOnce(Entry) -> Result<T, String>) -> Result<Arc<T>, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&number) {
            return known.clone();
        }
        let found = compile(self.registry.schema(number)?).map(Arc::new);
        known.insert(number, found.clone());
        found
    }
}

impl Entry {
    /// The schema: the text itself, or the member `schema` of an answer of a registry's HTTP API. `is_schema` tells an object that is a schema
    /// from such an answer.
    pub fn schema(&self, is_schema: impl Fn(&Map<String, Value>) -> bool) -> String {
        let answer: Option<Map<String, Value>> = serde_json::from_str(&self.text).ok();
        match answer.filter(|object| !is_schema(object)).and_then(|mut answer| answer.remove("schema")) {
            Some(Value::String(schema)) => schema,
            _ => self.text.clone(),
        }
    }
}

/// The number of a payload's schema, and what follows it.
///
/// # Errors
/// The payload is not framed so.
pub fn framed(payload: &[u8]) -> Result<(u32, &[u8]), String> {
    match payload.split_first_chunk::<5>() {
        Some(([0, number @ ..], datum)) => Ok((u32::from_be_bytes(*number), datum)),
        _ => {
            Err("the payload does not begin with a zero and the number of a schema, as a registry's payloads do"
                .to_owned())
        }
    }
}

/// A codec of payloads that are framed, over one of what they hold.
pub struct Framed(pub Box<dyn Codec>);

impl Codec for Framed {
    fn columns(&self) -> &[Column] {
        self.0.columns()
    }

    fn decoder(&self, projection: &[usize]) -> Box<dyn Decoder + '_> {
        Box::new(FramedDecoder(self.0.decoder(projection)))
    }
}

struct FramedDecoder<'c>(Box<dyn Decoder + 'c>);

impl Decoder for FramedDecoder<'_> {
    fn decode(&mut self, payload: &[u8], out: &mut [Buffer]) -> Result<(), DecodeError> {
        let (_, datum) = framed(payload).map_err(|cause| DecodeError { path: None, cause })?;
        self.0.decode(datum, out)
    }

    /// A part of a framed payload is a part of what it holds.
    fn decode_part(&mut self, part: &[u8], whole: &Bytes, out: &mut [Buffer]) -> Result<(), DecodeError> {
        self.0.decode_part(part, whole, out)
    }
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn the_number_of_a_schema_stands_in_front() {
        assert_eq!(framed(&[0, 0, 0, 1, 2, 9]), Ok((258, &[9][..])));
        assert_eq!(framed(&[0, 255, 255, 255, 255]), Ok((u32::MAX, &[][..])));
        for payload in [&[][..], &[0, 0, 0, 0], &[1, 0, 0, 0, 0, 9], b"{\"a\":1}"] {
            assert!(framed(payload).is_err(), "{payload:?}");
        }
    }
}
