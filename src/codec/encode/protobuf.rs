//! Protobuf messages by a schema: members go into fields by name, the reverse of [`crate::codec::protobuf`].
//!
//! | in the schema | takes |
//! |---|---|
//! | integers | a whole number in the field's range; its text |
//! | float, double | a number; one beyond the range of float is an error |
//! | bool | BOOLEAN |
//! | string | text |
//! | bytes | bytes; text as its UTF-8 bytes |
//! | enum | the name or the number of a value |
//! | repeated, map | a list, a MAP (STRUCT); NULL inside is an error |
//! | message, group | a STRUCT |
//! | Timestamp | the text of a date or a timestamp, UTC without a zone |
//! | Duration | the text of an INTERVAL without months |
//! | Int64Value and the other wrappers | the value inside |
//! | Struct, Value, ListValue | anything |
//!
//! A NULL member leaves its field out, and a JSON document is read as the value that it holds. A member without a field, two members
//! of one oneof, and a `required` field without a value are errors. Fields are written in the order of their numbers, the
//! entries of a map in their own.

use std::ops::RangeInclusive;

use protox::prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, Syntax};

use super::parse::parsed;
use crate::codec::protobuf::{self, SchemaSource};
use crate::codec::scalar::{interval, time};
use crate::document::Document;
use crate::error::{Error, Result};

/// The package of the well-known types.
const GOOGLE: &str = "google.protobuf.";
const NANOS: i128 = 1_000_000_000;
/// The years 1 to 9999, the range of timestamp.proto, in seconds since 1970.
const TIMESTAMPS: RangeInclusive<i128> = -62_135_596_800..=253_402_300_799;
/// About 10 000 years both ways, the range of duration.proto.
const DURATIONS: RangeInclusive<i128> = -315_576_000_000..=315_576_000_000;

/// Writes documents as messages of one type.
pub struct Encoder {
    message: MessageDescriptor,
}

impl Encoder {
    /// Reads the schema.
    ///
    /// # Errors
    /// Those of reading a format with a schema: no file, no such message.
    pub fn load(source: &SchemaSource) -> Result<Self> {
        protobuf::message(source).map(|message| Self { message })
    }

    /// An error where the message has no field for a member.
    ///
    /// # Errors
    /// The message has no field of that name.
    pub fn check_member(&self, name: &str) -> Result<()> {
        field(&self.message, name).map(drop)
    }

    /// The bytes of a document, which must be an object.
    ///
    /// # Errors
    /// A member has no field, or its value does not fit the field.
    pub fn encode(&self, document: &Document) -> Result<Vec<u8>> {
        message(&self.message, document)
    }
}

fn field(message: &MessageDescriptor, name: &str) -> Result<FieldDescriptor> {
    message.get_field_by_name(name).ok_or_else(|| {
        let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
        Error::new(format!("message type '{}' has no field '{name}'", message.full_name()))
            .advice(format!("its fields are {}", names.join(", ")))
    })
}

fn message(descriptor: &MessageDescriptor, document: &Document) -> Result<Vec<u8>> {
    if let Document::Json(text) = document {
        return message(descriptor, &parsed(text));
    }
    let known = match descriptor.full_name().strip_prefix(GOOGLE) {
        Some(known) => well_known(known, document)?,
        None => None,
    };
    let document = known.as_ref().unwrap_or(document);
    let Document::Object(members) = document else { return Err(conversion_error(document, descriptor.full_name())) };
    let mut fields: Vec<(FieldDescriptor, &Document)> = Vec::with_capacity(members.len());
    for (name, member) in members.iter().filter(|(_, member)| *member != Document::Null) {
        let field = field(descriptor, name)?;
        let rival = fields.iter().find(|(other, _)| {
            *other == field
                || (field.containing_oneof().is_some() && other.containing_oneof() == field.containing_oneof())
        });
        if let Some((rival, _)) = rival {
            return Err(Error::new(format!(
                "'{name}' and '{}' both have a value, and a message holds one of them",
                rival.name()
            ))
            .advice("leave one NULL"));
        }
        fields.push((field, member));
    }
    let missing = descriptor.fields().find(|field| field.is_required() && !fields.iter().any(|(f, _)| f == field));
    if let Some(field) = missing {
        let (name, message) = (field.name(), descriptor.full_name());
        return Err(Error::new(format!("the required field '{name}' of '{message}' is NULL")));
    }
    fields.sort_by_key(|(field, _)| field.number());
    let mut out = Vec::new();
    for (field, member) in fields {
        put(&field, member, &mut out).map_err(|error| error.within(&format!("field '{}'", field.name())))?;
    }
    Ok(out)
}

/// Appends a field, which is not NULL.
fn put(field: &FieldDescriptor, document: &Document, out: &mut Vec<u8>) -> Result<()> {
    let number = field.number();
    match document {
        Document::Json(text) if field.is_list() || field.is_map() => return put(field, &parsed(text), out),
        Document::Array(items) if field.is_list() => {
            let items = items.iter().map(|item| single(&field.kind(), item)).collect::<Result<Vec<_>>>()?;
            if is_packed(field) && !items.is_empty() {
                let mut packed = Vec::new();
                items.iter().for_each(|item| item.put(&mut packed));
                Wire::Bytes(packed).put_field(number, false, out);
            } else {
                items.iter().for_each(|item| item.put_field(number, field.is_group(), out));
            }
        }
        Document::Object(entries) if field.is_map() => {
            let Kind::Message(entry) = field.kind() else { return Err(conversion_error(document, "a map")) };
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            for (name, member) in entries {
                let mut bytes = Vec::new();
                map_key(&key.kind(), name)?.put_field(key.number(), false, &mut bytes);
                let member = single(&value.kind(), member).map_err(|error| error.within(&format!("key '{name}'")))?;
                member.put_field(value.number(), false, &mut bytes);
                Wire::Bytes(bytes).put_field(number, false, out);
            }
        }
        _ if field.is_list() => return Err(conversion_error(document, "a repeated field")),
        _ if field.is_map() => return Err(conversion_error(document, "a map")),
        _ => {
            let value = single(&field.kind(), document)?;
            // A field without presence leaves out its zero.
            if field.supports_presence() || field.is_required() || !value.is_zero() {
                value.put_field(number, field.is_group(), out);
            }
        }
    }
    Ok(())
}

/// Whether a list's values stand behind one tag. The descriptor's own `is_packed` is not used: it was found to be computed before the options of a
/// `.proto` file are read.
fn is_packed(field: &FieldDescriptor) -> bool {
    let said = field.field_descriptor_proto().options.as_ref().and_then(|options| options.packed);
    let long = matches!(field.kind(), Kind::Message(_) | Kind::String | Kind::Bytes);
    !long && said.unwrap_or(field.parent_file().syntax() == Syntax::Proto3)
}

/// One value as it stands on the wire.
enum Wire {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(Vec<u8>),
}

impl Wire {
    fn signed(value: i64) -> Self {
        Wire::Varint(value.cast_unsigned())
    }

    /// ZigZag encoding: small numbers of both signs take few bytes.
    fn zigzag(value: i64) -> Self {
        Wire::signed((value << 1) ^ (value >> 63))
    }

    fn is_zero(&self) -> bool {
        match self {
            Wire::Varint(value) | Wire::Fixed64(value) => *value == 0,
            Wire::Fixed32(value) => *value == 0,
            Wire::Bytes(bytes) => bytes.is_empty(),
        }
    }

    fn put_field(&self, number: u32, group: bool, out: &mut Vec<u8>) {
        let tag = |wire_type: u64| u64::from(number) << 3 | wire_type;
        match self {
            Wire::Bytes(bytes) if group => {
                varint(tag(3), out);
                out.extend_from_slice(bytes);
                varint(tag(4), out);
                return;
            }
            Wire::Varint(_) => varint(tag(0), out),
            Wire::Fixed64(_) => varint(tag(1), out),
            Wire::Bytes(_) => varint(tag(2), out),
            Wire::Fixed32(_) => varint(tag(5), out),
        }
        self.put(out);
    }

    /// Appends the value without its tag.
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Wire::Varint(value) => varint(*value, out),
            Wire::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
            Wire::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
            Wire::Bytes(bytes) => {
                varint(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
        }
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// One value, which is not NULL.
fn single(kind: &Kind, document: &Document) -> Result<Wire> {
    let conversion_error = || conversion_error(document, kind_name(kind).as_str());
    Ok(match kind {
        Kind::Message(descriptor) => match document {
            Document::Null if descriptor.full_name() != "google.protobuf.Value" => return Err(conversion_error()),
            document => Wire::Bytes(message(descriptor, document)?),
        },
        Kind::Int32 => Wire::signed(whole::<i32>(document).ok_or_else(conversion_error)?.into()),
        Kind::Int64 => Wire::signed(whole(document).ok_or_else(conversion_error)?),
        Kind::Uint32 => Wire::Varint(whole::<u32>(document).ok_or_else(conversion_error)?.into()),
        Kind::Uint64 => Wire::Varint(whole(document).ok_or_else(conversion_error)?),
        Kind::Sint32 => Wire::zigzag(whole::<i32>(document).ok_or_else(conversion_error)?.into()),
        Kind::Sint64 => Wire::zigzag(whole(document).ok_or_else(conversion_error)?),
        Kind::Fixed32 => Wire::Fixed32(whole(document).ok_or_else(conversion_error)?),
        Kind::Fixed64 => Wire::Fixed64(whole(document).ok_or_else(conversion_error)?),
        Kind::Sfixed32 => Wire::Fixed32(whole::<i32>(document).ok_or_else(conversion_error)?.cast_unsigned()),
        Kind::Sfixed64 => Wire::Fixed64(whole::<i64>(document).ok_or_else(conversion_error)?.cast_unsigned()),
        Kind::Double => Wire::Fixed64(number(document).ok_or_else(conversion_error)?.to_bits()),
        Kind::Float => {
            let double = number(document).ok_or_else(conversion_error)?;
            let float = double as f32;
            if double.is_finite() && float.is_infinite() {
                return Err(conversion_error());
            }
            Wire::Fixed32(float.to_bits())
        }
        Kind::Bool => match document {
            Document::Boolean(flag) => Wire::Varint((*flag).into()),
            _ => return Err(conversion_error()),
        },
        Kind::String => match document {
            Document::Text(text) | Document::Json(text) => Wire::Bytes(text.clone().into_bytes()),
            _ => return Err(conversion_error()),
        },
        Kind::Bytes => match document {
            Document::Bytes(bytes) => Wire::Bytes(bytes.clone()),
            Document::Text(text) | Document::Json(text) => Wire::Bytes(text.clone().into_bytes()),
            _ => return Err(conversion_error()),
        },
        Kind::Enum(descriptor) => Wire::signed(enum_number(descriptor, document)?.into()),
    })
}

/// A number without a fraction, or its text.
fn whole<T: TryFrom<i128>>(document: &Document) -> Option<T> {
    let exact = match document {
        Document::Integer(number) => Some(*number),
        // A DECIMAL comes as a double. Beyond 2^53 it may have lost digits.
        Document::Float(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Some(*number as i128)
        }
        Document::Number(text) | Document::Text(text) => {
            let (digits, fraction) = text.split_once('.').unwrap_or((text, ""));
            if fraction.bytes().all(|digit| digit == b'0') { digits.parse().ok() } else { None }
        }
        Document::Json(text) => return whole(&parsed(text)),
        _ => None,
    };
    T::try_from(exact?).ok()
}

fn number(document: &Document) -> Option<f64> {
    match document {
        Document::Float(number) => Some(*number),
        Document::Integer(number) => Some(*number as f64),
        Document::Number(text) => text.parse().ok(),
        Document::Json(text) => number(&parsed(text)),
        _ => None,
    }
}

/// The number of an enum's value, by its name or number. A number that a closed enum (proto2) lacks is an error, because its readers would drop it.
fn enum_number(descriptor: &EnumDescriptor, document: &Document) -> Result<i32> {
    let by_name = match document {
        Document::Text(name) => descriptor.get_value_by_name(name).map(|value| value.number()),
        Document::Json(text) => return enum_number(descriptor, &parsed(text)),
        _ => None,
    };
    let open = descriptor.parent_file().syntax() == Syntax::Proto3;
    let known = |number: &i32| open || descriptor.get_value(*number).is_some();
    by_name.or_else(|| whole(document).filter(known)).ok_or_else(|| {
        let names: Vec<String> = descriptor.values().map(|value| value.name().to_owned()).collect();
        conversion_error(document, &format!("the enum '{}'", descriptor.full_name()))
            .advice(format!("its values are {}", names.join(", ")))
    })
}

fn map_key(kind: &Kind, name: &str) -> Result<Wire> {
    let key = match (kind, name) {
        (Kind::Bool, "true") => Document::Boolean(true),
        (Kind::Bool, "false") => Document::Boolean(false),
        _ => Document::Text(name.to_owned()),
    };
    single(kind, &key).map_err(|error| error.within("a key"))
}

/// The fields of a well-known type, from the value that stands for it; None where the document already has the fields.
fn well_known(name: &str, document: &Document) -> Result<Option<Document>> {
    let only = |name: &str, member: Document| Ok(Some(Document::Object(vec![(name.to_owned(), member)])));
    match (name, document) {
        ("Struct", Document::Object(_)) => only("fields", document.clone()),
        ("ListValue", Document::Array(_)) => only("values", document.clone()),
        ("Value", document) => match document {
            Document::Null => only("null_value", Document::Integer(0)),
            Document::Boolean(_) => only("bool_value", document.clone()),
            Document::Text(_) => only("string_value", document.clone()),
            Document::Array(_) => only("list_value", document.clone()),
            Document::Object(_) => only("struct_value", document.clone()),
            Document::Integer(_) | Document::Float(_) | Document::Number(_) => only("number_value", document.clone()),
            Document::Bytes(_) | Document::Json(_) => Err(conversion_error(document, "a Value")),
        },
        ("Timestamp", Document::Text(text)) => {
            let nanos = time::utc_nanos(text).ok_or_else(|| conversion_error(document, "a Timestamp"))?;
            seconds(nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS), &TIMESTAMPS)
                .ok_or_else(|| conversion_error(document, "a Timestamp, from the year 1 to 9999"))
                .map(Some)
        }
        ("Duration", Document::Text(text)) => {
            let interval = interval::parse(text).map_err(|why| conversion_error(document, "a Duration").advice(why))?;
            if interval.months != 0 {
                return Err(conversion_error(document, "a Duration: months have no fixed length"));
            }
            let micros = i128::from(interval.days) * 86_400_000_000 + i128::from(interval.micros);
            // Both parts have the sign of the whole.
            seconds(micros / 1_000_000, micros % 1_000_000 * 1000, &DURATIONS)
                .ok_or_else(|| conversion_error(document, "a Duration"))
                .map(Some)
        }
        ("Struct" | "ListValue", _) => Err(conversion_error(document, name)),
        (wrapper, document) if wrapper.ends_with("Value") && !matches!(document, Document::Object(_)) => {
            only("value", document.clone())
        }
        _ => Ok(None),
    }
}

/// The fields `seconds` and `nanos`; None where the seconds are out of the range.
fn seconds(seconds: i128, nanos: i128, range: &RangeInclusive<i128>) -> Option<Document> {
    let member = |name: &str, number| (name.to_owned(), Document::Integer(number));
    range.contains(&seconds).then(|| Document::Object(vec![member("seconds", seconds), member("nanos", nanos)]))
}

fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(descriptor) => format!("message type '{}'", descriptor.full_name()),
        kind => format!("{kind:?}").to_lowercase(),
    }
}

fn conversion_error(document: &Document, wanted: &str) -> Error {
    let shown = match document {
        Document::Null => "NULL".to_owned(),
        Document::Boolean(flag) => flag.to_string(),
        Document::Integer(number) => number.to_string(),
        Document::Float(number) => number.to_string(),
        Document::Number(text) => text.clone(),
        Document::Text(text) if text.chars().count() <= 40 => format!("'{text}'"),
        Document::Text(_) => "a text".to_owned(),
        Document::Bytes(_) => "a BLOB".to_owned(),
        Document::Json(_) => "JSON".to_owned(),
        Document::Array(_) => "a list".to_owned(),
        Document::Object(_) => "a STRUCT or a MAP".to_owned(),
    };
    Error::new(format!("{shown} is not a value of {wanted}"))
}
