//! Single messages: by exact sequence, or the next one from a sequence on.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use super::api::Failure;
use super::connection::Connection;
use super::reply::{self, Answer};
use super::runtime::block_on;
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
) -> Result<Option<Record>> {
    let request = format!(r#"{{"seq":{sequence},"next_by_subj":">"}}"#);
    answer(connection, access, stream, &request, sequence, false).await
}

async fn answer(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    request: &str,
    sequence: u64,
    with_headers: bool,
) -> Result<Option<Record>> {
    let mut outcome = access.ask(connection, stream, request, with_headers).await;
    let mut used = access;
    if access == Access::Direct && matches!(outcome, Err(Failure::NoResponders)) {
        // Nobody answers Direct Get: the stream may not allow it, or not exist, which the other way says.
        used = Access::MsgGet;
        outcome = used.ask(connection, stream, request, with_headers).await;
    }
    match outcome {
        Ok(Reply::Message { record, .. }) => Ok(Some(record)),
        Ok(_) => Ok(None),
        Err(failure) => Err(connection.explain(failure, &used.call(stream), stream).await.sequence(sequence)),
    }
}

/// The messages with these sequences, in the order of the list; None where there is none. Pipelined.
pub fn get_messages(
    connection: &Arc<Connection>,
    stream: &str,
    state: &StreamState,
    sequences: &[u64],
    with_headers: bool,
) -> Result<Vec<Option<Record>>> {
    let access = Access::of(state);
    let fetched = block_on(async {
        let gets = sequences.iter().map(|sequence| async move {
            if *sequence == 0 {
                return Ok(None);
            }
            let request = format!(r#"{{"seq":{sequence}}}"#);
            answer(connection, access, stream, &request, *sequence, with_headers).await
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
