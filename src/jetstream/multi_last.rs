//! One `multi_last` request of Direct Get (ADR-31, server 2.11): the newest message of each of up to 1024 subjects.
//!
//! Every message is checked against the bound and the filters: a server was found to answer past the bound
//! (nats-server#6077). An answer of a replica that is behind what the leader had when the read began does not count
//! ([`super::leader_tail`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::access::Access;
use super::connection::Connection;
use super::failure::{Failure, refusal};
use super::leader_tail::LeaderTail;
use super::read_transport::{ReadTransport, Replied, ReplyFormat, TransportEvent, WireRequest};
use super::reply::Answer;
use super::runtime::block_on_read;
use super::single::whole;
use crate::error::{Error, Kind, Result};
use crate::log;
use crate::plan::{Reply, subject_matches};
use crate::record::Record;
use crate::stats;

/// The newest messages to read.
#[derive(Debug, Clone)]
pub struct LastRequest {
    /// The stream's name.
    pub stream: String,
    /// Subject filters; at least one.
    pub subjects: Vec<String>,
    /// The sequence up to which messages count, inclusive; None for the newest there are.
    pub up_to: Option<u64>,
    /// Whether headers are wanted.
    pub headers: bool,
}

/// The most subjects that one request may match (ADR-31); beyond them the answer is status 413. One of them may be that
/// of the leader's newest message.
pub(super) const MAX_SUBJECTS: usize = 1_024;
/// The most bytes that the server may send for one request.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The number of times that a request is sent when its answer has gaps or is behind.
const ATTEMPTS: usize = 3;

/// The outcome of one `multi_last` request.
pub(super) enum Multi {
    /// All messages, in sequence order.
    Whole(Vec<Record>),
    /// More subjects than one request may match, or more bytes than one answer holds.
    TooMany,
    /// The server is too old, or there is no Direct Get.
    Unsupported,
    /// The user may not use Direct Get.
    Forbidden,
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
        let place = connection.place(&request.stream);
        log::warning(format!(
            "{place}: the newest messages came from a replica that is behind; they are asked for again"
        ));
        // A newer message may also have replaced the leader's newest message.
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
    block_on_read(async {
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
                Err(Failure::Forbidden) => return Ok(Multi::Forbidden),
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
            // Between two requests a newer message may replace a message, which only a list of subjects would show.
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
            let place = connection.place(&request.stream);
            log::warning(format!("{place}: answers of a batch were missing; it is asked for again"));
        }
        if let Some(batch) = attempt_batch(connection, request, body).await? {
            return Ok(batch);
        }
    }
    Err(Failure::unreachable("messages of the answer were lost on the way, each time anew"))
}

/// One try: None when a frame was lost, or the connection.
async fn attempt_batch(
    connection: &Arc<Connection>,
    request: &LastRequest,
    body: &str,
) -> std::result::Result<Option<Batch>, Failure> {
    stats::BATCH_REQUESTS.add(1);
    let subject = connection.api_subject(&Access::Direct.call(&request.stream));
    let mut transport = ReadTransport::open(connection, 1).await.map_err(Failure::Other)?;
    let outgoing = WireRequest { token: 0, leader: false, subject: subject.clone(), body: body.to_owned() };
    transport.send(vec![outgoing]).await.map_err(Failure::Other)?;
    let format = ReplyFormat { access: Access::Direct, batch: true, want: whole(request.headers) };
    let mut replies: Vec<Replied> = Vec::new();
    let mut gathered = Gathered::default();
    loop {
        let event = tokio::select! {
            event = transport.receive(format, &mut replies) => event.map_err(Failure::Other)?,
            () = tokio::time::sleep(connection.timeout) => return Err(Failure::TimedOut),
        };
        for Replied { answer, .. } in replies.drain(..) {
            match gathered.take(answer?)? {
                Progress::More => {}
                Progress::Lost => return Ok(None),
                Progress::Done(batch) => {
                    transport.finish();
                    return Ok(Some(batch));
                }
            }
        }
        match event {
            TransportEvent::Replies => {}
            TransportEvent::Reconnected(_) => return Ok(None),
            TransportEvent::Refused(words) => {
                if let Some(failure) = words.iter().find_map(|words| refusal(words, &subject)) {
                    return Err(failure);
                }
            }
        }
    }
}

/// The messages and the end of a batch, as far as they have come.
#[derive(Default)]
struct Gathered {
    records: Vec<Record>,
    last: u64,
}

enum Progress {
    More,
    Lost,
    Done(Batch),
}

impl Gathered {
    fn take(&mut self, answer: Answer) -> std::result::Result<Progress, Failure> {
        let end = |records: &mut Vec<Record>, pending| {
            Progress::Done(Batch::End(BatchEnd { records: std::mem::take(records), pending }))
        };
        Ok(match answer {
            Answer::Reply(Reply::Message { record, previous: Some(previous), .. }) => {
                if previous != self.last {
                    return Ok(Progress::Lost);
                }
                self.last = record.sequence;
                self.records.push(record);
                Progress::More
            }
            Answer::Reply(Reply::End { last, .. }) if last != self.last && !self.records.is_empty() => Progress::Lost,
            Answer::Reply(Reply::End { pending, .. }) => end(&mut self.records, pending),
            Answer::Reply(Reply::Nothing) => end(&mut self.records, 0),
            Answer::Refused { status: 413, .. } => Progress::Done(Batch::TooMany),
            // A server that does not know `multi_last` may answer with one message and no batch headers.
            Answer::Reply(Reply::Message { .. }) | Answer::Refused { status: 408, .. } | Answer::NoResponders => {
                Progress::Done(Batch::Unsupported)
            }
            Answer::Refused { status, words } => {
                let cause = format!("the server refused to read: status {status} {words}");
                return Err(Failure::Other(Error::of(Kind::Refused, cause)));
            }
        })
    }
}
