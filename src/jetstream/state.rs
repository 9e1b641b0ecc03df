//! What a stream holds now: the facts that a plan is made from.

use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::failure::Failure;
use super::info_reply::{self, Details};
use super::runtime::block_on_read;
use super::single::next_message;
use crate::error::Result;
use crate::plan::{Absent, StreamState};

/// The stream's state, from its leader. A user who may not ask for it but may use Direct Get learns it from the first and
/// the last message. One round trip, or a few.
///
/// # Errors
/// `Kind::NotFound` when there is no such stream; those of any request.
pub fn stream_state(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    block_on_read(state_or_error(connection, stream))
}

/// [`stream_state`], for those who wait already.
pub(super) async fn state_or_error(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    match info_reply::ask(connection, stream, Details::None).await {
        Ok(reply) => Ok(reply.stream_state()),
        Err(Failure::Forbidden) => match state_by_direct_get(connection, stream).await {
            Ok(state) => Ok(state),
            Err(_) => Err(connection.explain(Failure::Forbidden, &info_reply::call(stream), stream).await),
        },
        Err(failure) => Err(connection.explain(failure, &info_reply::call(stream), stream).await),
    }
}

/// The stream's state from its leader, and which sequences do not exist, at one moment. One round trip, in which every
/// deleted sequence costs some 8 bytes.
pub(super) async fn state_and_absent(
    connection: &Arc<Connection>,
    stream: &str,
) -> std::result::Result<(StreamState, Absent), Failure> {
    let reply = info_reply::ask(connection, stream, Details::Deleted).await?;
    Ok((reply.stream_state(), reply.absent()))
}

/// How many answers say what the last message is, where the leader may not be asked: any of several replicas may answer.
const REPLICAS_ASKED: usize = 3;

/// The state from the first and the last message.
async fn state_by_direct_get(connection: &Arc<Connection>, stream: &str) -> std::result::Result<StreamState, Failure> {
    let mut state = StreamState {
        first: 1,
        last: 0,
        messages: 0,
        direct: Some(true),
        exact: false,
        created_ns: None,
        last_time_ns: None,
        replicas: 1,
        consumers_remove: false,
    };
    let Some(first) = sequence_from(connection, stream, 1).await? else { return Ok(state) };
    let mut last = first;
    for _ in 0..REPLICAS_ASKED {
        last = last.max(match Access::Direct.ask(connection, stream, r#"{"last_by_subj":">"}"#, false).await? {
            Some(last) => last.sequence,
            // The server looks at the last sequence alone: its message was deleted.
            None => last_before_a_hole(connection, stream, first).await?,
        });
    }
    (state.first, state.last, state.messages) = (first, last, last - first + 1);
    let newest = Access::Direct.ask(connection, stream, &format!(r#"{{"seq":{last}}}"#), false).await?;
    state.last_time_ns = newest.map(|record| record.time_ns);
    Ok(state)
}

/// The sequence of the first message at or after a sequence, by any replica.
async fn sequence_from(
    connection: &Arc<Connection>,
    stream: &str,
    sequence: u64,
) -> std::result::Result<Option<u64>, Failure> {
    Ok(next_message(connection, Access::Direct, stream, sequence).await?.map(|record| record.sequence))
}

/// The last message of a stream, from answers to "which is the next from here on": about 2 log2(messages) round trips.
async fn last_before_a_hole(
    connection: &Arc<Connection>,
    stream: &str,
    first: u64,
) -> std::result::Result<u64, Failure> {
    let (mut exists, mut step) = (first, 1_u64);
    let mut beyond = loop {
        let probe = exists.saturating_add(step);
        match sequence_from(connection, stream, probe).await? {
            Some(sequence) => exists = sequence,
            None => break probe,
        }
        step = step.saturating_mul(2);
    };
    while beyond - exists > 1 {
        let middle = exists + (beyond - exists) / 2;
        match sequence_from(connection, stream, middle).await? {
            Some(sequence) => exists = sequence,
            None => beyond = middle,
        }
    }
    Ok(exists)
}
