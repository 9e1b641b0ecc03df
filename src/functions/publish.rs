//! `nats_publish(subject, payload [, headers [, connection]])`: publishes each row and waits for its acknowledgement.

use bytes::Bytes;

use super::by_connection::ByConnection;
use super::rows::{Cell, push, text_map};
use crate::column::{Buffer, Field, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::publish::{PublishRequest, Published, publish};
use crate::record::Headers;
use crate::value::{ParameterType, Value};

/// A STRUCT(stream, seq, duplicate, val) for each row. The rows of a chunk are in flight together.
pub struct NatsPublish;

impl ScalarFunction for NatsPublish {
    const NAME: &'static str = "nats_publish";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        published_type()
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut messages = ByConnection::new();
        for row in 0..input.len() {
            let message = message(input, row).map_err(|error| error.within(&format!("row {}", row + 1)))?;
            messages.add(input, 3, row, message)?;
        }
        let mut buffer = Buffer::new(&published_type());
        let published = messages.ask(input.len(), Published::default(), publish)?;
        published.iter().for_each(|published| push_published(&mut buffer, published));
        Ok(buffer)
    }
}

/// The type of the answer for a message that is stored.
fn published_type() -> Type {
    Type::Struct(published_fields())
}

pub(super) fn published_fields() -> Vec<Field> {
    let field = |name: &str, ty| Field { name: name.to_owned(), ty };
    vec![
        field("stream", Type::Varchar),
        field("seq", Type::UBigInt),
        field("duplicate", Type::Boolean),
        field("val", Type::Varchar),
    ]
}

/// The message of a row.
pub(super) fn message(input: &dyn Input, row: usize) -> Result<PublishRequest> {
    let subject = input.text(0, row, "subject")?;
    let subject = subject.ok_or_else(|| Error::new("subject is NULL").advice("every message needs one"))?.to_owned();
    let within = |error: Error| error.within(&format!("subject '{subject}'"));
    let payload = payload(input, 1, row, "payload").map_err(within)?;
    let headers = headers(&input.value(2, row)?).map_err(within)?;
    Ok(PublishRequest { subject, headers, payload })
}

/// A payload argument, which errors call `name`: VARCHAR or BLOB, not NULL.
///
/// # Errors
/// The payload is NULL, or neither VARCHAR nor BLOB.
pub fn payload(input: &dyn Input, column: usize, row: usize, name: &str) -> Result<Bytes> {
    if let Some(bytes) = input.bytes(column, row) {
        return Ok(Bytes::copy_from_slice(bytes));
    }
    message_payload(&input.value(column, row)?, name)
}

/// [`payload`] of a value.
///
/// # Errors
/// As [`payload`].
pub fn message_payload(value: &Value, name: &str) -> Result<Bytes> {
    match value {
        Value::Text(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Value::Blob(bytes) => Ok(Bytes::copy_from_slice(bytes)),
        Value::Null => {
            Err(Error::new(format!("{name} is NULL")).advice("for an empty one write '', or leave the row out"))
        }
        other => Err(Error::new(format!("{name} must be VARCHAR or BLOB, not {}", other.kind()))
            .advice("cast it to VARCHAR, or use to_json(...)")),
    }
}

/// A headers argument: MAP or STRUCT from name to VARCHAR or VARCHAR[]; NULL is none.
///
/// # Errors
/// The argument is neither a MAP nor a STRUCT of texts, or a name or a value cannot be a header's.
pub fn headers(value: &Value) -> Result<Headers> {
    let mut headers = Vec::new();
    match value {
        Value::Null => {}
        Value::Map(entries) => {
            for (name, value) in entries {
                let Value::Text(name) = name else {
                    return Err(Error::new(format!("a header's name must be VARCHAR, not {}", name.kind())));
                };
                add_header(&mut headers, name, value)?;
            }
        }
        Value::Struct(members) => members.iter().try_for_each(|(name, value)| add_header(&mut headers, name, value))?,
        other => {
            return Err(Error::new(format!("headers must be a MAP from VARCHAR to VARCHAR, not {}", other.kind()))
                .advice("write MAP {'Nats-Msg-Id': 'x'}"));
        }
    }
    Ok(Headers(headers))
}

fn add_header(headers: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<()> {
    match value {
        Value::Text(text) => headers.push((name.to_owned(), text.clone())),
        Value::List(items) => items.iter().try_for_each(|item| match item {
            Value::List(_) => Err(not_text(name, item)),
            item => add_header(headers, name, item),
        })?,
        other => return Err(not_text(name, other)),
    }
    Ok(())
}

fn not_text(name: &str, value: &Value) -> Error {
    Error::new(format!("the header {name} must be VARCHAR or VARCHAR[], not {}", value.kind()))
}

fn push_published(buffer: &mut Buffer, published: &Published) {
    if let Values::Struct(members) = &mut buffer.values {
        push_members(members, published);
    }
    buffer.valid.push(true);
}

/// Appends to the members that [`published_fields`] names.
pub(super) fn push_members(members: &mut [Buffer], published: &Published) {
    if let [stream, sequence, duplicate, value, ..] = members {
        stream.push_bytes(published.stream.as_bytes());
        push(sequence, &Cell::Number(published.sequence));
        push(duplicate, &Cell::Flag(published.duplicate));
        push(value, &Cell::from(published.value.as_deref()));
    }
}

/// Headers as a column of `MAP(VARCHAR, VARCHAR)`, NULL for none.
pub fn header_buffer(rows: &[Option<Vec<(&str, String)>>]) -> Buffer {
    let mut buffer = Buffer::new(&text_map());
    for row in rows {
        let cell = row.as_ref().map_or(Cell::Null, |headers| {
            Cell::Pairs(headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        });
        push(&mut buffer, &cell);
    }
    buffer
}
