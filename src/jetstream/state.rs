//! What a stream holds now: the facts that a plan is made from.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::api::Failure;
use super::connection::Connection;
use super::get::Access;
use super::runtime::block_on;
use crate::error::Result;
use crate::plan::{Reply, StreamState};

#[derive(Deserialize)]
struct Info {
    config: InfoConfig,
    state: InfoState,
}

#[derive(Deserialize)]
struct InfoConfig {
    #[serde(default)]
    allow_direct: bool,
}

#[derive(Deserialize)]
struct InfoState {
    first_seq: u64,
    last_seq: u64,
    messages: u64,
}

/// The stream's state, from its leader. A user who may not ask for it but may use Direct Get learns it from the first and
/// the last message. One round trip, or a few.
pub fn stream_state(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    block_on(async {
        let call = format!("STREAM.INFO.{stream}");
        match connection.api::<Info>(&call, Bytes::new()).await {
            Ok(info) => Ok(StreamState {
                first: info.state.first_seq,
                last: info.state.last_seq,
                messages: info.state.messages,
                direct: Some(info.config.allow_direct),
                exact: true,
            }),
            Err(Failure::Forbidden) => match state_by_direct_get(connection, stream).await {
                Ok(state) => Ok(state),
                Err(_) => Err(connection.explain(Failure::Forbidden, &call, stream).await),
            },
            Err(failure) => Err(connection.explain(failure, &call, stream).await),
        }
    })
}

/// How many answers say what the last message is, where the leader may not be asked: any of several replicas may answer.
const REPLICAS_ASKED: usize = 3;

/// The state from the first and the last message.
async fn state_by_direct_get(connection: &Arc<Connection>, stream: &str) -> std::result::Result<StreamState, Failure> {
    let ask = async |request: &str| match Access::Direct.ask(connection, stream, request, false).await? {
        Reply::Message { record, .. } => Ok(Some(record.sequence)),
        _ => Ok(None),
    };
    let from = async |sequence: u64| ask(&format!(r#"{{"seq":{sequence},"next_by_subj":">"}}"#)).await;
    let mut state = StreamState { first: 1, last: 0, messages: 0, direct: Some(true), exact: false };
    let Some(first) = from(1).await? else { return Ok(state) };
    let mut last = first;
    for _ in 0..REPLICAS_ASKED {
        last = last.max(match ask(r#"{"last_by_subj":">"}"#).await? {
            Some(last) => last,
            // The server looks at the last sequence alone: its message was deleted.
            None => last_before_a_hole(first, from).await?,
        });
    }
    (state.first, state.last, state.messages) = (first, last, last - first + 1);
    Ok(state)
}

/// The last message of a stream, from answers to "which is the next from here on": about 2 log2(messages) round trips.
async fn last_before_a_hole(
    first: u64,
    from: impl AsyncFn(u64) -> std::result::Result<Option<u64>, Failure>,
) -> std::result::Result<u64, Failure> {
    let (mut exists, mut step) = (first, 1_u64);
    let mut beyond = loop {
        let probe = exists.saturating_add(step);
        match from(probe).await? {
            Some(sequence) => exists = sequence,
            None => break probe,
        }
        step = step.saturating_mul(2);
    };
    while beyond - exists > 1 {
        let middle = exists + (beyond - exists) / 2;
        match from(middle).await? {
            Some(sequence) => exists = sequence,
            None => beyond = middle,
        }
    }
    Ok(exists)
}
