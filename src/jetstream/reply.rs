//! Reads replies: the headers and the status of Direct Get, and the body of `MSG.GET`. No other file reads them.
//!
//! Source: ADR-31. A message is known by its `Nats-Sequence`, the end of a batch by status 204, "nothing matches" by
//! 404. An empty payload means nothing: a stored message may be empty. The server appends its own headers to those of
//! the stored message, so of several values of one name the last is the server's.

use async_nats::{HeaderMap, Message};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::failure::{ErrorNumber, Failure, decode};
use super::time::parse_utc;
use crate::error::{Error, Kind, Result};
use crate::plan::{Reply, is_possible_subject};
use crate::record::{Headers, Record};

const STREAM: &str = "Nats-Stream";
const SUBJECT: &str = "Nats-Subject";
const SEQUENCE: &str = "Nats-Sequence";
const TIME_STAMP: &str = "Nats-Time-Stamp";
const NUM_PENDING: &str = "Nats-Num-Pending";
const LAST_SEQUENCE: &str = "Nats-Last-Sequence";
/// How many characters of a damaged subject an error shows.
const SHOWN: usize = 80;
/// The headers that the server adds to every message.
const ADDED: [&str; 4] = [STREAM, SUBJECT, SEQUENCE, TIME_STAMP];
/// The headers that it adds to a message of a batch as well.
const ADDED_TO_BATCH: [&str; 2] = [NUM_PENDING, LAST_SEQUENCE];

/// One answer to a request for messages.
pub(super) enum Answer {
    /// A message, the end of a batch, or nothing.
    Reply(Reply),
    /// Nobody listens: the stream does not exist, or does not allow Direct Get.
    NoResponders,
    /// The server refused, with a status of ADR-31 and its own words.
    Refused {
        /// The status, such as 408 or 413.
        status: u16,
        /// The server's words.
        words: String,
    },
}

/// Reads a reply to Direct Get. `batch` says that a batch was asked for from a server that knows batches; otherwise the
/// numbers of a batch are headers of the stored message, such as a republished one has.
pub(super) fn direct(message: Message, batch: bool, with_headers: bool) -> Result<Answer> {
    let Message { headers, status, payload, description, .. } = message;
    let headers = headers.unwrap_or_default();
    if let Some(sequence) = last(&headers, SEQUENCE) {
        let previous = last(&headers, LAST_SEQUENCE).filter(|_| batch);
        let previous = previous.map(|text| number(LAST_SEQUENCE, text)).transpose()?;
        let pending = last(&headers, NUM_PENDING).filter(|_| previous == Some(0));
        let pending = pending.map(|text| number(NUM_PENDING, text)).transpose()?;
        let sequence = number(SEQUENCE, sequence)?;
        let subject = last(&headers, SUBJECT).ok_or_else(|| missing(SUBJECT))?;
        check_subject(subject.as_bytes(), sequence)?;
        let time = last(&headers, TIME_STAMP).ok_or_else(|| missing(TIME_STAMP))?;
        let time_ns = parse_utc(time.as_bytes()).ok_or_else(|| {
            Error::of(Kind::Protocol, format!("malformed header {TIME_STAMP} in a reply: '{time}'")).sequence(sequence)
        })?;
        let record = Record {
            subject: Bytes::copy_from_slice(subject.as_bytes()),
            sequence,
            time_ns,
            headers: if with_headers { stored_headers(&headers, previous.is_some()) } else { Headers::default() },
            payload,
            part: None,
        };
        let size = record.payload.len();
        return Ok(Answer::Reply(Reply::Message { record, previous, pending, size }));
    }
    match status.map(|status| status.as_u16()) {
        Some(204) => Ok(Answer::Reply(Reply::End {
            pending: number(NUM_PENDING, last(&headers, NUM_PENDING).ok_or_else(|| missing(NUM_PENDING))?)?,
            last: number(LAST_SEQUENCE, last(&headers, LAST_SEQUENCE).ok_or_else(|| missing(LAST_SEQUENCE))?)?,
        })),
        Some(404) => Ok(Answer::Reply(Reply::Nothing)),
        Some(503) => Ok(Answer::NoResponders),
        Some(status) => Ok(Answer::Refused { status, words: description.unwrap_or_default() }),
        None => Err(missing(SEQUENCE)),
    }
}

#[derive(Deserialize)]
struct MsgGetAnswer {
    message: StoredMessage,
}

#[derive(Deserialize)]
struct StoredMessage {
    subject: String,
    seq: u64,
    time: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    hdrs: Option<String>,
}

/// Reads a reply of `STREAM.MSG.GET`.
pub(super) fn msg_get(body: &[u8], with_headers: bool) -> std::result::Result<Reply, Failure> {
    let malformed = |what: &str| Failure::protocol(format!("malformed answer of STREAM.MSG.GET: {what}"));
    let bytes = |text: Option<String>| match text {
        Some(text) => BASE64_STANDARD.decode(text).map_err(|_| malformed("not base64")),
        None => Ok(Vec::new()),
    };
    let message = match decode::<MsgGetAnswer>(body) {
        Ok(answer) => answer.message,
        Err(failure) if failure.is(ErrorNumber::NO_MESSAGE_FOUND) => return Ok(Reply::Nothing),
        Err(failure) => return Err(failure),
    };
    check_subject(message.subject.as_bytes(), message.seq).map_err(Failure::Other)?;
    let headers = if with_headers { header_block(&bytes(message.hdrs)?) } else { Headers::default() };
    let record = Record {
        subject: Bytes::from(message.subject),
        sequence: message.seq,
        time_ns: parse_utc(message.time.as_bytes()).ok_or_else(|| malformed("time"))?,
        headers,
        payload: Bytes::from(bytes(message.data)?),
        part: None,
    };
    let size = record.payload.len();
    Ok(Reply::Message { record, previous: None, pending: None, size })
}

/// Checks that the subject of a stored message is one that a message can have. The checksum of nats-server covers subject and payload, but not where the
/// one ends and the other begins (`filestore.go`; seen on 2.10.26, 2.12.8 and 2.15.1): where that is damaged, the server gives the message all the same.
///
/// # Errors
/// [`Kind::Damaged`], with the sequence.
pub(super) fn check_subject(subject: &[u8], sequence: u64) -> Result<()> {
    if is_possible_subject(subject) {
        return Ok(());
    }
    let shown: String = String::from_utf8_lossy(subject).chars().take(SHOWN).collect();
    let cause = format!(
        "the server gives the message with a subject that no message can have, {shown:?}: damaged where stored"
    );
    Err(Error::of(Kind::Damaged, cause)
        .sequence(sequence)
        .advice("restore the server's store from a backup, or read around the message with start_seq and end_seq"))
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_last(name).map(async_nats::HeaderValue::as_str)
}

fn number(name: &str, text: &str) -> Result<u64> {
    text.parse().map_err(|_| Error::of(Kind::Protocol, format!("malformed header {name} in a reply: '{text}'")))
}

fn missing(name: &str) -> Error {
    Error::of(Kind::Protocol, format!("a reply without the header {name}"))
}

/// The headers of the stored message, by name, without those that the server added.
fn stored_headers(headers: &HeaderMap, batch: bool) -> Headers {
    headers_without(headers, |name| is_added(name, batch))
}

/// All headers of a message that a consumer delivered, by name.
pub(super) fn all_headers(headers: &HeaderMap) -> Headers {
    headers_without(headers, |_| false)
}

/// The headers by name, without the last value of each name that the server adds.
fn headers_without(headers: &HeaderMap, added: impl Fn(&str) -> bool) -> Headers {
    let mut kept = Vec::new();
    for (name, values) in headers.iter() {
        let name: &str = name.as_ref();
        let count = values.len() - usize::from(added(name) && !values.is_empty());
        kept.extend(values.iter().take(count).map(|value| (name.to_owned(), value.as_str().to_owned())));
    }
    kept.sort_by(|(a, _), (b, _)| a.cmp(b));
    Headers(kept)
}

/// Whether the server adds a header of that name to a reply, and to one of a batch.
pub(super) fn is_added(name: &str, batch: bool) -> bool {
    ADDED.contains(&name) || (batch && ADDED_TO_BATCH.contains(&name))
}

/// The headers of a block `NATS/1.0\r\nName: value\r\n...\r\n`, by name.
pub(super) fn header_block(block: &[u8]) -> Headers {
    let text = String::from_utf8_lossy(block);
    let lines = text.split("\r\n").skip(1);
    let mut headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    Headers(headers)
}
