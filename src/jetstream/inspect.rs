//! A closer look at messages that did not come and are not known to be deleted.
//!
//! A server leaves damaged messages out of its answers and does not mention them, and a replica may lack messages that the others have. The leader's
//! list of deleted sequences shows the deleted, purged and expired messages. A message that is not listed is asked for by its sequence: first by
//! `MSG.GET`, which only the leader answers; then by Direct Get, which a replica picked by chance answers, and often enough that each of them is
//! asked. (A connection to each server would not help: a server passes Direct Get on to the other replicas as well.) A message that no replica gives,
//! and that the leader still counts, is damaged.

use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::exchange::{Ask, exchange};
use super::failure::Failure;
use super::info_reply;
use super::state::{state_and_absent, state_or_error};
use super::wire::Want;
use crate::error::{Error, Result};
use crate::plan::{
    Absent, Continuity, SequenceRange, SequenceSet, StreamState, continuity, continuity_of_last, damaged,
};
use crate::record::Record;

/// The number of messages that are asked for at once.
const MOST: usize = 4_096;
/// The number of Direct Gets for a message that the leader does not have: with three replicas, one of them is not asked
/// in one case of 400 000.
const TRIES: usize = 32;

/// The places where messages may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gaps<'a> {
    /// In these runs.
    Runs(&'a [SequenceRange]),
    /// In a range, where it lacks these sequences.
    Beside(&'a SequenceSet, SequenceRange),
}

/// The results of a check of gaps.
pub(super) struct Inspection {
    /// The sequences that do not exist.
    pub absent: Absent,
    /// Messages of the gaps, in sequence order.
    pub found: Vec<Record>,
}

/// Checks gaps. Messages that are damaged everywhere are an error, and so is a stream that is not the one with which the
/// read began. Two round trips where messages are missing, one where they were deleted.
pub(super) async fn inspect(
    connection: &Arc<Connection>,
    stream: &str,
    began: &StreamState,
    gaps: Gaps<'_>,
    want: Want,
) -> Result<Inspection> {
    let (now, absent) = details(connection, stream).await?;
    check_continuity(connection, stream, began, &now).await?;
    let sequences = unexplained(&absent, gaps);
    if sequences.is_empty() {
        return Ok(Inspection { absent, found: Vec::new() });
    }
    let (mut found, missing) = exact_messages(connection, stream, &sequences, want).await?;
    found.sort_by_key(|record| record.sequence);
    if missing.is_empty() {
        return Ok(Inspection { absent, found });
    }
    // They may have been deleted since.
    let (now, absent) = details(connection, stream).await?;
    check_continuity(connection, stream, began, &now).await?;
    let missing: Vec<SequenceRange> =
        missing.into_iter().map(|sequence| SequenceRange { first: sequence, last: sequence }).collect();
    match unexplained(&absent, Gaps::Runs(&missing)) {
        left if left.is_empty() => Ok(Inspection { absent, found }),
        left => Err(damaged(stream, now.replicas, &left)),
    }
}

/// The messages with these sequences, from the leader and from every replica, and the sequences that none of them gives.
pub(super) async fn exact_messages(
    connection: &Arc<Connection>,
    stream: &str,
    sequences: &[u64],
    want: Want,
) -> Result<(Vec<Record>, Vec<u64>)> {
    let mut found: Vec<Record> = Vec::new();
    let mut missing = sequences.to_vec();
    for access in [Access::MsgGet, Access::Direct] {
        let times = if access == Access::MsgGet { 1 } else { TRIES };
        let asks = missing.iter().flat_map(|sequence| vec![ask(access, *sequence); times]).collect();
        let answers = exchange(connection, stream, asks, want).await?;
        for asked in answers.chunks(times) {
            match asked.iter().find(|asked| !matches!(asked, Ok(None))) {
                Some(Ok(Some(record))) => found.push(record.clone()),
                // A user who may not ask the leader asks the replicas; without Direct Get the leader's answer counts.
                None | Some(Err(Failure::Forbidden | Failure::NoResponders) | Ok(None)) => {}
                Some(Err(failure)) => {
                    return Err(connection.explain(failure.clone(), &access.call(stream), stream).await);
                }
            }
        }
        missing.retain(|sequence| !found.iter().any(|record| record.sequence == *sequence));
        if missing.is_empty() {
            break;
        }
    }
    Ok((found, missing))
}

/// The request for the message with a sequence.
pub(super) fn ask(access: Access, sequence: u64) -> Ask {
    Ask::new(access, format!(r#"{{"seq":{sequence}}}"#))
}

/// Checks that the stream is the one with which a read began. One round trip; one more where it has grown since.
pub(super) async fn check_identity(
    connection: &Arc<Connection>,
    stream: &str,
    began: &StreamState,
) -> Result<StreamState> {
    let now = if began.exact {
        state_or_error(connection, stream).await?
    } else {
        // A user who may not ask for the state has no date to compare, but can look at the message that was the last.
        StreamState { last_time_ns: None, ..*began }
    };
    check_continuity(connection, stream, began, &now).await?;
    Ok(now)
}

/// [`check_identity`], where the state now is known. No round trip; one where the stream has grown since.
pub(super) async fn check_continuity(
    connection: &Arc<Connection>,
    stream: &str,
    began: &StreamState,
    now: &StreamState,
) -> Result<()> {
    if continuity(began, now)? == Continuity::Same || began.last == 0 || began.last_time_ns.is_none() {
        return Ok(());
    }
    let want = Want { time: true, ..Want::default() };
    let access = if began.exact { Access::MsgGet } else { Access::Direct };
    let answers = exchange(connection, stream, vec![ask(access, began.last)], want).await?;
    let answer = answers.into_iter().next().unwrap_or(Ok(None));
    continuity_of_last(began, answer.ok().flatten().map(|record| record.time_ns))
}

async fn details(connection: &Arc<Connection>, stream: &str) -> Result<(StreamState, Absent)> {
    match state_and_absent(connection, stream).await {
        Ok(details) => Ok(details),
        Err(failure) => {
            let error: Error = connection.explain(failure, &info_reply::call(stream), stream).await;
            Err(error)
        }
    }
}

/// The sequences of the gaps that may exist, at most as many as one check takes.
fn unexplained(absent: &Absent, gaps: Gaps<'_>) -> Vec<u64> {
    let sequences = |run: SequenceRange| absent.unexplained(run).flat_map(|run| run.first..=run.last);
    match gaps {
        Gaps::Runs(runs) => runs.iter().flat_map(|run| sequences(*run)).take(MOST).collect(),
        Gaps::Beside(read, range) => read.gaps(range).flat_map(sequences).take(MOST).collect(),
    }
}
