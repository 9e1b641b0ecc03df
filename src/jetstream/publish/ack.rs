//! The server's answer to a published message.
//!
//! Source: ADR-1 (PubAck), ADR-7 (errors) and ADR-49 (counters).

use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::jetstream::failure::{ApiError, ErrorNumber};

/// A stored message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The stream that stored it.
    pub stream: String,
    /// Its sequence there; of the first one for a duplicate.
    pub sequence: u64,
    /// Whether the stream had a message with the same `Nats-Msg-Id` already, and so did not store this one.
    pub duplicate: bool,
    /// The counter of its subject behind this message, in a stream with `allow_msg_counter`: a whole number of any size.
    pub value: Option<String>,
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
    #[serde(default, rename = "val")]
    pub value: Option<String>,
    pub error: Option<ApiError>,
}

/// The fate of one message.
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

/// Reads the payload of an answer; `nobody` is whether the answer is the status that nobody listens (503).
pub(super) fn read(nobody: bool, payload: &[u8]) -> Outcome {
    if nobody {
        return Outcome::NoStream;
    }
    let ack: PubAck = match serde_json::from_slice(payload) {
        Ok(ack) => ack,
        Err(_) => return Outcome::Refused(not_an_ack()),
    };
    match ack.error {
        Some(error) if error.is(ErrorNumber::TOO_MANY_REQUESTS) => Outcome::Busy,
        Some(error) if error.is(ErrorNumber::UNAVAILABLE) => Outcome::Unavailable(describe(&error)),
        Some(error) => Outcome::Refused(describe(&error)),
        None if ack.stream.is_empty() || ack.seq == 0 => Outcome::Refused(not_an_ack()),
        None => Outcome::Stored(Published {
            stream: ack.stream,
            sequence: ack.seq,
            duplicate: ack.duplicate,
            value: ack.value,
        }),
    }
}

fn not_an_ack() -> Error {
    Error::of(Kind::Protocol, "something other than a stream answered, so it is not known to be stored")
        .advice("a service listens on the subject; publish to a subject that only a stream captures")
}

/// A refusal, with the advice of its number.
pub(in crate::jetstream) fn describe(error: &ApiError) -> Error {
    error.error().within("the stream refused it")
}

/// Nobody listens on the subject of a message.
pub(super) fn no_stream() -> Error {
    Error::of(Kind::NotFound, "no stream captures the subject, so it is not stored").advice(
        "SELECT stream, subjects FROM nats_streams() shows what streams capture; make one with nats_stream_ensure",
    )
}
