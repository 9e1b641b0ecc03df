//! Values of messages, read off the wire by the schema.

use std::collections::HashSet;

use super::payload_error::PayloadError;
use super::scan::{Elements, Found, Pieces, scan};
use super::schema::{Absent, Field, Kind, Known, Message, Schema, Shape};
use super::wire::{MAX_DEPTH, Wire, too_deep, zigzag};
use crate::codec::quote;
use crate::codec::scalar::Scalar;

/// One value, with its schema.
#[derive(Debug, Clone)]
pub(super) struct Value<'a> {
    pub schema: &'a Schema,
    /// How many messages it stands in.
    depth: u32,
    pub content: Content<'a>,
}

/// The content of a value.
#[derive(Debug, Clone)]
pub(super) enum Content<'a> {
    /// The null of `google.protobuf.Value`.
    Null,
    /// The number of `google.protobuf.Value`.
    Number(f64),
    Scalar(Kind, Wire<'a>),
    Message(&'a Message, Pieces<'a>),
    /// The occurrences of a repeated field, perhaps packed.
    List(Kind, Vec<Wire<'a>>),
    /// The entries of a map field, by the message that an entry is.
    Map(&'a Message, Vec<Wire<'a>>),
}

impl<'a> Value<'a> {
    /// A whole payload.
    pub fn root(schema: &'a Schema, message: usize, payload: &'a [u8]) -> Self {
        Self { schema, depth: 0, content: Content::Message(schema.message(message), Pieces::One(payload)) }
    }

    /// A payload that is one scalar.
    pub fn alone(schema: &'a Schema, kind: Kind, wire: Wire<'a>) -> Self {
        Self { schema, depth: 0, content: Content::Scalar(kind, wire) }
    }

    /// The value without its content, and the content.
    pub fn split(self) -> (Self, Content<'a>) {
        (self.inside(Content::Null), self.content)
    }

    fn inside(&self, content: Content<'a>) -> Self {
        Self { schema: self.schema, depth: self.depth, content }
    }

    /// Another message that stands in this one.
    pub fn embedded(&self, message: usize, bytes: &'a [u8]) -> Self {
        let content = Content::Message(self.schema.message(message), Pieces::One(bytes));
        Self { schema: self.schema, depth: self.depth + 1, content }
    }

    /// One value of a kind.
    fn one(&self, kind: Kind, wire: Wire<'a>) -> Self {
        match (kind, wire) {
            (Kind::Message(message), Wire::Bytes(bytes) | Wire::Group(bytes)) => self.embedded(message, bytes),
            _ => self.inside(Content::Scalar(kind, wire)),
        }
    }

    /// An error when the value stands in more messages than may nest.
    pub fn check_depth(&self) -> Result<(), PayloadError> {
        if self.depth > MAX_DEPTH { Err(too_deep()) } else { Ok(()) }
    }

    /// The fields of a message that have a value, in the order of the schema.
    pub fn fields(&self, message: &'a Message, pieces: &Pieces<'a>) -> Result<Fields<'a>, PayloadError> {
        self.check_depth()?;
        let found = scan(message, pieces)?.into_iter();
        Ok(Fields { parent: self.inside(Content::Null), fields: message.fields.iter(), found })
    }

    /// The elements of a list.
    pub fn elements(
        &self,
        kind: Kind,
        occurrences: Vec<Wire<'a>>,
    ) -> impl FnMut() -> Result<Option<Value<'a>>, PayloadError> {
        let mut elements = Elements::new(kind, occurrences);
        let parent = self.inside(Content::Null);
        move || Ok(elements.next()?.map(|wire| parent.one(kind, wire)))
    }

    /// The entries of a map, each key once: the last one wins.
    pub fn entries(
        &self,
        entry: &'a Message,
        occurrences: Vec<Wire<'a>>,
    ) -> Result<Vec<(Value<'a>, Value<'a>)>, PayloadError> {
        let mut entries = Vec::with_capacity(occurrences.len());
        for wire in occurrences {
            let Wire::Bytes(bytes) = wire else { continue };
            let mut parts = scan(entry, &Pieces::One(bytes))?.into_iter();
            let mut part = |i: usize| {
                let field = entry.fields.get(i).ok_or_else(|| PayloadError::new("a map without keys or values"))?;
                let value = self.field(field, parts.next().unwrap_or_default())?;
                Ok(value.unwrap_or_else(|| match field.kind {
                    Kind::Message(message) => self.embedded(message, &[]),
                    _ => self.inside(Content::Null),
                }))
            };
            let key = part(0)?;
            entries.push((key, part(1)?));
        }
        if entries.len() > 1 {
            let mut seen = HashSet::new();
            let mut last = Vec::with_capacity(entries.len());
            for (key, _) in entries.iter().rev() {
                last.push(seen.insert(key.map_key()?));
            }
            let mut last = last.into_iter().rev();
            entries.retain(|_| last.next().unwrap_or(true));
        }
        Ok(entries)
    }

    /// A key of a map, so that equal ones are equal.
    pub fn map_key(&self) -> Result<MapKey<'a>, PayloadError> {
        match self.content {
            Content::Scalar(Kind::String, Wire::Bytes(text)) => Ok(MapKey::Text(text)),
            Content::Scalar(kind, wire) => Ok(MapKey::Number(integer(kind, wire))),
            _ => Err(PayloadError::new("a key of a map is not a scalar")),
        }
    }

    /// The value of a field's occurrences; None for a field that is not there.
    pub fn field(&self, field: &'a Field, found: Found<'a>) -> Result<Option<Value<'a>>, PayloadError> {
        let content = match (field.shape, field.kind, found) {
            (Shape::List, kind, found) => Content::List(kind, found.into_all()),
            (Shape::Map, Kind::Message(entry), found) => Content::Map(self.schema.message(entry), found.into_all()),
            (_, _, Found::Nothing) => match &field.absent {
                Absent::Null => return Ok(None),
                Absent::Default(default) => Content::Scalar(field.kind, default.wire()),
                Absent::Required => {
                    return Err(PayloadError::new("the field is required and missing").under(&field.name));
                }
            },
            (_, Kind::Message(message), found) => {
                let pieces = found.into_pieces().unwrap_or(Pieces::One(&[]));
                let content = Content::Message(self.schema.message(message), pieces);
                return Ok(Some(Self { schema: self.schema, depth: self.depth + 1, content }));
            }
            (_, kind, Found::One(wire)) => Content::Scalar(kind, wire),
            (_, kind, Found::Many(all)) => match all.last() {
                Some(wire) => Content::Scalar(kind, *wire),
                None => return Ok(None),
            },
        };
        Ok(Some(self.inside(content)))
    }

    /// The value in a `google.protobuf.Struct`, `Value` or `ListValue`: a map, a list, or a scalar. Anything else is
    /// itself.
    pub fn dynamic(self) -> Result<Self, PayloadError> {
        let Content::Message(message, pieces) = &self.content else { return Ok(self) };
        match message.known {
            Some(Known::Struct | Known::ListValue) => {
                Ok(self.fields(message, pieces)?.next()?.map_or_else(|| self.inside(Content::Null), |(_, value)| value))
            }
            Some(Known::Value) => match self.fields(message, pieces)?.next()? {
                None => Ok(self.inside(Content::Null)),
                Some((_, value)) => match value.content {
                    Content::Scalar(Kind::Enum(_), _) => Ok(self.inside(Content::Null)),
                    Content::Scalar(Kind::Double, Wire::Fixed64(bits)) => {
                        Ok(self.inside(Content::Number(f64::from_bits(bits))))
                    }
                    _ => value.dynamic(),
                },
            },
            _ => Ok(self),
        }
    }

    /// The value in a wrapper (`google.protobuf.Int64Value`). Anything else is itself.
    pub fn unwrapped(self) -> Result<Self, PayloadError> {
        let Content::Message(message, pieces) = &self.content else { return Ok(self) };
        if message.known != Some(Known::Wrapper) {
            return Ok(self);
        }
        Ok(self.fields(message, pieces)?.next()?.map_or_else(|| self.inside(Content::Null), |(_, value)| value))
    }
}

#[derive(PartialEq, Eq, Hash)]
pub(super) enum MapKey<'a> {
    Number(i128),
    Text(&'a [u8]),
}

/// The fields of one message; those that are not there are left out.
pub(super) struct Fields<'a> {
    parent: Value<'a>,
    fields: std::slice::Iter<'a, Field>,
    found: std::vec::IntoIter<Found<'a>>,
}

impl<'a> Fields<'a> {
    /// The next field that has a value.
    pub fn next(&mut self) -> Result<Option<(&'a Field, Value<'a>)>, PayloadError> {
        for (field, found) in self.fields.by_ref().zip(self.found.by_ref()) {
            if let Some(value) = self.parent.field(field, found)? {
                return Ok(Some((field, value)));
            }
        }
        Ok(None)
    }
}

/// The number that an integer, a boolean or an enum has; 32-bit kinds take the lower half of a varint.
pub(super) fn integer(kind: Kind, wire: Wire<'_>) -> i128 {
    let (value, low) = match wire {
        Wire::Varint(v) | Wire::Fixed64(v) => (v, v as u32),
        Wire::Fixed32(v) => (v.into(), v),
        Wire::Bytes(_) | Wire::Group(_) => (0, 0),
    };
    match kind {
        Kind::Int32 | Kind::Sfixed32 | Kind::Enum(_) => low.cast_signed().into(),
        Kind::Uint32 | Kind::Fixed32 => low.into(),
        Kind::Sint32 => zigzag(low.into()).into(),
        Kind::Int64 | Kind::Sfixed64 => value.cast_signed().into(),
        Kind::Sint64 => zigzag(value).into(),
        Kind::Bool => i128::from(value != 0),
        _ => value.into(),
    }
}

/// Hands a scalar on; an enum as its name, or as its number's text when the schema has no name for it.
#[inline]
pub(super) fn scalar<T>(
    schema: &Schema,
    (kind, wire): (Kind, Wire<'_>),
    take: impl FnOnce(Scalar<'_>) -> Result<T, PayloadError>,
) -> Result<T, PayloadError> {
    match (kind, wire) {
        (Kind::Double, Wire::Fixed64(bits)) => take(Scalar::Float(f64::from_bits(bits))),
        (Kind::Float, Wire::Fixed32(bits)) => match f32::from_bits(bits) {
            // By its shortest text: 0.1, not the double 0.10000000149011612.
            value if value.is_finite() => take(Scalar::Number(&format!("{value:?}"))),
            value => take(Scalar::Float(value.into())),
        },
        (Kind::Bool, _) => take(Scalar::Bool(integer(kind, wire) != 0)),
        (Kind::String, Wire::Bytes(bytes)) => take(Scalar::Text(text(bytes)?)),
        (Kind::Bytes, Wire::Bytes(bytes)) => take(Scalar::Bytes(bytes)),
        (Kind::Enum(position), _) => {
            let number = integer(kind, wire);
            match i32::try_from(number).ok().and_then(|number| schema.enum_name(position, number)) {
                Some(name) => take(Scalar::Text(name)),
                None => take(Scalar::Text(&number.to_string())),
            }
        }
        _ => take(Scalar::Int(integer(kind, wire))),
    }
}

/// The text of a string field.
fn text(bytes: &[u8]) -> Result<&str, PayloadError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let shown = quote(&String::from_utf8_lossy(bytes));
        PayloadError::new(format!("the text is not UTF-8 at byte {}: {shown}", error.valid_up_to()))
    })
}
