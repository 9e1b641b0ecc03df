//! Key-value buckets (ADR-8) on top of publishing and Direct Get.

use std::sync::Arc;

use bytes::Bytes;

use super::connection::Connection;
use super::newest::last_messages;
use super::publish::{PublishRequest, Published, publish, publish_each};
use crate::error::{Error, Kind, Result};
use crate::plan::kv::{OPERATION, Operation, bucket_stream, key_subject};
use crate::record::{Headers, Record};

/// A write waits for the key's newest message to have this sequence; 0 is none.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
/// A message with this header and value replaces every earlier one of its subject.
const ROLLUP: (&str, &str) = ("Nats-Rollup", "sub");

/// The effect of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// Stores a value.
    Put,
    /// Stores a value where the key has none.
    Create,
    /// Stores a value where the key is at this revision.
    Update(u64),
    /// Deletes the key; older revisions stay.
    Delete,
    /// Deletes the key with all older revisions.
    Purge,
}

/// One write to a bucket.
#[derive(Debug, Clone)]
pub struct KeyWrite {
    /// The bucket's name.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The value; empty for a deletion and a purge.
    pub value: Bytes,
    /// The effect.
    pub write: Write,
}

impl KeyWrite {
    fn message(&self, connection: &Connection) -> PublishRequest {
        let headers = match self.write {
            Write::Put => Vec::new(),
            Write::Create => vec![(EXPECTED.to_owned(), "0".to_owned())],
            Write::Update(revision) => vec![(EXPECTED.to_owned(), revision.to_string())],
            Write::Delete => vec![(OPERATION.to_owned(), Operation::Delete.name().to_owned())],
            Write::Purge => vec![
                (OPERATION.to_owned(), Operation::Purge.name().to_owned()),
                (ROLLUP.0.to_owned(), ROLLUP.1.to_owned()),
            ],
        };
        let subject = connection.domain_subject(&key_subject(&self.bucket, &self.key));
        PublishRequest { subject, headers: Headers(headers), payload: self.value.clone() }
    }
}

/// Writes to buckets, all in flight together, and returns the revisions in the order of the writes. A creation over a
/// deleted key takes two round trips more.
///
/// # Errors
/// [`Kind::Conflict`] when a key exists or is at another revision; those of publishing.
pub fn write_keys(connection: &Arc<Connection>, writes: &[KeyWrite]) -> Result<Vec<u64>> {
    let messages: Vec<PublishRequest> = writes.iter().map(|write| write.message(connection)).collect();
    let said = |error: Error| no_bucket(error, writes).server(connection.label());
    if writes.iter().all(|write| write.write != Write::Create) {
        return Ok(publish(connection, messages)
            .map_err(said)?
            .into_iter()
            .map(|published| published.sequence)
            .collect());
    }
    let mut revisions = Vec::with_capacity(writes.len());
    let mut refused: Vec<(usize, Error)> = Vec::new();
    for (index, outcome) in publish_each(connection, messages)?.into_iter().enumerate() {
        match outcome {
            Ok(Published { sequence, .. }) => revisions.push(sequence),
            Err(error) => {
                revisions.push(0);
                refused.push((index, error));
            }
        }
    }
    for (index, error) in refused {
        if let Some(revision) = revisions.get_mut(index) {
            *revision = create_over_deletion(connection, &writes[index], error).map_err(said)?;
        }
    }
    Ok(revisions)
}

/// No stream captures the subject of a key: there is no such bucket.
fn no_bucket(error: Error, writes: &[KeyWrite]) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let mut buckets: Vec<String> = writes.iter().map(|write| format!("'{}'", write.bucket)).collect();
    buckets.sort();
    buckets.dedup();
    let cause = match buckets.as_slice() {
        [bucket] => format!("there is no key-value bucket {bucket}"),
        // An error cannot show more than this.
        buckets => {
            format!("one of the key-value buckets {} does not exist", buckets[..buckets.len().min(5)].join(", "))
        }
    };
    Error::of(Kind::NotFound, cause)
        .advice("FROM nats_kv_buckets() lists the buckets of this server; make one with nats_kv_bucket_ensure")
}

/// A creation was refused: when the newest message of the key is a deletion, the value is stored behind it (ADR-8).
fn create_over_deletion(connection: &Arc<Connection>, write: &KeyWrite, refusal: Error) -> Result<u64> {
    if refusal.kind() != Kind::Conflict {
        return Err(refusal);
    }
    let newest = get_keys(connection, &[(write.bucket.clone(), write.key.clone())])?.into_iter().next().flatten();
    match newest {
        Some(record) if Operation::of(&record.headers) == Operation::Put => {
            Err(Error::of(Kind::Conflict, format!("key '{}' exists, at revision {}", write.key, record.sequence))
                .stream(&bucket_stream(&write.bucket))
                .server(connection.label())
                .advice("nats_kv_put replaces it, nats_kv_update replaces that revision"))
        }
        newest => {
            let update = KeyWrite { write: Write::Update(newest.map_or(0, |record| record.sequence)), ..write.clone() };
            let published = publish(connection, vec![update.message(connection)])?;
            Ok(published.first().map_or(0, |published| published.sequence))
        }
    }
}

/// The newest message of each key of a bucket, deletions too, in the order of the keys; None where there is none. One
/// round trip, pipelined.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such bucket; those of any request.
pub fn get_keys(connection: &Arc<Connection>, keys: &[(String, String)]) -> Result<Vec<Option<Record>>> {
    let place = |(bucket, key): &(String, String)| (bucket_stream(bucket), key_subject(bucket, key));
    last_messages(connection, &keys.iter().map(place).collect::<Vec<_>>())
}
