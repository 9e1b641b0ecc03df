//! Checkpoints. A read that goes on where another one ended must find the checkpoint's message again.
//!
//! A sequence alone does not show that a stream is the one that was read. A stream that is deleted and made anew counts from 1 again. A stream that
//! lost its end (a restored copy, writes lost in a power cut) gives the same sequences to other messages and keeps its time of creation. So a
//! checkpoint holds the stream's identity and a digest of its last message.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::range::{SequenceRange, StreamState};
use super::time_search::MAX_STEP_BACK_NS;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The start of every checkpoint's text; the number is the version of the layout.
const PREFIX: &str = "nats1-";
/// The bytes of a digest that are kept.
const DIGEST: usize = 16;
/// The bytes of the checksum by which a text that was cut or mistyped is recognised.
const CHECK: usize = 4;

/// The end of a stream at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The stream's name.
    pub stream: String,
    /// When the stream was made, in nanoseconds since 1970 UTC.
    pub created_ns: i64,
    /// The stream's last sequence; 0 when it never had a message.
    pub last: u64,
    /// When the newest message was stored, in nanoseconds since 1970 UTC; the time of creation when there was none.
    pub time_ns: i64,
    /// The newest message; None when the stream was empty. Its sequence is below `last` when the last one was deleted.
    pub newest: Option<Fingerprint>,
}

/// A message, known by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its sequence.
    pub sequence: u64,
    digest: [u8; DIGEST],
}

/// The state of a stream when a read after a checkpoint starts.
#[derive(Debug, Clone)]
pub struct StreamNow {
    /// The sequences and the number of its messages.
    pub state: StreamState,
    /// When it was made, in nanoseconds since 1970 UTC.
    pub created_ns: i64,
    /// When the last message was stored, in nanoseconds since 1970 UTC; None when there never was one.
    pub last_time_ns: Option<i64>,
    /// How messages leave it.
    pub removal: Removal,
    /// The subjects that it captures; None where messages also come into it in other ways.
    pub captures: Option<Vec<String>>,
}

/// How a stream's configuration removes messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removal {
    /// A newer message of the same subject takes the place of an old one (`max_msgs_per_subject`).
    pub by_newer: bool,
    /// The stream removes messages, also the last one of a subject, in a way that does not show which: `max_msgs` or `max_bytes` with discard old,
    /// acknowledgements, message TTLs.
    pub by_limit: bool,
    /// Messages that were stored before this time have expired (`max_age`), in nanoseconds since 1970 UTC.
    pub before_ns: Option<i64>,
}

impl Fingerprint {
    /// The fingerprint of a message, whose headers must have been read.
    pub fn of(record: &Record) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(&record.subject);
        part(&record.time_ns.to_be_bytes());
        let mut headers: Vec<_> = record.headers.0.iter().collect();
        headers.sort();
        for (name, value) in headers {
            part(name.as_bytes());
            part(value.trim().as_bytes());
        }
        part(&record.payload);
        let mut digest = [0; DIGEST];
        digest.copy_from_slice(&hash.finalize()[..DIGEST]);
        Self { sequence: record.sequence, digest }
    }
}

impl Checkpoint {
    /// The checkpoint at the end of a stream; `newest` is the newest message at or before its last sequence.
    pub fn at_end(stream: &str, now: &StreamNow, newest: Option<&Record>) -> Self {
        let times = now.last_time_ns.into_iter().chain(newest.map(|record| record.time_ns));
        Self {
            stream: stream.to_owned(),
            created_ns: now.created_ns,
            last: now.state.last,
            time_ns: times.max().unwrap_or(now.created_ns),
            newest: newest.map(Fingerprint::of),
        }
    }

    /// The checkpoint as a text of letters, digits, `-` and `_`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(64 + self.stream.len());
        bytes.extend(self.created_ns.to_be_bytes());
        bytes.extend(self.last.to_be_bytes());
        bytes.extend(self.time_ns.to_be_bytes());
        // No message has the sequence 0.
        bytes.extend(self.newest.map_or(0, |newest| newest.sequence).to_be_bytes());
        bytes.extend(self.newest.map_or([0; DIGEST], |newest| newest.digest));
        bytes.extend(self.stream.as_bytes());
        bytes.extend(check(&bytes));
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads what [`Self::to_text`] wrote. `name` is the parameter's, for errors.
    ///
    /// # Errors
    /// The text is not a checkpoint, or a part of it is missing or changed.
    pub fn from_text(name: &str, text: &str) -> Result<Self> {
        let malformed = || {
            Error::new(format!("{name} is not a checkpoint, or not all of it"))
                .advice("give what nats_checkpoint returned, untouched; it begins with 'nats1-'")
        };
        let body = text.strip_prefix(PREFIX).ok_or_else(malformed)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| malformed())?;
        let checked = bytes.len().checked_sub(CHECK).map(|end| bytes.split_at(end));
        let (bytes, _) = checked.filter(|(bytes, sum)| check(bytes) == *sum).ok_or_else(malformed)?;
        let (created, bytes) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (last, bytes) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (time, bytes) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (sequence, bytes) = bytes.split_first_chunk::<8>().ok_or_else(malformed)?;
        let (digest, stream) = bytes.split_first_chunk::<DIGEST>().ok_or_else(malformed)?;
        let sequence = u64::from_be_bytes(*sequence);
        Ok(Self {
            stream: String::from_utf8(stream.to_vec()).map_err(|_| malformed())?,
            created_ns: i64::from_be_bytes(*created),
            last: u64::from_be_bytes(*last),
            time_ns: i64::from_be_bytes(*time),
            newest: (sequence > 0).then_some(Fingerprint { sequence, digest: *digest }),
        })
    }

    /// Fails for the checkpoint of another stream.
    ///
    /// # Errors
    /// [`Kind::Misuse`] when the checkpoint is that of another stream.
    pub fn check_stream(&self, stream: &str) -> Result<()> {
        if self.stream == stream {
            return Ok(());
        }
        Err(Error::new(format!("the checkpoint is one of stream '{}'", self.stream))
            .stream(stream)
            .advice("keep a checkpoint for each stream"))
    }

    /// Fails when the stream was made anew.
    ///
    /// # Errors
    /// [`Kind::Replaced`] when the stream was created at another time than the one of the checkpoint.
    pub fn check_created(&self, now: &StreamNow) -> Result<()> {
        if self.created_ns == now.created_ns {
            return Ok(());
        }
        Err(Error::of(Kind::Replaced, format!(
            "the stream was deleted and made anew since the checkpoint: what the old one held beyond sequence {} and was \
             not read is lost, its number is not known; the new one has {} messages, to sequence {}",
            self.last, now.state.messages, now.state.last
        ))
        .advice("give NULL for after to read the new stream from its first message"))
    }

    /// Whether the stream ends before the checkpoint.
    #[must_use]
    pub fn is_beyond(&self, now: &StreamNow) -> bool {
        now.state.last < self.last
    }

    /// The error for a stream that ends before the checkpoint, at the sequence `last`.
    #[must_use]
    pub fn rewound_to(&self, last: u64) -> Error {
        let rest = self.last - last;
        Error::of(Kind::Replaced, format!(
            "the stream was rewound: it ends at sequence {last}, before the checkpoint at sequence {}, so sequences {} to \
             {} (at most {rest} messages) that it had are lost",
            self.last,
            last + 1,
            self.last
        ))
        .advice(AFTER_REWIND)
    }

    /// Fails when the newest message up to the checkpoint is not the one that it was. None means that there is no message up to the checkpoint: a
    /// stream may remove messages after they were read.
    ///
    /// When the checkpoint's message was deleted, the message before it is checked instead: the checkpoint must have seen it, so its time must not be
    /// later. A message that was written after a rewind has a later time.
    ///
    /// # Errors
    /// [`Kind::Replaced`] when the message is another, or stands where there was none.
    pub fn check_newest(&self, newest: Option<&Record>) -> Result<()> {
        let Some(found) = newest else { return Ok(()) };
        let wrong = match self.newest {
            None => Some(format!("there is a message at sequence {}, where there was none", found.sequence)),
            Some(seen) if found.sequence > seen.sequence => {
                Some(format!("there is a message at sequence {}, where there was none", found.sequence))
            }
            Some(seen) if found.sequence == seen.sequence => (Fingerprint::of(found) != seen)
                .then(|| format!("the message at sequence {} is another than it was", found.sequence)),
            Some(_) => (found.time_ns > self.time_ns.saturating_add(MAX_STEP_BACK_NS))
                .then(|| format!("the message at sequence {} was stored after the checkpoint", found.sequence)),
        };
        wrong.map_or(Ok(()), |evidence| {
            Err(Error::of(Kind::Replaced, format!(
                "the stream was rewound and written anew: {evidence}; messages up to sequence {} that were read are lost, \
                 and others in their place were not read; their number is not known",
                self.last
            ))
            .advice(AFTER_REWIND))
        })
    }

    /// The sequences after the checkpoint that were removed before they could be read; None when none were.
    ///
    /// A message that was deleted between others is not a gap, because somebody deleted it on purpose. On a stream that keeps the newest messages of
    /// each subject, a message that a newer one of its subject replaced is not a gap either. There the first sequence of the stream shows no gap,
    /// unless something else can have removed a subject's last message.
    #[must_use]
    pub fn gap(&self, now: &StreamNow) -> Option<SequenceRange> {
        let gap = SequenceRange { first: self.last + 1, last: now.state.first.saturating_sub(1) };
        let Removal { by_newer, by_limit, before_ns } = now.removal;
        // All that came after the checkpoint is at least so old.
        let oldest = self.time_ns.saturating_sub(MAX_STEP_BACK_NS);
        let compacted = by_newer && !by_limit && before_ns.is_none_or(|expired| oldest > expired);
        (!gap.is_empty() && !compacted).then_some(gap)
    }
}

/// The advice after a rewind.
const AFTER_REWIND: &str = "a copy was restored, or the server lost writes: compare what was read with the stream, then give \
                            NULL for after to read it again from its first message; a key keeps rows from standing twice";

/// The error for a gap.
#[must_use]
pub fn gap_error(gap: SequenceRange) -> Error {
    let (first, last) = (gap.first, gap.last);
    Error::of(Kind::Gap, format!(
        "sequences {first} to {last} (at most {} messages) were removed by retention or a purge before they were read",
        last - first + 1
    ))
    .advice(format!(
        "on_gap := 'skip' goes on without them, from sequence {}; read more often, or keep messages longer",
        last + 1
    ))
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let mut sum = [0; CHECK];
    sum.copy_from_slice(&Sha256::digest(bytes)[..CHECK]);
    sum
}

#[cfg(test)]
mod tests;
