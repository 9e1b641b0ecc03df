//! Core NATS, without JetStream: the scalar `nats_request(subject, payload [, headers [, connection]])` and the table
//! `nats_subscribe(subject, max_messages :=, max_wait :=)`.

use std::sync::Arc;
use std::time::Duration;

use super::by_connection::ByConnection;
use super::manage::subjects;
use super::messages::header_maps;
use super::publish::message;
use super::rows::{Cell, Row, SmallTable, columns, text_map};
use crate::column::{Buffer, Column, Field, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::Connection;
use crate::jetstream::core::{CoreMessage, request, subscribe};
use crate::record::Headers;
use crate::value::{Arguments, Parameter, ParameterType};

/// A STRUCT(payload, headers) for each row: the one reply. The requests of a chunk are in flight together.
pub struct NatsRequest;

impl ScalarFunction for NatsRequest {
    const NAME: &'static str = "nats_request";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty };
        Type::Struct(vec![
            field("payload", Type::Blob),
            field("headers", Type::map(Type::Varchar, Type::list(Type::Varchar))),
        ])
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut requests = ByConnection::new();
        for row in 0..input.len() {
            let message = message(input, row).map_err(|error| error.within(&format!("row {}", row + 1)))?;
            requests.add(input, 3, row, message)?;
        }
        let replies = requests.ask(input.len(), None, |connection, requests| {
            Ok(request(connection, requests)?.into_iter().map(Some).collect())
        })?;
        let none = Headers::default();
        let headers = header_maps(replies.iter().map(|reply| reply.as_ref().map_or(&none, |reply| &reply.headers)));
        let mut payload = Buffer::new(&Type::Blob);
        for reply in &replies {
            match reply {
                Some(reply) => payload.push_bytes(&reply.payload),
                None => payload.push_null(),
            }
        }
        let valid = replies.iter().map(Option::is_some).collect();
        Ok(Buffer { valid, values: Values::Struct(vec![payload, headers]) })
    }
}

/// How many messages, and for how long, when nothing else is said.
const DEFAULT_MESSAGES: u64 = 1_000;
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// The most that may be asked for: what comes is held in memory.
const MAX_MESSAGES: u64 = 1_000_000;
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// One row a message that came while it listened; nothing of it is stored.
pub struct NatsSubscribe;

pub struct Call {
    subjects: Vec<String>,
    messages: usize,
    wait: Duration,
}

impl SmallTable for NatsSubscribe {
    const NAME: &'static str = "nats_subscribe";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("subject", ParameterType::TextOrList)]
    }

    fn named() -> Vec<Parameter> {
        vec![
            Parameter::new("max_messages", ParameterType::Unsigned),
            Parameter::new("max_wait", ParameterType::Interval),
        ]
    }

    fn columns() -> Vec<Column> {
        columns([
            ("subject", Type::Varchar),
            ("reply_to", Type::Varchar),
            ("ts_received", Type::Timestamp),
            ("payload", Type::Blob),
            ("headers", text_map()),
        ])
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let subjects = subjects(arguments, "subject")?.ok_or_else(|| Error::new("subject is missing"))?;
        let messages = arguments.unsigned("max_messages")?.unwrap_or(DEFAULT_MESSAGES);
        if !(1..=MAX_MESSAGES).contains(&messages) {
            return Err(Error::new(format!("max_messages must be from 1 to {MAX_MESSAGES}"))
                .advice("what comes is held in memory; a stream keeps more, and FROM nats_scan(stream) reads it"));
        }
        let wait = arguments.duration("max_wait")?.unwrap_or(DEFAULT_WAIT);
        Ok(Call { subjects, messages: usize::try_from(messages).unwrap_or(usize::MAX), wait })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let heard = subscribe(connection, &call.subjects, call.messages, MAX_BYTES, call.wait)?;
        Ok(heard.into_iter().map(row).collect())
    }
}

fn row(heard: CoreMessage) -> Row {
    let CoreMessage { record, reply_to } = heard;
    vec![
        Cell::from(String::from_utf8_lossy(&record.subject).into_owned()),
        Cell::from(reply_to),
        Cell::Time(record.time_ns.div_euclid(1_000)),
        Cell::Bytes(record.payload),
        // The last value of a name, as other clients show it.
        Cell::Pairs(pairs(&record.headers)),
    ]
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let last = |values: &[&str]| values.last().copied().unwrap_or_default().to_owned();
    headers.grouped().into_iter().map(|(name, values)| (name.to_owned(), last(&values))).collect()
}
