//! The state of a stream now: the facts that a plan is made from.

use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::failure::Failure;
use super::info_reply::{self, Details};
use super::runtime::block_on_read;
use super::single::next_message;
use crate::error::{Error, Result};
use crate::plan::{Absent, StreamState, Subjects};

/// The stream's state, from its leader. A user who may not ask for it but may use Direct Get learns it from the first and
/// the last message. One round trip, or a few.
///
/// # Errors
/// `Kind::NotFound` when there is no such stream; those of any request.
pub fn stream_state(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    block_on_read(state_or_error(connection, stream))
}

/// [`stream_state`], and the subjects that the stream captures: [`StreamNow::captures`](crate::plan::StreamNow). None as well
/// for a user who may not ask for them.
///
/// # Errors
/// Those of [`stream_state`].
pub fn stream_state_and_captures(
    connection: &Arc<Connection>,
    stream: &str,
) -> Result<(StreamState, Option<Vec<String>>)> {
    block_on_read(look(connection, stream))
}

/// Fails when no message of the stream has a subject that the filters match, nor can one come, by the subjects that the stream
/// captures. One round trip for each filter, where none matches those: what was captured before the stream's subjects were
/// changed is still there.
///
/// # Errors
/// Filters that match nothing; those of any request.
pub fn check_subjects(
    connection: &Arc<Connection>,
    stream: &str,
    subjects: &Subjects,
    captures: Option<&[String]>,
) -> Result<()> {
    let Some(captures) = captures.filter(|captures| subjects.are_outside(captures)) else { return Ok(()) };
    for filter in subjects.filters() {
        let reply = block_on_read(info_reply::ask_or_explain(connection, stream, Details::Subjects(filter)))?;
        if reply.messages_of_subjects() > 0 {
            return Ok(());
        }
    }
    let filter = &subjects.filters()[0];
    let cause =
        format!("no subject of the stream can match {}: it captures {}", list(subjects.filters()), list(captures));
    Err(Error::new(cause).stream(stream).server(connection.label()).advice(format!(
        "subject is a filter with the wildcards of NATS; subject_contains := '{filter}' finds a part of a subject"
    )))
}

/// Subjects for an error, not more than a reader takes in.
fn list(subjects: &[String]) -> String {
    let shown: Vec<String> = subjects.iter().take(SUBJECTS_SHOWN).map(|subject| format!("'{subject}'")).collect();
    format!("{}{}", shown.join(", "), if subjects.len() > SUBJECTS_SHOWN { ", ..." } else { "" })
}

/// The most subjects that an error names.
const SUBJECTS_SHOWN: usize = 5;

/// [`stream_state`], for those who wait already.
pub(super) async fn state_or_error(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    look(connection, stream).await.map(|(state, _)| state)
}

async fn look(connection: &Arc<Connection>, stream: &str) -> Result<(StreamState, Option<Vec<String>>)> {
    match info_reply::ask(connection, stream, Details::None).await {
        Ok(reply) => Ok((reply.stream_state(), reply.captures())),
        Err(Failure::Forbidden) => match state_by_direct_get(connection, stream).await {
            Ok(state) => Ok((state, None)),
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

/// The number of answers that decide which message is the last, where the leader may not be asked: any of several replicas may answer.
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
