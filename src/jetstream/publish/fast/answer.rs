//! The server's answers to a fast batch.
//!
//! The subject of an answer is the one that the message named: `<inbox>.<batch>.<flow>.<gap mode>.<position>.<operation>.$FI`.

use serde::Deserialize;

use crate::error::Error;
use crate::jetstream::failure::{ApiError, ErrorNumber};
use crate::jetstream::publish::ack::describe;

/// The end of the subject of an answer, by which the server knows a message of a fast batch.
const SUFFIX: &str = "$FI";

/// The operation of a message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// It begins the batch, at position 1.
    Start = 0,
    /// It goes on.
    Append = 1,
    /// It ends the batch, is not stored, and has the position behind the last message.
    End = 3,
    /// It asks where the batch stands, is not stored, and has the position of the last message.
    Ping = 4,
}

/// The subject for answers to a message of a batch that no gap may be in.
pub(super) fn reply_subject(inbox: &str, batch: &str, flow: u64, position: u64, operation: Operation) -> String {
    format!("{inbox}.{batch}.{flow}.fail.{position}.{}.{SUFFIX}", operation as u8)
}

/// The batch and the position that an answer is about; None where its subject is none of ours.
pub(super) fn place(subject: &str) -> Option<(&str, u64)> {
    let mut tokens = subject.rsplit('.');
    if tokens.next() != Some(SUFFIX) {
        return None;
    }
    let position = tokens.nth(1)?.parse().ok()?;
    Some((tokens.nth(2)?, position))
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// The messages up to this position are stored; the server sends the next such answer after `every` messages.
    Stored { position: u64, every: u64 },
    /// A message was refused. The server ends the batch before it.
    Refused { position: u64, error: Error },
    /// The batch is over: exactly so many messages of it are stored, or were duplicates.
    Ended { messages: u64 },
    /// The server takes no message of this batch: it does not know the batch, or refuses to begin it.
    Failed { position: u64, stream: String, failure: Failure },
    /// Nobody listens on the subject of the message.
    Nobody { position: u64 },
    /// Nothing that matters by itself: a message is missing, and the end of the batch follows.
    Gap,
}

/// Why a message is not taken as one of the batch.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failure {
    /// There is no such batch: it was ended, or its server lost it, or another stream has the subject.
    UnknownBatch,
    /// The stream takes none at the moment.
    Busy,
    /// Anything else.
    Refused(Error),
}

#[derive(Deserialize)]
struct Said {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    seq: u64,
    #[serde(default, rename = "msgs")]
    every: u64,
    #[serde(default)]
    stream: String,
    #[serde(default)]
    batch: String,
    #[serde(default)]
    count: u64,
    error: Option<ApiError>,
}

/// Reads the answer to the message at a position. `nobody` is whether it is the status that nobody listens (503).
/// None for something else than an answer to a fast batch.
pub(super) fn read(nobody: bool, position: u64, payload: &[u8]) -> Option<Answer> {
    if nobody {
        return Some(Answer::Nobody { position });
    }
    let said: Said = serde_json::from_slice(payload).ok()?;
    match (said.kind.as_str(), said.error) {
        ("ack", None) => Some(Answer::Stored { position: said.seq, every: said.every.max(1) }),
        ("gap", None) => Some(Answer::Gap),
        ("err", Some(error)) => Some(Answer::Refused { position: said.seq, error: describe(&error) }),
        ("", Some(error)) => Some(Answer::Failed { position, stream: said.stream, failure: Failure::of(&error) }),
        ("", None) if !said.batch.is_empty() => Some(Answer::Ended { messages: said.count }),
        _ => None,
    }
}

impl Failure {
    fn of(error: &ApiError) -> Self {
        let is = |numbers: &[ErrorNumber]| numbers.iter().any(|number| error.is(*number));
        if is(&[ErrorNumber::UNKNOWN_BATCH]) {
            Failure::UnknownBatch
        } else if is(&[ErrorNumber::TOO_MANY_REQUESTS, ErrorNumber::TOO_MANY_BATCHES, ErrorNumber::UNAVAILABLE]) {
            Failure::Busy
        } else {
            Failure::Refused(describe(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_its_batch_and_position() {
        let subject = reply_subject("_INBOX.a.7", "b-1", 500, 42, Operation::Append);
        assert_eq!(subject, "_INBOX.a.7.b-1.500.fail.42.1.$FI");
        assert_eq!(place(&subject), Some(("b-1", 42)));
        for other in ["_INBOX.a.7", "x.$FI", "a.b.c.x.1.$FI", "a.b.500.fail.42.1.FI", ""] {
            assert_eq!(place(other), None, "{other}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let read = |payload: &str| read(false, 7, payload.as_bytes());
        assert_eq!(read(r#"{"type":"ack","seq":500,"msgs":250}"#), Some(Answer::Stored { position: 500, every: 250 }));
        assert_eq!(read(r#"{"type":"ack","seq":0,"msgs":0}"#), Some(Answer::Stored { position: 0, every: 1 }));
        assert_eq!(read(r#"{"type":"gap","last_seq":3,"seq":5}"#), Some(Answer::Gap));
        assert_eq!(read(r#"{"stream":"S","seq":9,"batch":"b","count":4}"#), Some(Answer::Ended { messages: 4 }));
        let wrong = r#"{"code":400,"err_code":10071,"description":"wrong last sequence: 1"}"#;
        let refused = read(&format!(r#"{{"type":"err","seq":3,"error":{wrong}}}"#));
        assert!(matches!(refused, Some(Answer::Refused { position: 3, error }) if error.to_string().contains("wrong")));
        let failed = read(&format!(r#"{{"stream":"S","seq":0,"error":{wrong}}}"#));
        assert!(matches!(failed, Some(Answer::Failed { position: 7, failure: Failure::Refused(_), .. })));
        for (number, failure) in [(10_208, Failure::UnknownBatch), (10_167, Failure::Busy), (10_211, Failure::Busy)] {
            let payload = format!(r#"{{"stream":"T","seq":0,"error":{{"code":400,"err_code":{number}}}}}"#);
            assert_eq!(read(&payload), Some(Answer::Failed { position: 7, stream: "T".into(), failure }));
        }
        // An ordinary acknowledgement: the server takes no notice of batches.
        assert_eq!(read(r#"{"stream":"S","seq":9}"#), None);
        assert_eq!(read("hello"), None);
        assert_eq!(super::read(true, 7, b""), Some(Answer::Nobody { position: 7 }));
    }
}
