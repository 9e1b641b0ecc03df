//! Single messages: by exact sequence, or the next one from a sequence on.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::api::Failure;
use super::connection::Connection;
use super::reply::{self, Answer};
use super::runtime::block_on;
use super::state::stream_state;
use crate::error::{Error, Result};
use crate::plan::{Reply, StreamState};
use crate::record::Record;
use crate::stats;

/// How many single gets are in flight at once.
const IN_FLIGHT: usize = 256;

/// The two ways to ask for one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// `$JS.API.DIRECT.GET.<stream>`.
    Direct,
    /// `$JS.API.STREAM.MSG.GET.<stream>`, for streams without `allow_direct`.
    MsgGet,
}

impl Access {
    /// The way that the stream allows; Direct Get when that is not known.
    pub(super) fn of(state: &StreamState) -> Self {
        if state.direct == Some(false) { Access::MsgGet } else { Access::Direct }
    }

    /// The API call, without `$JS.API.`.
    pub(super) fn call(self, stream: &str) -> String {
        match self {
            Access::Direct => format!("DIRECT.GET.{stream}"),
            Access::MsgGet => format!("STREAM.MSG.GET.{stream}"),
        }
    }

    /// Sends one request for one message.
    pub(super) async fn ask(
        self,
        connection: &Connection,
        stream: &str,
        request: &str,
        with_headers: bool,
    ) -> std::result::Result<Reply, Failure> {
        let subject = connection.api_subject(&self.call(stream));
        let payload = Bytes::copy_from_slice(request.as_bytes());
        match self {
            Access::Direct => {
                stats::SINGLE_REQUESTS.add(1);
                let message = connection.request(&subject, payload).await?;
                match reply::direct(message, false, with_headers) {
                    Ok(Answer::Reply(reply)) => Ok(reply),
                    Ok(Answer::NoResponders) => Err(Failure::NoResponders),
                    Err(error) => Err(Failure::Other(error.cause().to_owned())),
                }
            }
            Access::MsgGet => {
                stats::MSG_GET_REQUESTS.add(1);
                let message = connection.request(&subject, payload).await?;
                reply::msg_get(&message.payload, with_headers)
            }
        }
    }
}

/// The first message at or after a sequence.
pub(super) async fn next_message(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    sequence: u64,
) -> std::result::Result<Option<Record>, Failure> {
    let request = format!(r#"{{"seq":{sequence},"next_by_subj":">"}}"#);
    access.ask(connection, stream, &request, false).await.map(message)
}

fn message(reply: Reply) -> Option<Record> {
    match reply {
        Reply::Message { record, .. } => Some(record),
        Reply::End { .. } | Reply::Nothing => None,
    }
}

/// How many replicas are asked for a message that one does not have, where the leader may not be asked.
const REPLICAS_ASKED: usize = 3;

/// The message with a sequence. A replica that does not have it may be behind, so the leader is asked before it is
/// believed; where nobody answers Direct Get, or the user may not use it, only the leader is: the stream may not allow it,
/// or not exist, which the leader's answer says.
async fn exact_message(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    sequence: u64,
    with_headers: bool,
) -> Result<Option<Record>> {
    let request = format!(r#"{{"seq":{sequence}}}"#);
    let ask = async |access: Access| access.ask(connection, stream, &request, with_headers).await.map(message);
    let explain = async |access: Access, failure: Failure| {
        let about_message = matches!(failure, Failure::Other(_));
        let error = connection.explain(failure, &access.call(stream), stream).await;
        Err(if about_message { error.sequence(sequence) } else { error })
    };
    let refused = match ask(access).await {
        Ok(Some(record)) => return Ok(Some(record)),
        Ok(None) if access == Access::MsgGet => return Ok(None),
        Ok(None) => None,
        Err(failure @ (Failure::NoResponders | Failure::Forbidden)) if access == Access::Direct => Some(failure),
        Err(failure) => return explain(access, failure).await,
    };
    match (ask(Access::MsgGet).await, refused) {
        (Ok(found), _) => return Ok(found),
        (Err(Failure::Forbidden), None) => {}
        (Err(Failure::Forbidden), Some(Failure::Forbidden)) => return explain(access, Failure::Forbidden).await,
        (Err(failure), _) => return explain(Access::MsgGet, failure).await,
    }
    for _ in 1..REPLICAS_ASKED {
        match ask(Access::Direct).await {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(failure) => return explain(Access::Direct, failure).await,
        }
    }
    Ok(None)
}

/// Up to so many messages are asked for by Direct Get without asking first whether the stream answers it.
const FEW: usize = 16;

/// The messages with these sequences, in the order of the list; None where there is none. Pipelined.
///
/// A few cost one round trip: the server says when nobody answers Direct Get, and the leader is asked then. For more, or
/// of a server before 2.11, which may stay silent, the stream's configuration is asked for first.
pub fn get_messages(
    connection: &Arc<Connection>,
    stream: &str,
    sequences: &[u64],
    with_headers: bool,
) -> Result<Vec<Option<Record>>> {
    let access = if (1..=FEW).contains(&sequences.len()) && connection.knows_batches() {
        Access::Direct
    } else {
        Access::of(&stream_state(connection, stream)?)
    };
    let fetched = block_on(async {
        let gets = sequences.iter().map(|sequence| async move {
            if *sequence == 0 {
                return Ok(None);
            }
            exact_message(connection, access, stream, *sequence, with_headers).await
        });
        let mut gets = futures_util::stream::iter(gets).buffered(IN_FLIGHT);
        let mut records: Vec<Option<Record>> = Vec::with_capacity(sequences.len());
        while let Some(record) = gets.next().await {
            records.push(record?);
        }
        Ok(records)
    })
    .map_err(|error: Error| error.stream(stream).server(connection.label()))?;
    count(fetched.iter().flatten());
    Ok(fetched)
}

/// Counts records that are handed on.
pub(super) fn count<'a>(records: impl Iterator<Item = &'a Record>) {
    let (messages, bytes) = records.fold((0, 0), |(n, b), record| (n + 1, b + record.payload.len() as u64));
    stats::MESSAGES_READ.add(messages);
    stats::BYTES_READ.add(bytes);
}
