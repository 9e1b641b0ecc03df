//! Core NATS, without JetStream: the scalar `nats_request(subject, payload [, headers [, connection]])` and the table
//! `nats_subscribe(subject, max_messages :=, max_wait :=, payload_type :=, on_error :=)`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::by_connection::ByConnection;
use super::manage::subjects;
use super::messages::header_maps;
use super::payload;
use super::publish::message;
use super::rows::{Cell, Row, SmallTable, columns, text_map};
use crate::codec::Whole;
use crate::codec::inflate::{Compression, Inflate};
use crate::codec::rows::OnError;
use crate::column::{Buffer, Column, Field, Type, Values};
use crate::error::{Error, Kind, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::Connection;
use crate::jetstream::core::{CoreMessage, request, subscribe};
use crate::record::{Headers, Record};
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

/// The defaults of the number of messages, and of the time.
const DEFAULT_MESSAGES: u64 = 1_000;
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// The most messages that may be asked for, because they are held in memory.
const MAX_MESSAGES: u64 = 1_000_000;
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// One row for each message that came during the call; no message is stored.
pub struct NatsSubscribe;

pub struct Call {
    subjects: Vec<String>,
    messages: usize,
    wait: Duration,
    /// The form of the column `payload`.
    whole: Whole,
    on_error: OnError,
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
            Parameter::new("payload_type", ParameterType::Text),
            Parameter::new("on_error", ParameterType::Text),
        ]
    }

    fn columns() -> Vec<Column> {
        columns_with(Whole::Bytes)
    }

    fn columns_of(call: &Call) -> Vec<Column> {
        columns_with(call.whole)
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let subjects = subjects(arguments, "subject")?.ok_or_else(|| Error::new("subject is missing"))?;
        let messages = arguments.unsigned("max_messages")?.unwrap_or(DEFAULT_MESSAGES);
        if !(1..=MAX_MESSAGES).contains(&messages) {
            return Err(Error::new(format!("max_messages must be from 1 to {MAX_MESSAGES}"))
                .advice("what comes is held in memory; a stream keeps more, and FROM nats_scan(stream) reads it"));
        }
        let wait = arguments.duration("max_wait")?.unwrap_or(DEFAULT_WAIT);
        let whole = payload::payload_type(arguments)?.unwrap_or(Whole::Bytes);
        let on_error = payload::choice(arguments, "on_error", OnError::CHOICES)?.unwrap_or(OnError::Fail);
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        Ok(Call { subjects, messages, wait, whole, on_error })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let heard = subscribe(connection, &call.subjects, call.messages, MAX_BYTES, call.wait)?;
        heard.into_iter().filter_map(|message| row(message, call).transpose()).collect()
    }
}

fn columns_with(whole: Whole) -> Vec<Column> {
    columns([
        ("subject", Type::Varchar),
        ("reply_to", Type::Varchar),
        ("ts_received", Type::Timestamp),
        ("payload", whole.ty()),
        ("headers", text_map()),
    ])
}

/// The row of a message; None when `on_error` leaves it out.
fn row(heard: CoreMessage, call: &Call) -> Result<Option<Row>> {
    let CoreMessage { record, reply_to } = heard;
    let subject = String::from_utf8_lossy(&record.subject).into_owned();
    let payload = match (payload_cell(&record, call.whole), call.on_error) {
        (Ok(payload), _) => payload,
        (Err(_), OnError::Null) => Cell::Null,
        (Err(_), OnError::Skip) => return Ok(None),
        (Err(cause), OnError::Fail) => {
            return Err(Error::of(Kind::InvalidPayload, format!("subject '{subject}': {cause}"))
                .advice("on_error := 'null' or 'skip' reads past it"));
        }
    };
    Ok(Some(vec![
        Cell::from(subject),
        Cell::from(reply_to),
        Cell::Time(record.time_ns.div_euclid(1_000)),
        payload,
        // The last value of a name, as other clients show it.
        Cell::Pairs(pairs(&record.headers)),
    ]))
}

/// A payload in the form of its column: bytes as they came, text and JSON inflated as the message's header says.
fn payload_cell(record: &Record, whole: Whole) -> std::result::Result<Cell, String> {
    if whole == Whole::Bytes {
        return Ok(Cell::Bytes(record.payload.clone()));
    }
    let inflate = Inflate { compression: Compression::Header, limit: Inflate::DEFAULT_LIMIT };
    let inflated = inflate.payload(record)?;
    Ok(Cell::Bytes(Bytes::copy_from_slice(whole.of(&inflated)?)))
}

fn pairs(headers: &Headers) -> Vec<(String, String)> {
    let last = |values: &[&str]| values.last().copied().unwrap_or_default().to_owned();
    headers.grouped().into_iter().map(|(name, values)| (name.to_owned(), last(&values))).collect()
}
