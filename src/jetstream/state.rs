//! What a stream holds now: the facts that a plan is made from.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::connection::Connection;
use super::failure::Failure;
use super::get::{Access, next_message};
use super::runtime::block_on;
use super::time::format_utc;
use crate::error::{Error, Result};
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
const WITNESSES: usize = 3;

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
    for _ in 0..WITNESSES {
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

/// The first sequence whose message was stored at this time or later, in microseconds since 1970-01-01 UTC; one past
/// the last when there is none.
///
/// A stream stores messages in the order of their times, so the answer is found by halving the range: about
/// log2(messages) round trips, on every server. The leader is asked where it may be, because a replica that is behind
/// would let the range end early. The search skips holes by reading the next message there is. (Direct
/// Get's own `start_time` needs server 2.11, and was found to answer with an earlier message, nats-server#6032, and to
/// start at the first message for times beyond the year 2262.)
pub fn first_sequence_from(
    connection: &Arc<Connection>,
    stream: &str,
    state: &StreamState,
    micros: i64,
) -> Result<u64> {
    let mut access = Access::MsgGet;
    let range = state.range();
    if range.is_empty() {
        return Ok(state.last.saturating_add(1));
    }
    // Past every time that RFC 3339 can say, no message is stored: nothing to look for.
    if format_utc(micros).is_none() {
        return Ok(if micros > 0 { state.last.saturating_add(1) } else { range.first });
    }
    block_on(async {
        let (mut low, mut high) = (range.first, state.last + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let answer = next_message(connection, access, stream, middle).await;
            if let Err(Failure::Forbidden) = answer
                && access == Access::MsgGet
                && state.direct != Some(false)
            {
                access = Access::Direct;
                continue;
            }
            let answer = match answer {
                Ok(answer) => answer,
                Err(failure) => return Err(connection.explain(failure, &access.call(stream), stream).await),
            };
            match answer {
                // Nothing at or after the middle: the answer is before it, or there is none.
                None => high = middle,
                Some(record) if record.time_ns.div_euclid(1_000) < micros => low = record.sequence + 1,
                Some(_) => high = middle,
            }
        }
        Ok(low)
    })
    .map_err(|error: Error| error.stream(stream).server(connection.label()))
}
