//! The proof by counts: it compares the server's count of the matching messages of a range with the number that was read.
//!
//! The first message of a batch has the number of matching messages behind it (ADR-31, `Nats-Num-Pending`), damaged ones included. So a request for
//! one message counts from a sequence on, and the difference of two such counts is the count of a range.
//!
//! With a subject filter the count comes from the server's index, except for the block of its store in which the range
//! begins: there the server counts by reading, and leaves out damaged messages as well.

use std::sync::Arc;

use serde_json::json;

use super::request::FetchRequest;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::exchange::{Ask, exchange_counts};
use crate::jetstream::failure::Failure;
use crate::jetstream::info_reply;
use crate::jetstream::newest::look_again;
use crate::jetstream::state::state_and_absent;
use crate::plan::{Absent, SequenceRange, SequenceSet, StreamState, continuity};

/// The number of times that the counts are taken anew while the stream changes.
const ATTEMPTS: usize = 20;
/// The number of times that one count is asked for: any replica may answer, and so may a mirror of the stream, and a replica that is behind counts
/// fewer messages.
const SAMPLES: usize = 8;

/// The result of the proof of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing is missing.
    Whole,
    /// More messages are counted than were read, or the stream changed too fast to count: the range has to be read again
    /// without the filter.
    Unsure,
}

/// Checks that every message that the server counts in the range was read; messages that were deleted after they were read do not count.
///
/// The list of deleted sequences must be the same before and after the counts; otherwise all is taken anew. Four round
/// trips, and those of each further attempt.
pub(super) async fn check_counts(
    connection: &Arc<Connection>,
    request: &FetchRequest,
    read: &SequenceSet,
    range: SequenceRange,
) -> Result<Proof> {
    let began = &request.state;
    let counter = Counter { connection, request };
    let mut last_word = None;
    for _ in 0..ATTEMPTS {
        let Some((before, absent)) = counter.details().await? else {
            // A user who may not ask for the state cannot tell a deletion from a missing message.
            return counter.check_without_state(read, range).await;
        };
        continuity(began, &before)?;
        let Some(count) = counter.count_in(range).await? else { continue };
        let Some((after, _)) = counter.details().await? else { continue };
        if (before.first, before.holes()) != (after.first, after.holes()) {
            continue;
        }
        let present = absent.count_present(read, range);
        if count == present {
            // A server without a message to answer with gives no count.
            if read.is_empty() {
                counter.check_nothing_matches(range).await?;
            }
            return Ok(Proof::Whole);
        }
        // A count that is too large must be too large twice: a replica may be behind with deletions.
        if count > present && last_word.replace(count) == Some(count) {
            break;
        }
    }
    Ok(Proof::Unsure)
}

struct Counter<'a> {
    connection: &'a Arc<Connection>,
    request: &'a FetchRequest,
}

impl Counter<'_> {
    async fn details(&self) -> Result<Option<(StreamState, Absent)>> {
        let stream = &self.request.stream;
        match state_and_absent(self.connection, stream).await {
            Ok(details) => Ok(Some(details)),
            Err(Failure::Forbidden) => Ok(None),
            Err(failure) => Err(self.connection.explain(failure, &info_reply::call(stream), stream).await),
        }
    }

    /// The number of matching messages in a range; None when the stream grew meanwhile. Each count is asked for several times, and the largest one is
    /// used.
    async fn count_in(&self, range: SequenceRange) -> Result<Option<u64>> {
        let beyond = range.last.saturating_add(1);
        let asks = [beyond, range.first, beyond].into_iter().flat_map(|from| vec![self.ask(from); SAMPLES]).collect();
        let stream = &self.request.stream;
        let answers = exchange_counts(self.connection, stream, asks).await?;
        let mut counts = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer {
                Ok(count) => counts.push(count),
                Err(failure) => {
                    return Err(self.connection.explain(failure, &Access::Direct.call(stream), stream).await);
                }
            }
        }
        let most: Vec<u64> = counts.chunks(SAMPLES).filter_map(|counts| counts.iter().max().copied()).collect();
        Ok(match most[..] {
            [before, start, after] if before == after => Some(start.saturating_sub(before)),
            _ => None,
        })
    }

    /// The request for the number of matching messages from a sequence on.
    fn ask(&self, from: u64) -> Ask {
        let filter = serde_json::Value::from(self.request.subject().unwrap_or(">"));
        Ask::new(Access::Direct, format!(r#"{{"seq":{from},"next_by_subj":{filter},"batch":1}}"#))
    }

    /// Handles a read of no message, where no message behind the start of the range gives a count. Then there is no message, unless the last one of
    /// the filter is counted and cannot be given.
    async fn check_nothing_matches(&self, range: SequenceRange) -> Result<()> {
        let filter = self.request.subject().unwrap_or(">");
        let request = json!({"last_by_subj": filter}).to_string();
        let last = Access::MsgGet.ask(self.connection, &self.request.stream, &request, false).await;
        match last {
            Ok(Some(record)) if record.sequence < range.first => Ok(()),
            Ok(None) => look_again(self.connection, &self.request.stream, filter, false).await.map(drop),
            _ => Ok(()),
        }
    }

    /// The range's count must be the number of messages that were read. If it is not, messages may also have been deleted, which cannot be checked
    /// here.
    async fn check_without_state(&self, read: &SequenceSet, range: SequenceRange) -> Result<Proof> {
        let mut most = 0;
        for _ in 0..ATTEMPTS {
            if let Some(count) = self.count_in(range).await? {
                if count <= read.len() {
                    return Ok(Proof::Whole);
                }
                most = count;
            }
        }
        Err(Error::of(
            Kind::Damaged,
            format!("the server counts {most} messages in the range, but gave {}", read.len()),
        )
        .stream(&self.request.stream)
        .advice("grant the user STREAM.INFO of the stream, so that messages that are damaged can be named"))
    }
}
