//! What a payload holds: a datum in one of the ways to send it, and the schema that it is read by.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::container::{self, Container};
use super::datum::Bytes;
use super::fault::Fault;
use super::resolve;
use super::schema::{READER_SCHEMA, Schema};
use super::source::{SCHEMA, given_schema, parse_entry};
use crate::codec::FormatArguments;
use crate::codec::registry::{Asked, framed};
use crate::error::Result;

/// How payloads are read.
pub(super) struct Avro {
    /// The schema of payloads that bring none.
    schema: Option<Arc<Schema>>,
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
    /// With a schema, or for containers alone. A block of a container inflates to at most `limit` bytes.
    pub fn new(schema: Option<Schema>, limit: usize) -> Self {
        Self { schema: schema.map(Arc::new), reader: None, limit, registry: None, last: Mutex::new(None) }
    }

    /// By the arguments of a call.
    ///
    /// # Errors
    /// A schema is none.
    pub fn of(arguments: &FormatArguments) -> Result<Self> {
        let avro = Avro {
            registry: arguments.registry.clone().map(Asked::new),
            reader: given_schema(arguments, READER_SCHEMA)?,
            ..Avro::new(None, arguments.max_inflated)
        };
        let schema = given_schema(arguments, SCHEMA)?.map(|schema| Arc::new(avro.to_read(schema)));
        Ok(Avro { schema, ..avro })
    }

    /// A schema of payloads as they are read: resolved to the reader's, if there is one.
    fn to_read(&self, written: Schema) -> Schema {
        match &self.reader {
            Some(reader) => resolve::resolve(&written, reader),
            None => written,
        }
    }

    /// The schema of which every document is: the reader's, or else the one that is given.
    pub fn known(&self) -> Option<&Schema> {
        self.reader.as_ref().or(self.schema.as_deref())
    }

    /// What a payload holds, and the schema of it.
    pub fn open<'p>(&self, payload: &'p [u8]) -> std::result::Result<(Arc<Schema>, Held<'p>), Fault> {
        if let Some(registry) = &self.registry {
            let (number, datum) = framed(payload)?;
            let schema = registry.schema(number, |entry| {
                let schema = parse_entry(&entry).map_err(|error| format!("schema {number}: {error}"))?;
                Ok(self.to_read(schema))
            })?;
            return Ok((schema, Held::Numbered(number, datum)));
        }
        if container::is_container(payload) {
            let container = Container::open(payload)?;
            return Ok((self.writer_schema(container.schema)?, Held::Block(container)));
        }
        let Some(schema) = &self.schema else {
            return Err("the payload is not a container, and no schema is given".into());
        };
        let held = match payload.strip_prefix(&[0xc3, 0x01]) {
            None => Held::Plain(payload),
            Some(marked) => marked.strip_prefix(schema.fingerprint()).map_or(Held::Marked(payload), Held::Plain),
        };
        Ok((Arc::clone(schema), held))
    }

    /// The bytes of the datum of a payload.
    pub fn datum<'p>(&self, held: &Held<'p>) -> std::result::Result<Cow<'p, [u8]>, Fault> {
        match held {
            Held::Plain(datum) | Held::Marked(datum) | Held::Numbered(_, datum) => Ok((*datum).into()),
            Held::Block(container) => container.block(self.limit),
        }
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

/// What a payload holds.
pub(super) enum Held<'p> {
    /// A datum.
    Plain(&'p [u8]),
    /// A datum that begins as a single object does, and not with the fingerprint of its schema.
    Marked(&'p [u8]),
    /// A datum of the schema with this number.
    Numbered(u32, &'p [u8]),
    /// A container, with a datum in its block.
    Block(Container<'p>),
}

impl Held<'_> {
    /// Reads the datum by its bytes, all of which it must take.
    pub fn read<T>(
        &self,
        datum: &[u8],
        read: impl FnOnce(&mut Bytes<'_>) -> std::result::Result<T, Fault>,
    ) -> std::result::Result<T, Fault> {
        let mut bytes = Bytes { rest: datum };
        let value = read(&mut bytes).and_then(|value| match bytes.rest.len() {
            0 => Ok(value),
            more => Err(format!("{more} bytes follow the datum").into()),
        });
        value.map_err(|fault| match (self, fault) {
            (Held::Marked(_), _) => "the payload is a single object of another schema than the one given".into(),
            (Held::Numbered(number, _), Fault::Malformed(why)) => format!("by schema {number}: {why}").into(),
            (Held::Numbered(number, _), Fault::CutOff) => {
                format!("the payload ends before its object of schema {number} does").into()
            }
            (Held::Block(_), Fault::CutOff) => "a block ends before its object does".into(),
            (_, fault) => fault,
        })
    }
}
