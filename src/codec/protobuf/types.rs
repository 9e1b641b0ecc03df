//! Types of columns by the schema, and where a path leads in it.

use std::collections::HashSet;

use super::schema::{Field, Kind, Known, Message, Schema, Shape};
use super::wire::MAX_DEPTH;
use crate::codec::path::{Path, Step};
use crate::column::{self, Type};
use crate::error::{Error, Result};

/// How many times a message type may stand on the way from the payload to itself; one that stands there once more is
/// JSON.
pub const MAX_RECURSION: usize = 1;

/// How many columns and members, all levels counted, a message may have when it is taken as a whole.
pub const MAX_MEMBERS: usize = 10_000;

/// Every field of a message, typed, as `columns` of the full decode.
///
/// # Errors
/// More than [`MAX_MEMBERS`] in all.
pub(super) fn all(schema: &Schema, message: usize) -> Result<Vec<(Path, Type)>> {
    let mut full = Full { schema, open: vec![message], members: 0 };
    let fields = schema.message(message).fields.iter().filter(|field| !field.is_extension);
    fields.map(|field| Ok((Path::member(field.name.as_str()), full.field(field)?))).collect()
}

/// The types of a full decode.
struct Full<'a> {
    schema: &'a Schema,
    /// The messages on the way from the payload.
    open: Vec<usize>,
    members: usize,
}

impl Full<'_> {
    fn field(&mut self, field: &Field) -> Result<Type> {
        self.members += 1;
        if self.members > MAX_MEMBERS {
            let root = self.open.first().map(|message| self.schema.message(*message));
            let name = root.map(|message| message.full_name.as_str()).unwrap_or_default();
            return Err(Error::new(format!(
                "message type '{name}' has more than {MAX_MEMBERS} fields, nested ones counted"
            ))
            .advice("name the fields that are needed in columns"));
        }
        match (field.shape, field.kind) {
            (Shape::One, kind) => self.value(kind),
            (Shape::List, kind) => Ok(Type::list(self.value(kind)?)),
            (Shape::Map, kind) => {
                let (key, value) = entry(self.schema, kind);
                Ok(Type::Map(Box::new(scalar(key)), Box::new(self.value(value)?)))
            }
        }
    }

    fn value(&mut self, kind: Kind) -> Result<Type> {
        let Kind::Message(position) = kind else { return Ok(scalar(kind)) };
        let message = self.schema.message(position);
        match message.known {
            Some(Known::Timestamp) => return Ok(Type::Timestamp),
            Some(Known::Duration) => return Ok(Type::Interval),
            Some(Known::Wrapper) => return Ok(message.fields.first().map_or(Type::Json, |field| scalar(field.kind))),
            Some(Known::Struct | Known::Value | Known::ListValue | Known::Any) => return Ok(Type::Json),
            None => {}
        }
        let times = self.open.iter().filter(|open| **open == position).count();
        let declared = || message.fields.iter().filter(|field| !field.is_extension);
        if times >= MAX_RECURSION || self.open.len() >= MAX_DEPTH as usize || declared().next().is_none() {
            return Ok(Type::Json);
        }
        let mut names = HashSet::new();
        if let Some(field) = declared().find(|field| !names.insert(field.name.to_lowercase())) {
            return Err(Error::new(format!(
                "message type '{}' has two fields named '{}' when case is ignored, as SQL does",
                message.full_name, field.name
            ))
            .advice("name the fields that are needed in columns"));
        }
        self.open.push(position);
        let members = declared();
        let members = members.map(|field| Ok(column::Field { name: field.name.clone(), ty: self.field(field)? }));
        let members = members.collect::<Result<Vec<_>>>()?;
        self.open.pop();
        Ok(Type::Struct(members))
    }
}

/// The type of a `proto_extract` column: the old extension's map, with a message as JSON text; a list of these for a
/// repeated field, a map of these for a map.
///
/// # Errors
/// Those of [`follow`].
pub(super) fn extracted(schema: &Schema, message: usize, path: &Path) -> Result<Type> {
    if path.lists() > 0 {
        return Err(Error::new(format!("proto_extract has no [*] (field path: {path})"))
            .advice("columns takes it, with a LIST as the type"));
    }
    Ok(match follow(schema, message, path)? {
        Place::Message(_) | Place::Document => Type::Varchar,
        Place::Scalar(kind) => scalar(kind),
        Place::List(field) => Type::list(scalar(field.kind)),
        Place::Map(field) => {
            let (key, value) = entry(schema, field.kind);
            Type::Map(Box::new(scalar(key)), Box::new(scalar(value)))
        }
    })
}

/// The type of one value; a message is its JSON text.
fn scalar(kind: Kind) -> Type {
    match kind {
        Kind::Double => Type::Double,
        Kind::Float => Type::Float,
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Type::Integer,
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Type::BigInt,
        Kind::Uint32 | Kind::Fixed32 => Type::UInteger,
        Kind::Uint64 | Kind::Fixed64 => Type::UBigInt,
        Kind::Bool => Type::Boolean,
        Kind::String | Kind::Enum(_) | Kind::Message(_) => Type::Varchar,
        Kind::Bytes => Type::Blob,
    }
}

/// The kinds of a map's key and value.
fn entry(schema: &Schema, kind: Kind) -> (Kind, Kind) {
    let fields = match kind {
        Kind::Message(entry) => schema.message(entry).fields.as_slice(),
        _ => &[],
    };
    match fields {
        [key, value, ..] => (key.kind, value.kind),
        _ => (Kind::String, Kind::String),
    }
}

/// The fields on the way to the list that a path leads to, each by its message and its position there.
///
/// # Errors
/// Those of [`follow`]; the path leads to no list, or not by the names of fields alone.
pub(super) fn list(schema: &Schema, message: usize, path: &Path) -> Result<Vec<(usize, usize)>> {
    match follow(schema, message, path)? {
        Place::List(_) | Place::Map(_) => {}
        _ => return Err(Error::new(format!("unnest: '{path}' is no repeated field and no map"))),
    }
    let nested = || {
        Error::new(format!("unnest: '{path}' lies in a list or a map"))
            .advice("unnest the outer one, and read the inner one as a LIST or a MAP")
    };
    let mut at = message;
    let mut place = Vec::new();
    for step in path.steps() {
        let name = step_name(step);
        let fields = schema.message(at).fields.iter();
        let position = fields.enumerate().find(|(_, field)| field.name == name);
        let Some((position, field)) = position.filter(|_| matches!(step, Step::Key(_) | Step::KeyOrIndex(..))) else {
            return Err(nested());
        };
        place.push((at, position));
        match (field.shape, field.kind) {
            (Shape::One, Kind::Message(inner)) => at = inner,
            _ if place.len() < path.steps().len() => return Err(nested()),
            _ => {}
        }
    }
    Ok(place)
}

/// Whether a path leads somewhere in an element of a list.
///
/// # Errors
/// Those of `follow`.
pub(super) fn check_element(schema: &Schema, kind: Kind, path: &Path) -> Result<()> {
    follow_from(schema, of_kind(schema, kind), path).map(drop)
}

/// The value at the end of a path.
enum Place<'a> {
    Message(&'a Message),
    Scalar(Kind),
    List(&'a Field),
    Map(&'a Field),
    /// Inside of a `google.protobuf.Struct`, where everything may be.
    Document,
}

/// Follows a path from a message.
///
/// # Errors
/// A field that the message does not have; a step into a value that has no parts.
fn follow<'a>(schema: &'a Schema, message: usize, path: &Path) -> Result<Place<'a>> {
    follow_from(schema, Place::Message(schema.message(message)), path)
}

fn follow_from<'a>(schema: &'a Schema, from: Place<'a>, path: &Path) -> Result<Place<'a>> {
    let mut place = from;
    let mut last: &str = "";
    for step in path.steps() {
        let name = step_name(step);
        let stuck = || {
            Error::new(format!(
                "Field '{last}' is not a message type, cannot navigate to '{name}' (field path: {path})"
            ))
        };
        place = match (place, step) {
            (_, Step::FromEnd(_)) => return Err(from_the_end(&name, path)),
            (Place::Document, _) => Place::Document,
            (Place::Message(Message { known: Some(Known::Struct | Known::Value | Known::ListValue), .. }), _) => {
                Place::Document
            }
            (Place::Message(message), Step::Key(key) | Step::KeyOrIndex(key, _)) => match message.field(key) {
                Some(field) => {
                    last = &field.name;
                    of_field(schema, field)
                }
                None => {
                    return Err(Error::new(format!(
                        "Field '{key}' not found in message type '{}' (field path: {path})",
                        message.name()
                    )));
                }
            },
            (Place::List(field), Step::Index(_) | Step::KeyOrIndex(..) | Step::All | Step::Each) => {
                of_kind(schema, field.kind)
            }
            (Place::List(field), Step::Key(_)) => {
                return Err(stuck().advice(format!("'{}' is repeated: name an element, {}[0]", field.name, field.name)));
            }
            (Place::Map(field), Step::Key(_) | Step::KeyOrIndex(..)) => of_kind(schema, entry(schema, field.kind).1),
            (Place::Message(_) | Place::Map(_), _) => {
                return Err(Error::new(format!(
                    "Field '{last}' is not repeated, it has no {name} (field path: {path})"
                )));
            }
            (Place::Scalar(_), _) => return Err(stuck()),
        };
    }
    Ok(place)
}

/// Whether a path leads somewhere.
///
/// # Errors
/// Those of `follow`.
pub(super) fn check(schema: &Schema, message: usize, path: &Path) -> Result<()> {
    follow(schema, message, path).map(drop)
}

/// Whether a path can be read by any schema.
///
/// # Errors
/// It counts from the end of a list.
pub(super) fn check_without_schema(path: &Path) -> Result<()> {
    let from_end = path.steps().iter().find(|step| matches!(step, Step::FromEnd(_)));
    from_end.map_or(Ok(()), |step| Err(from_the_end(&step_name(step), path)))
}

fn from_the_end(name: &str, path: &Path) -> Error {
    Error::new(format!("{name}: a list of protobuf is not read from its end (field path: {path})"))
        .advice(format!("read it as a LIST, and take its element {name} in SQL"))
}

fn step_name(step: &Step) -> String {
    match step {
        Step::Key(key) | Step::KeyOrIndex(key, _) => key.clone(),
        Step::Index(index) => format!("[{index}]"),
        Step::FromEnd(place) => format!("[-{place}]"),
        Step::All => "[*]".to_owned(),
        Step::Each => "[]".to_owned(),
    }
}

fn of_field<'a>(schema: &'a Schema, field: &'a Field) -> Place<'a> {
    match field.shape {
        Shape::One => of_kind(schema, field.kind),
        Shape::List => Place::List(field),
        Shape::Map => Place::Map(field),
    }
}

fn of_kind(schema: &Schema, kind: Kind) -> Place<'_> {
    match kind {
        Kind::Message(position) => Place::Message(schema.message(position)),
        _ => Place::Scalar(kind),
    }
}
