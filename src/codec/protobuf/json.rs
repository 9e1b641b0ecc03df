//! Values as compact JSON.
//!
//! A message is an object by the names of the `.proto` file, with the fields that are not there left out and those
//! that have a default written; numbers are numbers, also of 64 bits; an enum is its name; bytes are base64; a key of
//! a map is text. The well-known types are written as protobuf's JSON mapping has them
//! (<https://protobuf.dev/programming-guides/json/>): an `Any` with its message opened when the schema knows it.

use super::payload_error::PayloadError;
use super::schema::Known;
use super::seconds::Seconds;
use super::value::{Content, Fields, Value, integer, scalar};
use super::wire::Wire;
use crate::codec::scalar::{Instant, Scalar, write_json};

/// Writes a value.
pub(super) fn write(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), PayloadError> {
    let (value, content) = value.dynamic()?.unwrapped()?.split();
    match content {
        Content::Null => write_json(Scalar::Null, out),
        Content::Number(number) => write_number(number, out),
        Content::Scalar(kind, wire) => scalar(value.schema, (kind, wire), |scalar| {
            write_json(scalar, out);
            Ok(())
        })?,
        Content::Message(message, pieces) => match message.known {
            Some(Known::Timestamp) => {
                let Seconds { seconds, nanos } = Seconds::of(&value, message, &pieces)?;
                write_json(Scalar::Timestamp(Instant { seconds, nanos }), out);
            }
            Some(Known::Duration) => write_json(Scalar::Text(&Seconds::of(&value, message, &pieces)?.text()), out),
            Some(Known::Any) => write_any(&value, value.fields(message, &pieces)?, out)?,
            _ => {
                out.push(b'{');
                let mut separator = "";
                let mut fields = value.fields(message, &pieces)?;
                while let Some((field, value)) = fields.next()? {
                    write_key(&mut separator, &field.name, out);
                    write(value, out).map_err(|fault| fault.under(&field.name))?;
                }
                out.push(b'}');
            }
        },
        Content::List(kind, occurrences) => {
            out.push(b'[');
            let mut next = value.elements(kind, occurrences);
            let mut separator = "";
            while let Some(element) = next()? {
                out.extend_from_slice(separator.as_bytes());
                separator = ",";
                write(element, out)?;
            }
            out.push(b']');
        }
        Content::Map(entry, occurrences) => {
            out.push(b'{');
            let mut separator = "";
            for (key, value) in value.entries(entry, occurrences)? {
                write_key(&mut separator, &key_text(key)?, out);
                write(value, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_key(separator: &mut &str, key: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(separator.as_bytes());
    *separator = ",";
    write_json(Scalar::Text(key), out);
    out.push(b':');
}

/// A number of `google.protobuf.Value`, all of which are doubles: a whole one without `.0`, as senders mean it.
fn write_number(number: f64, out: &mut Vec<u8>) {
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 && !(number == 0.0 && number.is_sign_negative())
    {
        write_json(Scalar::Int(number as i128), out);
    } else {
        write_json(Scalar::Float(number), out);
    }
}

fn key_text(key: Value<'_>) -> Result<String, PayloadError> {
    let Content::Scalar(kind, wire) = key.content else { return Ok(String::new()) };
    scalar(key.schema, (kind, wire), |scalar| {
        Ok(match scalar {
            Scalar::Text(text) => text.to_owned(),
            Scalar::Bool(word) => word.to_string(),
            _ => integer(kind, wire).to_string(),
        })
    })
}

/// An `Any`: its type, and the fields of its message; `value` in their place when the message is a well-known type that
/// is not an object, or (in base64) of a type that the schema does not have.
fn write_any<'a>(value: &Value<'a>, mut fields: Fields<'a>, out: &mut Vec<u8>) -> Result<(), PayloadError> {
    let (mut url, mut bytes): (&[u8], &[u8]) = (&[], &[]);
    while let Some((field, value)) = fields.next()? {
        if let Content::Scalar(_, Wire::Bytes(content)) = value.content {
            match field.name.as_str() {
                "type_url" => url = content,
                _ => bytes = content,
            }
        }
    }
    let url = std::str::from_utf8(url).map_err(|_| PayloadError::new("the type of an Any is not UTF-8"))?;
    let mut separator = "";
    out.push(b'{');
    if !url.is_empty() {
        write_key(&mut separator, "@type", out);
        write_json(Scalar::Text(url), out);
    }
    match value.schema.find(url.rsplit('/').next().unwrap_or(url)) {
        Some(position) => {
            let inner = value.embedded(position, bytes);
            if value.schema.message(position).known.is_some() {
                write_key(&mut separator, "value", out);
                write(inner, out)?;
            } else {
                let mut object = Vec::new();
                write(inner, &mut object)?;
                let members = object.strip_prefix(b"{").unwrap_or(&object);
                if members != b"}" {
                    out.extend_from_slice(separator.as_bytes());
                }
                out.extend_from_slice(members);
                return Ok(());
            }
        }
        None if url.is_empty() && bytes.is_empty() => {}
        None => {
            write_key(&mut separator, "value", out);
            write_json(Scalar::Bytes(bytes), out);
        }
    }
    out.push(b'}');
    Ok(())
}
