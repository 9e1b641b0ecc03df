//! Dead letters: messages that could not be used, kept to the byte in a stream of their own.
//!
//! | header | holds |
//! |---|---|
//! | `Dlq-Reason` | why the message was not used |
//! | `Dlq-Stream`, `Dlq-Subject`, `Dlq-Sequence`, `Dlq-Time-Stamp` | where it came from |
//! | `Nats-Msg-Id` | `dlq:<stream>:<sequence>`, so that the same letter sent twice is stored once |
//! | `Dlq-Nats-...` | a header of the message that begins with `Nats-`: it would be an order to the server |
//!
//! All other headers, and the payload, are those of the message.

use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde::Deserialize;

use super::api::{Failure, decode};
use super::connection::Connection;
use super::runtime::block_on;
use super::time::format_utc;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::stats;

/// A message on its way to the dead letters.
pub struct DeadLetter<'a> {
    /// Where it goes.
    pub subject: &'a str,
    /// The stream that it came from.
    pub stream: &'a str,
    /// The message.
    pub record: &'a Record,
    /// Why it was not used.
    pub reason: &'a str,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct PubAck {
    #[serde(rename = "stream")]
    _stream: String,
}

/// The stream that captures a subject, if one does. One round trip.
pub fn stream_of(connection: &Arc<Connection>, subject: &str) -> Result<Option<String>> {
    block_on(async {
        let request = serde_json::json!({ "subject": subject }).to_string();
        let names = connection.api::<Names>("STREAM.NAMES", Bytes::from(request)).await;
        let names = names.map_err(|failure| connection.failure(failure, "STREAM.NAMES"))?;
        Ok(names.streams.unwrap_or_default().into_iter().next())
    })
}

/// Publishes a dead letter and waits for the server's acknowledgement.
pub fn publish(connection: &Arc<Connection>, letter: &DeadLetter<'_>) -> Result<()> {
    let record = letter.record;
    block_on(async {
        let headers = headers(letter)?;
        let request =
            connection.client.request_with_headers(letter.subject.to_owned(), headers, record.payload.clone());
        let answer =
            request.await.map_err(|error| Error::foreign("the server did not take the dead letter", &error))?;
        decode::<PubAck>(&answer.payload).map_err(|failure| match failure {
            Failure::Api(api) => Error::new(format!("the dead letter was refused: {}", api.description)),
            other => connection.failure(other, "a dead letter"),
        })?;
        stats::DEAD_LETTERS.add(1);
        Ok(())
    })
    .map_err(|error: Error| error.stream(letter.stream).sequence(record.sequence).server(connection.label()))
}

fn headers(letter: &DeadLetter<'_>) -> Result<HeaderMap> {
    let record = letter.record;
    let mut map = HeaderMap::new();
    let mut add = |name: &str, value: &str| -> Result<()> {
        let malformed = || Error::new(format!("a header that cannot be published: '{name}'"));
        let name: HeaderName = name.parse().map_err(|_| malformed())?;
        let value: HeaderValue = value.parse().map_err(|_| malformed())?;
        map.append(name, value);
        Ok(())
    };
    for (name, value) in &record.headers.0 {
        if name.to_ascii_lowercase().starts_with("nats-") {
            add(&format!("Dlq-{name}"), value)?;
        } else {
            add(name, value)?;
        }
    }
    let one_line: String = letter.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    add("Dlq-Reason", &one_line)?;
    add("Dlq-Stream", letter.stream)?;
    add("Dlq-Subject", &String::from_utf8_lossy(&record.subject))?;
    add("Dlq-Sequence", &record.sequence.to_string())?;
    if let Some(time) = format_utc(record.time_ns.div_euclid(1_000)) {
        add("Dlq-Time-Stamp", &time)?;
    }
    add("Nats-Msg-Id", &format!("dlq:{}:{}", letter.stream, record.sequence))?;
    Ok(map)
}
