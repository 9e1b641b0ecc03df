//! Atomic batches (ADR-50, server 2.12): the stream stores all messages of a batch, one after the other, or none.

use std::sync::Arc;

use async_nats::{HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;

use super::ack::describe;
use super::message::{Checked, PublishRequest};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{ApiError, ErrorNumber};
use crate::jetstream::runtime::block_on;
use crate::stats;

/// The most messages of a batch (ADR-50; a server may be configured otherwise, and then its error has the number).
pub const MAX_BATCH: usize = 1_000;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// A stored batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedBatch {
    /// The stream.
    pub stream: String,
    /// The sequence of the last message; the others come right before it.
    pub last: u64,
    /// The number of messages.
    pub count: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    count: u64,
    error: Option<ApiError>,
}

/// Publishes messages to one stream, all or none. Two round trips.
///
/// # Errors
/// Nothing of the batch is stored, unless no acknowledgement came: then all or nothing is.
pub fn publish_atomic(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<PublishedBatch> {
    let outcome = check(connection, messages).and_then(|messages| block_on(run(connection, messages)));
    outcome.map_err(|error| error.server(connection.label()))
}

fn check(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<Vec<Checked>> {
    if messages.len() > MAX_BATCH {
        return Err(Error::new(format!("{} messages, an atomic batch has at most {MAX_BATCH}", messages.len()))
            .advice("make several batches, or publish without atomicity"));
    }
    // An older server would store each message as it comes.
    if !connection.client.is_server_compatible(2, 12, 0) {
        let version = connection.client.server_info().version;
        return Err(Error::of(Kind::Unsupported, format!("the server is version {version}; atomic batches need 2.12"))
            .advice("publish without atomicity, with nats_publish"));
    }
    let max_payload = connection.client.max_payload();
    let check = |(index, message): (usize, PublishRequest)| {
        let place = format!("message {}, subject '{}'", index + 1, message.subject);
        let added = [BATCH_ID, BATCH_SEQUENCE, BATCH_COMMIT];
        if let Some((name, _)) = message.headers.0.iter().find(|(name, _)| added.contains(&&name[..])) {
            return Err(Error::new(format!("the header {name} is set by the batch itself")).within(&place));
        }
        message.check(max_payload).map_err(|error| error.within(&place))
    };
    messages.into_iter().enumerate().map(check).collect()
}

async fn run(connection: &Arc<Connection>, messages: Vec<Checked>) -> Result<PublishedBatch> {
    let total = messages.len();
    let inbox = connection.client.new_inbox();
    // At most 64 characters (ADR-50).
    let id = connection.unique_name();
    let mut replies = connection
        .client
        .subscribe(inbox.clone())
        .await
        .map_err(|error| Error::foreign("cannot subscribe", &error).kind_or(Kind::Unreachable))?;
    stats::PUBLISHED.add(total as u64);
    for (index, message) in messages.into_iter().enumerate() {
        let (first, last) = (index == 0, index + 1 == total);
        let mut headers = message.headers().unwrap_or_else(HeaderMap::new);
        headers.insert(BATCH_ID, id.as_str());
        headers.insert(BATCH_SEQUENCE, (index + 1).to_string().as_str());
        if last {
            headers.insert(BATCH_COMMIT, "1");
        }
        let subject = message.subject.clone();
        let sent = if first || last {
            connection.client.publish_with_reply_and_headers(subject, inbox.clone(), headers, message.payload).await
        } else {
            connection.client.publish_with_headers(subject, headers, message.payload).await
        };
        sent.map_err(|error| refused(Error::foreign("cannot send", &error).kind_or(Kind::Unreachable), total))?;
        if first && !last {
            let answer = answer(connection, &mut replies).await.map_err(|error| refused(error, total))?;
            // Nothing is the word that the batch has begun.
            if !answer.payload.is_empty() {
                return Err(refused(read(&answer, &message.subject).err().unwrap_or_else(not_a_batch), total));
            }
        }
        if last {
            let answer = answer(connection, &mut replies).await.map_err(|error| refused(error, total))?;
            let batch = read(&answer, &message.subject).map_err(|error| refused(error, total))?;
            stats::PUBLISHES_STORED.add(batch.count);
            return Ok(batch);
        }
    }
    Err(Error::new("an atomic batch needs a message"))
}

fn refused(error: Error, total: usize) -> Error {
    stats::REFUSED.add(total as u64);
    error
}

async fn answer(connection: &Arc<Connection>, replies: &mut Subscriber) -> Result<Message> {
    match tokio::time::timeout(connection.timeout, replies.next()).await {
        Ok(Some(message)) => Ok(message),
        Ok(None) => Err(Error::of(Kind::Unreachable, "the connection was closed while publishing")),
        Err(_) => Err(Error::of(Kind::TimedOut, format!(
            "no acknowledgement within {:.1} s, so it is not known whether the batch is stored: all of it, or nothing",
            connection.timeout.as_secs_f64()
        ))
        .advice("look at the stream before publishing again, or give it more time with timeout")),
    }
}

fn read(message: &Message, subject: &str) -> Result<PublishedBatch> {
    if message.status.is_some_and(|status| status.as_u16() == 503) {
        return Err(Error::of(
            Kind::NotFound,
            format!("no stream captures the subject '{subject}'; nothing is stored"),
        )
        .advice("SELECT stream, subjects FROM nats_streams() shows what streams capture"));
    }
    let answer: Answer = serde_json::from_slice(&message.payload).map_err(|_| not_a_batch())?;
    match answer.error {
        Some(error) if error.is(ErrorNumber::ATOMIC_NOT_ALLOWED) => {
            Err(Error::of(Kind::Unsupported, "the stream does not allow atomic batches; nothing is stored")
                .advice("nats_stream_ensure(stream, allow_atomic := true) allows them"))
        }
        Some(error) => Err(describe(&error).ending("; nothing of the batch is stored")),
        None if answer.stream.is_empty() => Err(not_a_batch()),
        // A batch of one is acknowledged as any message.
        None => Ok(PublishedBatch { stream: answer.stream, last: answer.seq, count: answer.count.max(1) }),
    }
}

fn not_a_batch() -> Error {
    Error::of(Kind::Protocol, "something other than an atomic batch was acknowledged")
        .advice("check what listens on the subject")
}
