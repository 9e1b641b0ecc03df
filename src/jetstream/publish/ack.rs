//! What the server answers to a published message.
//!
//! Source: ADR-1 (PubAck) and ADR-7 (error numbers).

use async_nats::Message;
use serde::Deserialize;

use crate::error::Error;
use crate::jetstream::api::ApiError;

/// The stream's header checks: wrong last sequence (10071, 10164), wrong last message id (10070), wrong stream (10060).
const WRONG_LAST_SEQUENCE: [u32; 2] = [10_071, 10_164];
const WRONG_LAST_MSG_ID: u32 = 10_070;
const WRONG_STREAM: u32 = 10_060;
/// The stream takes no more for now: too many requests (10167).
const TOO_MANY_REQUESTS: u32 = 10_167;
/// JetStream is temporarily unavailable (10008).
const UNAVAILABLE: u32 = 10_008;
/// The stream's limit on a message (10054), on messages and bytes with `discard` new (10077 and its words).
const MESSAGE_TOO_LARGE: u32 = 10_054;
const STORE_FAILED: u32 = 10_077;

/// A stored message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The stream that stored it.
    pub stream: String,
    /// Its sequence there; of the first one for a duplicate.
    pub sequence: u64,
    /// Whether the stream had a message with the same `Nats-Msg-Id` already, and so did not store this one.
    pub duplicate: bool,
}

/// An acknowledgement.
#[derive(Deserialize)]
pub(in crate::jetstream) struct PubAck {
    #[serde(default)]
    pub stream: String,
    #[serde(default)]
    pub seq: u64,
    #[serde(default)]
    pub duplicate: bool,
    pub error: Option<ApiError>,
}

/// What became of one message.
pub(super) enum Outcome {
    Stored(Published),
    /// Nobody listens on the subject: it was not stored.
    NoStream,
    /// The stream is busy: it was not stored.
    Busy,
    /// The servers are electing, or otherwise not ready.
    Unavailable(Error),
    /// The stream refused it.
    Refused(Error),
}

/// Reads an answer.
pub(super) fn read(message: &Message) -> Outcome {
    if message.status.is_some_and(|status| status.as_u16() == 503) {
        return Outcome::NoStream;
    }
    let ack: PubAck = match serde_json::from_slice(&message.payload) {
        Ok(ack) => ack,
        Err(_) => return Outcome::Refused(not_an_ack()),
    };
    match ack.error {
        Some(error) if error.err_code == TOO_MANY_REQUESTS => Outcome::Busy,
        Some(error) if error.err_code == UNAVAILABLE => Outcome::Unavailable(describe(&error)),
        Some(error) => Outcome::Refused(describe(&error)),
        None if ack.stream.is_empty() || ack.seq == 0 => Outcome::Refused(not_an_ack()),
        None => Outcome::Stored(Published { stream: ack.stream, sequence: ack.seq, duplicate: ack.duplicate }),
    }
}

fn not_an_ack() -> Error {
    Error::new("something other than a stream answered, so it is not known to be stored")
        .advice("a service listens on the subject; publish to a subject that only a stream captures")
}

/// A refusal with what to do about it.
pub(in crate::jetstream) fn describe(error: &ApiError) -> Error {
    let refused =
        Error::new(format!("the stream refused it: {} (JetStream error {})", error.description, error.err_code));
    match error.err_code {
        code if WRONG_LAST_SEQUENCE.contains(&code) => {
            refused.advice("another message came first; read again, and publish with the new sequence")
        }
        WRONG_LAST_MSG_ID => refused.advice("check the header Nats-Expected-Last-Msg-Id"),
        WRONG_STREAM => refused.advice("check the header Nats-Expected-Stream; another stream captures the subject"),
        MESSAGE_TOO_LARGE => refused.advice("make it smaller, or raise max_msg_size of the stream"),
        STORE_FAILED => refused.advice("the stream is full or sealed; see its limits in FROM nats_streams()"),
        _ => refused,
    }
}
