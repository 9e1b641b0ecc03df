//! Dead letters: messages that could not be used, kept byte for byte in a stream of their own.
//!
//! | header | holds |
//! |---|---|
//! | `Dlq-Reason` | why the message was not used |
//! | `Dlq-Stream`, `Dlq-Subject`, `Dlq-Sequence`, `Dlq-Time-Stamp` | where it came from |
//! | `Nats-Msg-Id` | `dlq:<stream>:<sequence>`, so that the same letter sent twice is stored once; where another letter has |
//! | | that id, `:<time>:<subject>` follows |
//! | `Dlq-Nats-...` | a header of the message that begins with `Nats-`: without the prefix the server would act on it |
//! | `Dlq-Header` | `name: value` of each header whose name is not printable ASCII, which cannot be published |
//!
//! All other headers, and the payload, are those of the message.

use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use serde::Deserialize;

use super::connection::Connection;
use super::failure::{Failure, decode};
use super::get::get_messages;
use super::look_up::look_up;
use super::runtime::block_on;
use super::time::format_utc;
use crate::error::{Error, Kind, Result};
use crate::record::{Headers, Record};
use crate::stats;

/// The most letters that wait for their acknowledgement at once.
const IN_FLIGHT: usize = 512;
/// The header with the time at which the message was stored.
const TIME_STAMP: &str = "Dlq-Time-Stamp";

/// A message that becomes a dead letter.
pub struct DeadLetter<'a> {
    /// The subject to which it is published.
    pub subject: &'a str,
    /// The stream that it came from.
    pub stream: &'a str,
    /// The message.
    pub record: &'a Record,
    /// The reason why it was not used.
    pub reason: &'a str,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    streams: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct PubAck {
    stream: String,
    /// The sequence of the letter, or of the message whose id it shares.
    seq: u64,
    #[serde(default)]
    duplicate: bool,
}

/// The stream that captures a subject, if one does. One round trip.
///
/// # Errors
/// Those of any request: denied, timed out, refused.
pub fn stream_of(connection: &Arc<Connection>, subject: &str) -> Result<Option<String>> {
    block_on(async {
        let request = serde_json::json!({ "subject": subject }).to_string();
        let names = look_up::<Names>(connection, "STREAM.NAMES", Bytes::from(request)).await;
        let names = names.map_err(|failure| connection.failure(failure, "STREAM.NAMES"))?;
        Ok(names.streams.unwrap_or_default().into_iter().next())
    })
}

/// Publishes dead letters of one subject, in flight together, and waits for the server's acknowledgement of each. Sent again
/// within the duplicate window of the stream that keeps them, they are stored once.
///
/// # Errors
/// The server did not acknowledge a letter; it names stream and sequence of the first such message. Others may be stored.
pub fn publish(connection: &Arc<Connection>, letters: &[DeadLetter<'_>]) -> Result<()> {
    let sent: Vec<(&DeadLetter<'_>, String)> = letters.iter().map(|letter| (letter, id(letter))).collect();
    let stored = send_all(connection, &sent)?;
    // Another letter may have the id: for another subject, or of a message of an earlier stream of the same name.
    let duplicates = letters.iter().zip(&stored).filter(|(_, ack)| ack.duplicate).collect::<Vec<_>>();
    let others = others(connection, &duplicates)?;
    let longer = |letter: &DeadLetter<'_>| format!("{}:{}:{}", id(letter), letter.record.time_ns, letter.subject);
    let others: Vec<(&DeadLetter<'_>, String)> = others.into_iter().map(|letter| (letter, longer(letter))).collect();
    let again = send_all(connection, &others)?;
    let new = stored.iter().chain(&again).filter(|ack| !ack.duplicate).count();
    stats::DEAD_LETTERS.add(new as u64);
    Ok(())
}

fn id(letter: &DeadLetter<'_>) -> String {
    format!("dlq:{}:{}", letter.stream, letter.record.sequence)
}

fn send_all(connection: &Arc<Connection>, letters: &[(&DeadLetter<'_>, String)]) -> Result<Vec<PubAck>> {
    block_on(async {
        let sending = letters.iter().map(|(letter, id)| async move {
            let sent = send(connection, letter, id).await;
            sent.map_err(|error| {
                error.stream(letter.stream).sequence(letter.record.sequence).server(connection.label())
            })
        });
        futures_util::stream::iter(sending).buffered(IN_FLIGHT).try_collect().await
    })
}

async fn send(connection: &Arc<Connection>, letter: &DeadLetter<'_>, id: &str) -> Result<PubAck> {
    let headers = headers(letter, id)?;
    let payload = letter.record.payload.clone();
    let request = connection.client.request_with_headers(letter.subject.to_owned(), headers, payload);
    let answer = request.await.map_err(|error| {
        Error::foreign("the server did not take the dead letter", &error).kind_or(Kind::Unavailable)
    })?;
    decode::<PubAck>(&answer.payload).map_err(|failure| match failure {
        Failure::Api(api) => api.error().within("the dead letter was refused"),
        other => connection.failure(other, "a dead letter"),
    })
}

/// The letters for which the server has another message with the same id.
fn others<'l, 'r>(
    connection: &Arc<Connection>,
    duplicates: &[(&'l DeadLetter<'r>, &PubAck)],
) -> Result<Vec<&'l DeadLetter<'r>>> {
    let Some((first, ack)) = duplicates.first() else { return Ok(Vec::new()) };
    let name = |error: Error| error.within("the dead letter that is stored already").server(connection.label());
    let sequences: Vec<u64> = duplicates.iter().map(|(_, ack)| ack.seq).collect();
    let found = get_messages(connection, &ack.stream, &sequences, true)
        .map_err(|error| name(error).sequence(first.record.sequence))?;
    let is_stored = |letter: &DeadLetter<'_>, found: &Option<Record>| {
        let time = format_utc(letter.record.time_ns.div_euclid(1_000));
        found.as_ref().is_some_and(|found| {
            found.subject == letter.subject.as_bytes() && found.headers.get(TIME_STAMP) == time.as_deref()
        })
    };
    let others = duplicates.iter().zip(&found).filter(|((letter, _), found)| !is_stored(letter, found));
    Ok(others.map(|((letter, _), _)| *letter).collect())
}

fn headers(letter: &DeadLetter<'_>, id: &str) -> Result<HeaderMap> {
    let record = letter.record;
    let mut map = HeaderMap::new();
    let mut add = |name: &str, value: &str| -> Result<()> {
        let malformed = || Error::of(Kind::Damaged, format!("a header that cannot be published: '{name}'"));
        let name: HeaderName = name.parse().map_err(|_| malformed())?;
        let value: HeaderValue = value.parse().map_err(|_| malformed())?;
        map.append(name, value);
        Ok(())
    };
    for (name, value) in &record.headers.0 {
        if name.to_ascii_lowercase().starts_with("nats-") {
            add(&format!("Dlq-{name}"), value)?;
        } else if name.parse::<HeaderName>().is_ok() {
            add(name, value)?;
        } else {
            add("Dlq-Header", &format!("{name}: {value}"))?;
        }
    }
    let one_line: String = letter.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    add("Dlq-Reason", &one_line)?;
    add("Dlq-Stream", letter.stream)?;
    add("Dlq-Subject", &String::from_utf8_lossy(&record.subject))?;
    add("Dlq-Sequence", &record.sequence.to_string())?;
    if let Some(time) = format_utc(record.time_ns.div_euclid(1_000)) {
        add(TIME_STAMP, &time)?;
    }
    add(Headers::MESSAGE_ID, id)?;
    Ok(map)
}
