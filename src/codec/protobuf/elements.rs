//! `unnest`: the elements of a repeated field, and the entries of a map, one row each.
//!
//! A part is the content of an element: the bytes of a message, a text or a binary, and the bytes of a number as they stand in
//! the payload, packed or not. The entry of a map is a message of `key` and `value`; of entries with one key, the last is taken.

use std::collections::HashSet;
use std::ops::Range;

use serde::de::DeserializeSeed;

use super::load::load_schema;
use super::payload_error::PayloadError;
use super::plan::Plan;
use super::rounds::Rounds;
use super::scan::fits;
use super::schema::{Field, Kind, Message, Schema, Shape};
use super::source::SchemaSource;
use super::types;
use super::value::{Content, Value};
use super::wire::{Reader, Wire};
use crate::codec::document::{Context, Format, Node};
use crate::codec::path::{Path, Wanted};
use crate::codec::{Codec, Cut, DecodeError, in_payload, place_in};
use crate::column::Buffer;
use crate::error::{Error, Result};

/// Finds the elements of the list at a path.
///
/// # Errors
/// The files cannot be read or are not a schema; the message is not there or ambiguous; the path leads to no list, or through a
/// list or a map.
pub fn cut(source: &SchemaSource, path: &Path) -> Result<Cut> {
    let (schema, message, place) = load(source, path)?;
    Ok(in_payload(move |payload, _| {
        let root = Value::root(&schema, message, payload);
        find(root, &place, payload).map_err(|fault| DecodeError { path: None, cause: fault.to_string() })
    }))
}

/// A codec of the elements of the list at a path; `wanted` is below an element.
///
/// # Errors
/// Those of [`cut`]; a path leads nowhere in an element.
pub fn columns(source: &SchemaSource, path: &Path, wanted: Wanted) -> Result<Box<dyn Codec>> {
    let (schema, _, place) = load(source, path)?;
    let field = place.last().and_then(|(message, field)| schema.message(*message).fields.get(*field));
    let kind = field.map(|field| field.kind).ok_or_else(|| Error::new("the list is lost"))?;
    wanted.paths().try_for_each(|below| types::check_element(&schema, kind, below))?;
    Ok(Box::new(Rounds::new(Element { schema, kind }, wanted)))
}

/// The fields on the way to a list, each by its message and its position there.
type Place = Vec<(usize, usize)>;

/// The schema, the message that payloads are, and the place of a list.
fn load(source: &SchemaSource, path: &Path) -> Result<(Schema, usize, Place)> {
    let (schema, message) = load_schema(source)?;
    let place = types::list(&schema, message, path)?;
    Ok((schema, message, place))
}

/// Where the elements stand in the payload.
fn find(
    value: Value<'_>,
    place: &[(usize, usize)],
    payload: &[u8],
) -> std::result::Result<Vec<Range<usize>>, PayloadError> {
    let Content::Message(message, pieces) = &value.content else { return Ok(Vec::new()) };
    let Some(((_, position), below)) = place.split_first() else { return Ok(Vec::new()) };
    let Some(field) = message.fields.get(*position) else { return Ok(Vec::new()) };
    if below.is_empty() {
        value.check_depth()?;
        let mut found = Vec::new();
        for piece in pieces.as_slice() {
            occurrences(message, *position, piece, &mut |part| found.push(part))?;
        }
        if let (Shape::Map, Kind::Message(entry)) = (field.shape, field.kind) {
            found = last_of_each_key(&value, value.schema.message(entry), &found)?;
        }
        return Ok(found.into_iter().filter_map(|part| place_in(payload, part)).collect());
    }
    let mut fields = value.fields(message, pieces)?;
    while let Some((other, inner)) = fields.next()? {
        if std::ptr::eq(other, field) {
            return find(inner, below, payload).map_err(|fault| fault.under(&field.name));
        }
    }
    Ok(Vec::new())
}

/// The contents of the elements of a list that stand in a piece of its message.
fn occurrences<'a>(
    message: &Message,
    position: usize,
    piece: &'a [u8],
    take: &mut dyn FnMut(&'a [u8]),
) -> std::result::Result<(), PayloadError> {
    let Some(Field { kind, shape, .. }) = message.fields.get(position) else { return Ok(()) };
    let mut reader = Reader::new(piece);
    loop {
        let start = reader;
        let Some((number, wire)) = reader.field()? else { return Ok(()) };
        if message.position(number) != Some(position) || !fits(*kind, *shape, wire) {
            continue;
        }
        match (kind, wire) {
            (Kind::Message(_) | Kind::String | Kind::Bytes, Wire::Bytes(content) | Wire::Group(content)) => {
                take(content);
            }
            (_, Wire::Bytes(packed)) => {
                let mut rest = Reader::new(packed);
                while !rest.is_empty() {
                    let before = rest;
                    read_scalar(*kind, &mut rest)?;
                    take(before.until(rest));
                }
            }
            _ => {
                // The tag is a varint.
                let mut content = start;
                content.varint()?;
                take(content.until(reader));
            }
        }
    }
}

/// One number, as its kind has it on the wire.
fn read_scalar<'a>(kind: Kind, reader: &mut Reader<'a>) -> std::result::Result<Wire<'a>, PayloadError> {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => reader.fixed64().map(Wire::Fixed64),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => reader.fixed32().map(Wire::Fixed32),
        _ => reader.varint().map(Wire::Varint),
    }
}

/// The entries of a map, each key once.
fn last_of_each_key<'a>(
    parent: &Value<'a>,
    entry: &'a Message,
    found: &[&'a [u8]],
) -> std::result::Result<Vec<&'a [u8]>, PayloadError> {
    let mut seen = HashSet::new();
    let mut kept = Vec::with_capacity(found.len());
    for part in found.iter().rev() {
        let entries = parent.entries(entry, vec![Wire::Bytes(part)])?;
        let key = entries.first().map(|(key, _)| key.map_key()).transpose()?;
        if seen.insert(key) {
            kept.push(*part);
        }
    }
    kept.reverse();
    Ok(kept)
}

/// The format of a row's element.
struct Element {
    schema: Schema,
    kind: Kind,
}

impl Element {
    fn value<'a>(&'a self, part: &'a [u8]) -> std::result::Result<Value<'a>, PayloadError> {
        Ok(match self.kind {
            Kind::Message(message) => Value::root(&self.schema, message, part),
            Kind::String | Kind::Bytes => Value::alone(&self.schema, self.kind, Wire::Bytes(part)),
            kind => Value::alone(&self.schema, kind, read_scalar(kind, &mut Reader::new(part))?),
        })
    }
}

impl Format for Element {
    type Plan = Plan;

    fn plan(&self, trie: Node) -> Plan {
        match self.kind {
            Kind::Message(message) => Plan::root(&self.schema, message, trie),
            _ => Plan::Parts(trie),
        }
    }

    fn walk(
        &self,
        payload: &[u8],
        plan: &Plan,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> std::result::Result<(), String> {
        let read = self.value(payload).and_then(|value| plan.read(value, out, context));
        read.map_err(|fault| fault.to_string())
    }

    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        self.value(payload).and_then(|value| seed.deserialize(value)).map_err(|fault| fault.to_string())
    }
}
