//! `nats_get(stream, seq [, connection])` and `nats_last(stream, subject [, connection])` as scalars: a message for each row, for
//! joins that enrich. NULL where there is no message, and for NULL arguments. The requests of a chunk are in flight together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::by_connection::ByConnection;
use super::messages::header_maps;
use super::rows::{Cell, push};
use crate::column::{Buffer, Field, Type, Values};
use crate::error::Result;
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::{Connection, get_messages, last_messages};
use crate::plan::{check_publish_subject, check_stream};
use crate::record::{Headers, Record};
use crate::value::{ParameterType, Value, unsigned};

/// The message with a sequence.
pub struct NatsGetScalar;

impl ScalarFunction for NatsGetScalar {
    const NAME: &'static str = "nats_get";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] =
        &[&[ParameterType::Text, ParameterType::Any], &[ParameterType::Text, ParameterType::Any, ParameterType::Any]];

    fn returns() -> Type {
        message_type()
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut places = ByConnection::new();
        for row in 0..input.len() {
            let Some(stream) = input.text(0, row, "stream")? else { continue };
            check_stream(stream)?;
            let sequence = match input.value(1, row)? {
                Value::Null => continue,
                value => unsigned("seq", &value)?,
            };
            places.add(input, 2, row, (stream.to_owned(), sequence))?;
        }
        let records = places.ask(input.len(), None, get_of_streams)?;
        Ok(messages(records))
    }
}

/// The messages of several streams, in the order of the places.
fn get_of_streams(connection: &Arc<Connection>, places: Vec<(String, u64)>) -> Result<Vec<Option<Record>>> {
    let mut by_stream: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, (stream, _)) in places.iter().enumerate() {
        by_stream.entry(stream).or_default().push(position);
    }
    let mut records: Vec<Option<Record>> = vec![None; places.len()];
    for (stream, positions) in by_stream {
        let sequences: Vec<u64> = positions.iter().map(|position| places[*position].1).collect();
        for (position, record) in positions.iter().zip(get_messages(connection, stream, &sequences, true)?) {
            records[*position] = record;
        }
    }
    Ok(records)
}

/// The newest message of a subject, which has no wildcard.
pub struct NatsLastScalar;

impl ScalarFunction for NatsLastScalar {
    const NAME: &'static str = "nats_last";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] =
        &[&[ParameterType::Text, ParameterType::Text], &[ParameterType::Text, ParameterType::Text, ParameterType::Any]];

    fn returns() -> Type {
        message_type()
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut places = ByConnection::new();
        for row in 0..input.len() {
            let Some(stream) = input.text(0, row, "stream")? else { continue };
            let Some(subject) = input.text(1, row, "subject")? else { continue };
            check_stream(stream)?;
            check_publish_subject(subject).map_err(|error| {
                error.advice("the scalar reads one subject; FROM nats_last(stream, subject) takes wildcards")
            })?;
            places.add(input, 2, row, (stream.to_owned(), subject.to_owned()))?;
        }
        let records = places.ask(input.len(), None, |connection, places| last_messages(connection, &places))?;
        Ok(messages(records))
    }
}

fn message_type() -> Type {
    let field = |name: &str, ty| Field { name: name.to_owned(), ty };
    Type::Struct(vec![
        field("subject", Type::Varchar),
        field("seq", Type::UBigInt),
        field("ts_nats", Type::Timestamp),
        field("payload", Type::Blob),
        field("headers", Type::map(Type::Varchar, Type::list(Type::Varchar))),
    ])
}

/// A STRUCT for each record, NULL for none.
fn messages(records: Vec<Option<Record>>) -> Buffer {
    let none = Headers::default();
    let headers = header_maps(records.iter().map(|record| record.as_ref().map_or(&none, |record| &record.headers)));
    let mut subject = Buffer::new(&Type::Varchar);
    let mut sequence = Buffer::new(&Type::UBigInt);
    let mut time = Buffer::new(&Type::Timestamp);
    let mut payload = Buffer::new(&Type::Blob);
    let mut valid = Vec::with_capacity(records.len());
    for record in &records {
        valid.push(record.is_some());
        match record {
            Some(record) => {
                subject.push_bytes(&record.subject);
                push(&mut sequence, &Cell::Number(record.sequence));
                push(&mut time, &Cell::Time(record.time_ns.div_euclid(1_000)));
                payload.push_bytes(&record.payload);
            }
            None => [&mut subject, &mut sequence, &mut time, &mut payload].into_iter().for_each(Buffer::push_null),
        }
    }
    Buffer { valid, values: Values::Struct(vec![subject, sequence, time, payload, headers]) }
}
