//! What a stream holds now: the facts that a plan is made from.

use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;

use super::api::Failure;
use super::connection::Connection;
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

/// The stream's state. A user who may not ask for it but may use Direct Get learns it from the first and the last
/// message. One round trip.
pub fn stream_state(connection: &Arc<Connection>, stream: &str) -> Result<StreamState> {
    block_on(async {
        let call = format!("STREAM.INFO.{stream}");
        match connection.api::<Info>(&call, Bytes::new()).await {
            Ok(info) => Ok(StreamState {
                first: info.state.first_seq,
                last: info.state.last_seq,
                messages: info.state.messages,
                direct: Some(info.config.allow_direct),
            }),
            Err(Failure::Forbidden) => match state_by_direct_get(connection, stream).await {
                Some(state) => state,
                None => Err(connection.explain(Failure::Forbidden, &call, stream).await),
            },
            Err(failure) => Err(connection.explain(failure, &call, stream).await),
        }
    })
}

/// The state from the first and the last message; None when Direct Get does not answer either.
async fn state_by_direct_get(connection: &Arc<Connection>, stream: &str) -> Option<Result<StreamState>> {
    let access = Access::Direct;
    let last = access.ask(connection, stream, r#"{"last_by_subj":">"}"#, false).await.ok()?;
    let first = access.ask(connection, stream, r#"{"seq":1,"next_by_subj":">"}"#, false).await.ok()?;
    Some(Ok(match (first, last) {
        (Reply::Message { record: first, .. }, Reply::Message { record: last, .. }) => StreamState {
            first: first.sequence,
            last: last.sequence,
            messages: last.sequence - first.sequence.min(last.sequence) + 1,
            direct: Some(true),
        },
        _ => StreamState { first: 1, last: 0, messages: 0, direct: Some(true) },
    }))
}

/// The first sequence whose message was stored at this time or later, in microseconds since 1970-01-01 UTC; one past
/// the last when there is none.
///
/// A stream stores messages in the order of their times, so the answer is found by halving the range: about
/// log2(messages) round trips, on every server. The search skips holes by reading the next message there is. (Direct
/// Get's own `start_time` needs server 2.11, and was found to answer with an earlier message, nats-server#6032, and to
/// start at the first message for times beyond the year 2262.)
pub fn first_sequence_from(
    connection: &Arc<Connection>,
    stream: &str,
    state: &StreamState,
    micros: i64,
) -> Result<u64> {
    let access = Access::of(state);
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
            match next_message(connection, access, stream, middle).await? {
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
