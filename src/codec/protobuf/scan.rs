//! One pass over a message: which of its fields are there, by the rules for what comes more than once.
//!
//! - A field of one value: the last one wins; of one message: all of them, merged. Messages merge like their bytes
//!   concatenated, so the pieces are kept and read as one.
//! - A member of a oneof takes away the members before it.
//! - A field with a number that the schema does not have, or a wire type that its kind cannot have, is unknown and
//!   passed over, as Google's parsers do.

use super::payload_error::PayloadError;
use super::schema::{Absent, Field, Kind, Message, Shape};
use super::wire::{Reader, Wire};

/// The bytes of one message, perhaps in several pieces to be merged.
#[derive(Debug, Clone)]
pub(super) enum Pieces<'a> {
    One(&'a [u8]),
    Many(Vec<&'a [u8]>),
}

impl<'a> Pieces<'a> {
    pub fn as_slice(&self) -> &[&'a [u8]] {
        match self {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Many(pieces) => pieces,
        }
    }
}

/// The occurrences of one field.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Found<'a> {
    #[default]
    Nothing,
    One(Wire<'a>),
    /// The occurrences of a list or a map, or the pieces of a message, in order.
    Many(Vec<Wire<'a>>),
}

impl<'a> Found<'a> {
    /// Adds an occurrence of a field.
    #[inline]
    pub fn take(&mut self, field: &Field, wire: Wire<'a>) {
        match (field.shape, field.kind) {
            (Shape::One, Kind::Message(_)) | (Shape::List | Shape::Map, _) => self.add(wire),
            (Shape::One, _) => *self = Found::One(wire),
        }
    }

    fn add(&mut self, wire: Wire<'a>) {
        match self {
            Found::Nothing => *self = Found::One(wire),
            Found::One(first) => *self = Found::Many(vec![*first, wire]),
            Found::Many(all) => all.push(wire),
        }
    }

    /// The one value on the wire of a field that is no message and no list: the last one, or the default.
    #[inline]
    pub fn scalar<'f: 'a>(&self, field: &'f Field) -> Option<Wire<'a>> {
        match (field.shape, field.kind, self, &field.absent) {
            (Shape::List | Shape::Map, ..) | (_, Kind::Message(_), ..) => None,
            (_, _, Found::One(wire), _) => Some(*wire),
            (_, _, Found::Nothing, Absent::Default(default)) => Some(default.wire()),
            _ => None,
        }
    }

    /// All occurrences.
    pub fn into_all(self) -> Vec<Wire<'a>> {
        match self {
            Found::Nothing => Vec::new(),
            Found::One(wire) => vec![wire],
            Found::Many(all) => all,
        }
    }

    /// The pieces of a message, if there are any.
    pub fn into_pieces(self) -> Option<Pieces<'a>> {
        let bytes = |wire| match wire {
            Wire::Bytes(bytes) | Wire::Group(bytes) => bytes,
            Wire::Varint(_) | Wire::Fixed32(_) | Wire::Fixed64(_) => &[],
        };
        match self {
            Found::Nothing => None,
            Found::One(wire) => Some(Pieces::One(bytes(wire))),
            Found::Many(all) => Some(Pieces::Many(all.into_iter().map(bytes).collect())),
        }
    }
}

/// The occurrences of a message's fields, one entry for each field.
///
/// # Errors
/// The bytes are not a message. The insides of nested messages, text and packed values are not looked at.
pub(super) fn scan<'a>(message: &Message, pieces: &Pieces<'a>) -> Result<Vec<Found<'a>>, PayloadError> {
    let mut found = vec![Found::Nothing; message.fields.len()];
    let mut members = vec![None; message.oneofs];
    for piece in pieces.as_slice() {
        let mut reader = Reader::new(piece);
        while let Some((number, wire)) = reader.field()? {
            let Some(position) = message.position(number) else { continue };
            let field = &message.fields[position];
            if !fits(field.kind, field.shape, wire) {
                continue;
            }
            if let Some(oneof) = field.oneof
                && let Some(before) = members[oneof].replace(position)
                && before != position
            {
                found[before] = Found::Nothing;
            }
            found[position].take(field, wire);
        }
    }
    Ok(found)
}

/// Whether a value on the wire can be one of a field.
#[inline]
pub(super) fn fits(kind: Kind, shape: Shape, wire: Wire<'_>) -> bool {
    match (kind, wire) {
        (Kind::String | Kind::Bytes, Wire::Bytes(_)) => true,
        (Kind::String | Kind::Bytes, _) => false,
        (Kind::Message(_), Wire::Bytes(_) | Wire::Group(_)) => true,
        (Kind::Message(_), _) => false,
        (_, Wire::Bytes(_)) => shape == Shape::List,
        (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, Wire::Fixed64(_)) => true,
        (Kind::Float | Kind::Fixed32 | Kind::Sfixed32, Wire::Fixed32(_)) => true,
        (Kind::Double | Kind::Fixed64 | Kind::Sfixed64 | Kind::Float | Kind::Fixed32 | Kind::Sfixed32, _) => false,
        (_, wire) => matches!(wire, Wire::Varint(_)),
    }
}

/// The values of a list field, packed ones unpacked.
pub(super) struct Elements<'a> {
    kind: Kind,
    occurrences: std::vec::IntoIter<Wire<'a>>,
    packed: Reader<'a>,
}

impl<'a> Elements<'a> {
    /// The elements of a list of a kind.
    pub fn new(kind: Kind, occurrences: Vec<Wire<'a>>) -> Self {
        Self { kind, occurrences: occurrences.into_iter(), packed: Reader::new(&[]) }
    }

    /// The next element; None behind the last.
    pub fn next(&mut self) -> Result<Option<Wire<'a>>, PayloadError> {
        loop {
            if !self.packed.is_empty() {
                return self.unpack().map(Some);
            }
            match self.occurrences.next() {
                Some(Wire::Bytes(packed)) if !matches!(self.kind, Kind::String | Kind::Bytes | Kind::Message(_)) => {
                    self.packed = Reader::new(packed);
                }
                other => return Ok(other),
            }
        }
    }

    fn unpack(&mut self) -> Result<Wire<'a>, PayloadError> {
        match self.kind {
            Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => self.packed.fixed64().map(Wire::Fixed64),
            Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => self.packed.fixed32().map(Wire::Fixed32),
            _ => self.packed.varint().map(Wire::Varint),
        }
    }
}
