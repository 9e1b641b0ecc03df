//! What a stream holds now: the facts that a plan is made from.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::access::Access;
use super::connection::Connection;
use super::failure::{ErrorNumber, Failure};
use super::runtime::block_on;
use super::single::next_message;
use super::time::parse_utc;
use crate::error::Result;
use crate::plan::{Absent, SequenceSet, StreamState};

/// How often the connection may break while one question is asked.
const MAX_LOSSES: u32 = 3;

#[derive(Deserialize)]
struct Info {
    config: InfoConfig,
    state: InfoState,
    #[serde(default)]
    created: String,
}

#[derive(Deserialize)]
struct InfoConfig {
    #[serde(default)]
    allow_direct: bool,
    #[serde(default)]
    num_replicas: u32,
}

#[derive(Deserialize)]
struct InfoState {
    first_seq: u64,
    last_seq: u64,
    messages: u64,
    #[serde(default)]
    last_ts: String,
    #[serde(default)]
    deleted: Option<Vec<u64>>,
}

impl Info {
    fn state(&self) -> StreamState {
        StreamState {
            first: self.state.first_seq,
            last: self.state.last_seq,
            messages: self.state.messages,
            direct: Some(self.config.allow_direct),
            exact: true,
            created_ns: parse_utc(self.created.as_bytes()),
            last_time_ns: parse_utc(self.state.last_ts.as_bytes()),
            replicas: self.config.num_replicas.max(1),
        }
    }
}

/// The stream's state, from its leader. A user who may not ask for it but may use Direct Get learns it from the first and
/// the last message. One round trip, or a few.
///
/// # Errors
/// `Kind::NotFound` when there is no such stream; those of any request.
pub fn stream_state(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    block_on(state_or_error(connection, stream))
}

/// [`stream_state`], for those who wait already.
pub(super) async fn state_or_error(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    let call = format!("STREAM.INFO.{stream}");
    match info(connection, stream, Bytes::new()).await {
        Ok(info) => Ok(info.state()),
        Err(Failure::Forbidden) => match state_by_direct_get(connection, stream).await {
            Ok(state) => Ok(state),
            Err(_) => Err(connection.explain(Failure::Forbidden, &call, stream).await),
        },
        Err(failure) => Err(connection.explain(failure, &call, stream).await),
    }
}

/// The leader's information on the stream.
async fn info(connection: &Arc<Connection>, stream: &str, request: Bytes) -> std::result::Result<Info, Failure> {
    look_up(connection, &format!("STREAM.INFO.{stream}"), request).await
}

/// Calls the JetStream API for something that changes nothing; again when the connection broke meanwhile, and, for as long
/// as one request may take, while the stream has no leader: a cluster elects one within seconds.
pub(super) async fn look_up<T: DeserializeOwned>(
    connection: &Arc<Connection>,
    call: &str,
    request: Bytes,
) -> std::result::Result<T, Failure> {
    let until = Instant::now() + connection.timeout;
    loop {
        match look_up_once(connection, call, &request).await {
            Err(failure) if failure.is(ErrorNumber::UNAVAILABLE) && Instant::now() < until => {
                tokio::time::sleep(ELECTION_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// How long to wait before a stream without a leader is asked for again.
const ELECTION_PAUSE: Duration = Duration::from_millis(100);

async fn look_up_once<T: DeserializeOwned>(
    connection: &Arc<Connection>,
    call: &str,
    request: &Bytes,
) -> std::result::Result<T, Failure> {
    let mut epochs = connection.epochs();
    epochs.mark_unchanged();
    for _ in 0..MAX_LOSSES {
        tokio::select! {
            answer = connection.api(call, request.clone()) => return answer,
            Ok(()) = epochs.changed() => {}
        }
    }
    connection.api(call, request.clone()).await
}

/// The stream's state from its leader, and which sequences do not exist, at one moment. One round trip, in which every
/// deleted sequence costs some 8 bytes.
pub(super) async fn state_and_absent(
    connection: &Arc<Connection>,
    stream: &str,
) -> std::result::Result<(StreamState, Absent), Failure> {
    let request = Bytes::from_static(br#"{"deleted_details":true}"#);
    let mut info = info(connection, stream, request).await?;
    let mut deleted = info.state.deleted.take().unwrap_or_default();
    deleted.sort_unstable();
    let mut sequences = SequenceSet::default();
    sequences.extend(deleted);
    let state = info.state();
    Ok((state, Absent::new(state.first, sequences)))
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
