//! The conventions of key-value buckets (ADR-8): a bucket is a stream, a key is a subject, a revision is a sequence, and a
//! deletion is a message that says so.

use crate::error::{Error, Result};
use crate::plan::check_subject_filter;
use crate::record::{Headers, Record};

/// The prefix of a stream's name that precedes the bucket's name.
pub const STREAM_PREFIX: &str = "KV_";
/// The header of a deletion.
pub const OPERATION: &str = "KV-Operation";
/// The header of a marker that the server left when a value expired (ADR-48).
const MARKER_REASON: &str = "Nats-Marker-Reason";
/// The most revisions that a bucket keeps of a key (ADR-8).
pub const MAX_HISTORY: u64 = 64;

/// The effect of an entry on its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It has a value.
    Put,
    /// The key was deleted; older revisions stay.
    Delete,
    /// The key was deleted with all older revisions.
    Purge,
}

impl Operation {
    /// The operation of a message, by its headers.
    #[must_use]
    pub fn of(headers: &Headers) -> Self {
        match (headers.get(OPERATION), headers.get(MARKER_REASON)) {
            (Some("DEL"), _) | (None, Some("Remove")) => Operation::Delete,
            (Some("PURGE"), _) | (None, Some(_)) => Operation::Purge,
            // ADR-8: any other value of the header than none is a deletion; `PUT` is what some clients write.
            (Some("PUT") | None, None) | (Some("PUT"), _) => Operation::Put,
            (Some(_), _) => Operation::Delete,
        }
    }

    /// As SQL shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Operation::Put => "PUT",
            Operation::Delete => "DEL",
            Operation::Purge => "PURGE",
        }
    }
}

/// Checks a bucket's name: letters, digits, `_` and `-` (ADR-6).
///
/// # Errors
/// `Kind::Misuse` when the name is empty or has another character.
pub fn check_bucket(bucket: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !bucket.is_empty() && bucket.chars().all(good) {
        return Ok(());
    }
    Err(Error::new(format!("'{bucket}' is not a bucket's name")).advice("a name has letters, digits, '_' and '-'"))
}

/// Checks a key: letters, digits, `-`, `_`, `/`, `=` and, inside, `.` (ADR-8).
///
/// # Errors
/// `Kind::Misuse` when the key has another character, or an empty part between dots.
pub fn check_key(key: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '=' | '.');
    if key.split('.').all(|token| !token.is_empty()) && key.chars().all(good) {
        return Ok(());
    }
    Err(Error::new(format!("'{key}' is not a key"))
        .advice("a key has letters, digits, '-', '_', '/', '=' and, between others, '.'"))
}

/// Checks a filter of keys, which may have wildcards.
///
/// # Errors
/// Those of [`check_subject_filter`].
pub fn check_keys(keys: &str) -> Result<()> {
    check_subject_filter(keys)
}

/// The stream of a bucket.
#[must_use]
pub fn bucket_stream(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// The subject of a key, or the filter of several.
#[must_use]
pub fn key_subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

/// Whether a message of the bucket's stream is an entry: its subject is one of the bucket.
#[must_use]
pub fn is_entry(bucket: &str, record: &Record) -> bool {
    key_bytes(bucket, &record.subject).is_some()
}

/// The key of a message of a bucket.
///
/// # Errors
/// The subject of the message is not one of the bucket.
pub fn key_of<'a>(bucket: &str, record: &'a Record) -> Result<&'a str> {
    let key = key_bytes(bucket, &record.subject).and_then(|key| std::str::from_utf8(key).ok());
    key.ok_or_else(|| Error::new("a message of another subject than the bucket's").sequence(record.sequence))
}

/// The part of a subject behind the bucket.
fn key_bytes<'a>(bucket: &str, subject: &'a [u8]) -> Option<&'a [u8]> {
    subject.strip_prefix(b"$KV.")?.strip_prefix(bucket.as_bytes())?.strip_prefix(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_by_headers() {
        let cases = [
            (None, None, Operation::Put),
            (Some("PUT"), None, Operation::Put),
            (Some("DEL"), None, Operation::Delete),
            (Some("PURGE"), None, Operation::Purge),
            (Some("other"), None, Operation::Delete),
            (None, Some("MaxAge"), Operation::Purge),
            (None, Some("Purge"), Operation::Purge),
            (None, Some("Remove"), Operation::Delete),
        ];
        for (operation, reason, expected) in cases {
            let mut headers = Vec::new();
            headers.extend(operation.map(|value| (OPERATION.to_owned(), value.to_owned())));
            headers.extend(reason.map(|value| (MARKER_REASON.to_owned(), value.to_owned())));
            assert_eq!(Operation::of(&Headers(headers)), expected, "{operation:?} {reason:?}");
        }
    }

    #[test]
    fn entries_are_the_messages_of_the_buckets_subjects() {
        for (subject, key) in [
            ("$KV.B.a", Some("a")),
            ("$KV.B.a.b", Some("a.b")),
            ("$KV.B", None),
            ("$KV.BB.a", None),
            ("$KV.b.a", None),
            ("B.a", None),
        ] {
            let record = Record {
                subject: subject.into(),
                sequence: 1,
                time_ns: 0,
                headers: Headers::default(),
                payload: Vec::new().into(),
                part: None,
            };
            assert_eq!((is_entry("B", &record), key_of("B", &record).ok()), (key.is_some(), key), "{subject}");
        }
    }

    #[test]
    fn names_are_checked() {
        for good in ["a", "A-b_9"] {
            assert!(check_bucket(good).is_ok(), "{good}");
        }
        for bad in ["", "a.b", "a b", "ä"] {
            assert!(check_bucket(bad).is_err(), "{bad}");
        }
        for good in ["a", "a.b", "a/b=c", "_x-1"] {
            assert!(check_key(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "ä"] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }
}
