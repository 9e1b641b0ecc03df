//! `nats_publish_atomic(messages [, connection])`: publishes a list of messages to one stream, all or none.

use super::by_connection::ByConnection;
use super::publish::{headers, message_payload};
use super::rows::{Cell, push};
use crate::column::{Buffer, Field, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::publish::{PublishRequest, PublishedBatch, publish_atomic};
use crate::value::{ParameterType, Value};

/// A STRUCT(stream, first_seq, last_seq, count) for each list; NULL for NULL and for an empty list.
pub struct NatsPublishAtomic;

impl ScalarFunction for NatsPublishAtomic {
    const NAME: &'static str = "nats_publish_atomic";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[ParameterType::Any], &[ParameterType::Any, ParameterType::Any]];

    fn returns() -> Type {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty };
        Type::Struct(vec![
            field("stream", Type::Varchar),
            field("first_seq", Type::UBigInt),
            field("last_seq", Type::UBigInt),
            field("count", Type::UBigInt),
        ])
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut batches = ByConnection::new();
        for row in 0..input.len() {
            let messages = messages(&input.value(0, row)?)?;
            if !messages.is_empty() {
                batches.add(input, 1, row, messages)?;
            }
        }
        let published = batches.ask(input.len(), None, |connection, batches| {
            batches.into_iter().map(|messages| publish_atomic(connection, messages).map(Some)).collect()
        })?;
        let mut buffer = Buffer::new(&Self::returns());
        for batch in published {
            match batch {
                Some(batch) => push_batch(&mut buffer, &batch),
                None => buffer.push_null(),
            }
        }
        Ok(buffer)
    }
}

fn messages(list: &Value) -> Result<Vec<PublishRequest>> {
    let items = match list {
        Value::Null => return Ok(Vec::new()),
        Value::List(items) => items,
        other => return Err(not_messages(other)),
    };
    let message =
        |(index, item): (usize, &Value)| message(item).map_err(|error| error.within(&format!("message {}", index + 1)));
    items.iter().enumerate().map(message).collect()
}

fn message(item: &Value) -> Result<PublishRequest> {
    let Value::Struct(members) = item else { return Err(not_messages(item)) };
    let (mut subject, mut payload, mut fields) = (&Value::Null, &Value::Null, &Value::Null);
    for (name, value) in members {
        match name.as_str() {
            "subject" => subject = value,
            "payload" => payload = value,
            "headers" => fields = value,
            other => {
                return Err(Error::new(format!("a message has no member '{other}'"))
                    .advice("its members are subject, payload and headers"));
            }
        }
    }
    let Value::Text(subject) = subject else {
        return Err(Error::new(format!("subject must be VARCHAR, not {}", subject.kind())));
    };
    Ok(PublishRequest {
        subject: subject.clone(),
        headers: headers(fields)?,
        payload: message_payload(payload, "payload")?,
    })
}

fn not_messages(value: &Value) -> Error {
    Error::new(format!("the messages must be a list of STRUCT(subject, payload, headers), not {}", value.kind()))
        .advice("write nats_publish_atomic(list({'subject': ..., 'payload': ...})) FROM ...")
}

fn push_batch(buffer: &mut Buffer, batch: &PublishedBatch) {
    if let Values::Struct(members) = &mut buffer.values
        && let [stream, first, last, count] = members.as_mut_slice()
    {
        stream.push_bytes(batch.stream.as_bytes());
        push(first, &Cell::Number((batch.last + 1).saturating_sub(batch.count)));
        push(last, &Cell::Number(batch.last));
        push(count, &Cell::Number(batch.count));
    }
    buffer.valid.push(true);
}
