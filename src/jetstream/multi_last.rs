//! One `multi_last` request of Direct Get (ADR-31, server 2.11): the newest message of each of up to 1024 subjects.
//!
//! Every message is checked against the bound and the filters: a server was found to answer past the bound
//! (nats-server#6077). An answer of a replica that is behind what the leader had when the read began does not count
//! ([`super::leader_tail`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;

use super::api::{Failure, refusal};
use super::connection::Connection;
use super::get::Access;
use super::last::LastRequest;
use super::leader_tail::LeaderTail;
use super::reply::{self, Answer};
use super::runtime::block_on;
use crate::error::{Error, Result};
use crate::plan::{Reply, subject_matches};
use crate::record::Record;
use crate::stats;

/// The most subjects that one request may match (ADR-31); beyond them the answer is status 413. One of them may be that
/// of the leader's newest message.
pub(super) const MAX_SUBJECTS: usize = 1_024;
/// The most bytes that the server may send for one request.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// How often a request whose answer has gaps, or is behind, is sent.
const ATTEMPTS: usize = 3;

/// What became of one `multi_last` request.
pub(super) enum Multi {
    /// All messages, in sequence order.
    Whole(Vec<Record>),
    /// More subjects than one request may match, or more bytes than one answer holds.
    TooMany,
    /// The server is too old, or there is no Direct Get.
    Unsupported,
    /// A message past the bound, or of another subject.
    Untrue,
    /// The replica that answered lacks messages that the leader has.
    Behind,
}

/// Asks for the newest messages of some filters with `multi_last`, again while the answer is behind.
pub(super) fn multi_last(
    connection: &Arc<Connection>,
    request: &LastRequest,
    filters: &[String],
    mut up_to: Option<u64>,
    tail: &mut Option<LeaderTail>,
) -> Result<Multi> {
    for _ in 0..ATTEMPTS {
        match try_multi_last(connection, request, filters, up_to, tail.as_ref())? {
            Multi::Behind => {}
            answer => return Ok(answer),
        }
        stats::RETRIES.add(1);
        // It may also be that the leader's newest message gave way to a newer message.
        *tail = LeaderTail::find(connection, &request.stream, request.up_to)?;
        if request.up_to.is_none() && up_to.is_some() {
            up_to = up_to.max(tail.as_ref().map(|tail| tail.sequence));
        }
    }
    Ok(Multi::Behind)
}

fn try_multi_last(
    connection: &Arc<Connection>,
    request: &LastRequest,
    filters: &[String],
    up_to: Option<u64>,
    tail: Option<&LeaderTail>,
) -> Result<Multi> {
    let exact: HashSet<&str> = filters.iter().map(String::as_str).collect();
    let asked = |subject: &[u8]| filters.iter().any(|filter| subject_matches(subject, filter));
    // The newest message of the leader is asked for as well.
    let extra = tail.map(|tail| &tail.subject).filter(|subject| !asked(subject.as_bytes()));
    let filters: Vec<&String> = filters.iter().chain(extra).collect();
    block_on(async {
        let mut records: HashMap<Bytes, Record> = HashMap::new();
        let mut from = 1;
        loop {
            let mut body = json!({"multi_last": filters, "max_bytes": MAX_BYTES});
            if let Some(up_to) = up_to {
                body["up_to_seq"] = up_to.into();
            }
            if from > 1 {
                body["seq"] = from.into();
            }
            let batch = match batch(connection, request, &body.to_string()).await {
                Ok(batch) => batch,
                Err(failure) => {
                    let call = Access::Direct.call(&request.stream);
                    return Err(connection.explain(failure, &call, &request.stream).await);
                }
            };
            let end = match batch {
                Batch::End(end) => end,
                Batch::TooMany => return Ok(Multi::TooMany),
                Batch::Unsupported => return Ok(Multi::Unsupported),
            };
            for record in end.records {
                let subject = std::str::from_utf8(&record.subject).unwrap_or_default();
                let matches = exact.contains(subject) || filters.iter().any(|f| subject_matches(&record.subject, f));
                if !matches || up_to.is_some_and(|up_to| record.sequence > up_to) {
                    return Ok(Multi::Untrue);
                }
                from = from.max(record.sequence + 1);
                records.insert(record.subject.clone(), record);
            }
            if end.pending == 0 {
                break;
            }
            // Between two requests a message may give way to a newer one, which only a list of subjects would show.
            if up_to.is_none() {
                return Ok(Multi::TooMany);
            }
        }
        if tail.is_some_and(|tail| !tail.is_in(records.values())) {
            return Ok(Multi::Behind);
        }
        if let Some(subject) = extra {
            records.remove(subject.as_bytes());
        }
        let mut records: Vec<Record> = records.into_values().collect();
        records.sort_by_key(|record| record.sequence);
        Ok(Multi::Whole(records))
    })
}

/// The answer to one request.
enum Batch {
    End(BatchEnd),
    TooMany,
    Unsupported,
}

#[derive(Default)]
struct BatchEnd {
    records: Vec<Record>,
    pending: u64,
}

/// Sends one request and gathers its batch; again when a frame of it was lost.
async fn batch(connection: &Arc<Connection>, request: &LastRequest, body: &str) -> std::result::Result<Batch, Failure> {
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            stats::RETRIES.add(1);
        }
        if let Some(batch) = attempt_batch(connection, request, body).await? {
            return Ok(batch);
        }
    }
    Err(Failure::Other("messages of the answer were lost on the way, each time anew".into()))
}

/// One try: None when a frame was lost.
async fn attempt_batch(
    connection: &Arc<Connection>,
    request: &LastRequest,
    body: &str,
) -> std::result::Result<Option<Batch>, Failure> {
    stats::BATCH_REQUESTS.add(1);
    let foreign = |error: &(dyn std::error::Error + 'static)| {
        Failure::Other(Error::foreign("cannot send a request", error).cause().to_owned())
    };
    let subject = connection.api_subject(&Access::Direct.call(&request.stream));
    let inbox = connection.client.new_inbox();
    let mut forbidden = connection.forbidden();
    let mut replies = connection.client.subscribe(inbox.clone()).await.map_err(|error| foreign(&error))?;
    let payload = Bytes::copy_from_slice(body.as_bytes());
    connection.client.publish_with_reply(subject.clone(), inbox, payload).await.map_err(|error| foreign(&error))?;
    let mut end = BatchEnd::default();
    let mut last = 0;
    loop {
        let message = tokio::select! {
            biased;
            reply = replies.next() => match reply {
                Some(message) => message,
                None => return Err(Failure::Other("the connection was closed".into())),
            },
            word = forbidden.recv() => match word.ok().and_then(|word| refusal(&word, &subject)) {
                Some(failure) => return Err(failure),
                None => continue,
            },
            () = tokio::time::sleep(connection.timeout) => return Err(Failure::TimedOut),
        };
        match message.status.map(|status| status.as_u16()) {
            Some(413) => return Ok(Some(Batch::TooMany)),
            Some(408 | 503) => return Ok(Some(Batch::Unsupported)),
            _ => {}
        }
        match reply::direct(message, true, request.headers) {
            Ok(Answer::Reply(Reply::Message { record, previous, .. })) => {
                // A server that does not know `multi_last` may answer with one message and no batch headers.
                let Some(previous) = previous else { return Ok(Some(Batch::Unsupported)) };
                if previous != last {
                    return Ok(None);
                }
                last = record.sequence;
                end.records.push(record);
            }
            Ok(Answer::Reply(Reply::End { pending, last: said })) => {
                if said != last && !end.records.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(Batch::End(BatchEnd { pending, ..end })));
            }
            Ok(Answer::Reply(Reply::Nothing)) => return Ok(Some(Batch::End(end))),
            Ok(Answer::NoResponders) => return Ok(Some(Batch::Unsupported)),
            Err(error) => return Err(Failure::Other(error.cause().to_owned())),
        }
    }
}
