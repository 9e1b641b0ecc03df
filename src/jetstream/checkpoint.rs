//! Checkpoints of streams: taking one, and finding out whether a stream is still the one of a checkpoint.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::access::Access;
use super::connection::Connection;
use super::failure::Failure;
use super::info_reply::{self, Details};
use super::leader_tail::newest_up_to;
use super::runtime::block_on_read;
use crate::error::{Error, Kind, Result};
use crate::plan::{Checkpoint, StreamNow};
use crate::record::Record;

/// The number of further looks, and the pause before each, at a stream that seems to end too early: a replica that has just become the leader may not
/// have applied all of its messages.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// The number of replicas that are asked, where the leader may not be asked.
const REPLICAS_ASKED: usize = 3;

/// The stream's present identity and state, from its leader. One round trip.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream; those of any request.
pub fn stream_now(connection: &Arc<Connection>, stream: &str) -> Result<StreamNow> {
    block_on_read(look(connection, stream))
}

/// The end of a stream as it is now. Two round trips, and about 2 log2(size of the hole) when the last message was deleted.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream; those of any request.
pub fn take_checkpoint(connection: &Arc<Connection>, stream: &str) -> Result<Checkpoint> {
    block_on_read(async {
        let now = look(connection, stream).await?;
        let newest = newest(connection, stream, &now, now.state.last).await?;
        Ok(Checkpoint::at_end(stream, &now, newest.as_ref()))
    })
}

/// Fails unless the stream is the one of the checkpoint, and returns its present state. It takes as many round trips as taking a checkpoint.
///
/// # Errors
/// [`Kind::Replaced`] when it is another stream, or one that was rewound; [`Kind::NotFound`] when there is none; those of
/// any request.
pub fn check_checkpoint(connection: &Arc<Connection>, checkpoint: &Checkpoint) -> Result<StreamNow> {
    let stream = &checkpoint.stream;
    block_on_read(async {
        let mut now = look(connection, stream).await?;
        for _ in 1..LOOKS {
            if checkpoint.check_created(&now).is_err() || !checkpoint.is_beyond(&now) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            now = look(connection, stream).await?;
        }
        checkpoint.check_created(&now)?;
        if checkpoint.is_beyond(&now) {
            return Err(checkpoint.rewound_to(now.state.last));
        }
        checkpoint.check_newest(newest(connection, stream, &now, checkpoint.last).await?.as_ref())?;
        Ok(now)
    })
    .map_err(|error| error.stream(stream).server(connection.label()))
}

async fn look(connection: &Arc<Connection>, stream: &str) -> Result<StreamNow> {
    let reply = info_reply::ask_or_explain(connection, stream, Details::None).await?;
    let state = reply.stream_state();
    let created_ns = state.created_ns.ok_or_else(|| {
        Error::of(Kind::Protocol, "malformed time in the answer to STREAM.INFO")
            .stream(stream)
            .server(connection.label())
    })?;
    Ok(StreamNow {
        state,
        created_ns,
        last_time_ns: state.last_time_ns,
        removal: reply.removal(),
        captures: reply.captures(),
    })
}

/// The newest message at or before a sequence with its headers; None when there is none left.
async fn newest(connection: &Arc<Connection>, stream: &str, now: &StreamNow, up_to: u64) -> Result<Option<Record>> {
    if now.state.messages == 0 || up_to < now.state.first {
        return Ok(None);
    }
    let found = match find(connection, Access::MsgGet, stream, up_to).await {
        Err(Failure::Forbidden) if now.state.direct != Some(false) => {
            let mut found = Ok(None);
            for _ in 0..REPLICAS_ASKED {
                let next = find(connection, Access::Direct, stream, up_to).await;
                let newer = |a: &Option<Record>, b: &Option<Record>| {
                    a.as_ref().map(|record| record.sequence) >= b.as_ref().map(|record| record.sequence)
                };
                found = match (found, next) {
                    (Ok(found), Ok(next)) => Ok(if newer(&found, &next) { found } else { next }),
                    (Err(failure), _) | (_, Err(failure)) => Err(failure),
                };
            }
            found.map_err(|failure| (Access::Direct, failure))
        }
        found => found.map_err(|failure| (Access::MsgGet, failure)),
    };
    match found {
        Ok(found) => Ok(found),
        Err((access, failure)) => Err(connection.explain(failure, &access.call(stream), stream).await),
    }
}

async fn find(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    up_to: u64,
) -> std::result::Result<Option<Record>, Failure> {
    let exact = async |sequence: u64| access.ask(connection, stream, &json!({"seq": sequence}).to_string(), true).await;
    let mut sequence = up_to;
    loop {
        // The message mostly exists. In a later round it may just have been deleted.
        if let found @ Some(_) = exact(sequence).await? {
            return Ok(found);
        }
        match newest_up_to(connection, access, stream, sequence).await? {
            Some(record) => sequence = record.sequence,
            None => return Ok(None),
        }
    }
}
