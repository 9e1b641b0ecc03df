//! Batches of Direct Get, each with a trace that says which replica answered.
//!
//! Any replica answers Direct Get, as chance has it, whichever server is asked; it answers a batch as a whole. A header of the
//! request makes every server that handles it send what it did with it: the server that passed it on to no other has
//! answered (ADR-31 for batches, ADR-41 for traces; both since server 2.11). So the same batch is asked for until each
//! replica has answered.

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;

use super::part::Part;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, refusal};
use crate::jetstream::reply::{self, Answer};
use crate::plan::{Finding, FindingKind, Fingerprint, Reply, Seen, SequenceRange};
use crate::stats;

/// The least number of sequences in a part.
const PART: u64 = 1_024;
/// The most bytes that a server may send for one request.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// The number of requests for a part, for each replica: by chance, one of three replicas does not answer 60 times in one case of 10^10.
const ASKS: usize = 20;
/// The header that names the subject to which servers send what they did with a message.
const TRACE: &str = "Nats-Trace-Dest";

/// The kinds of connections to other servers, by the protocol's numbers: route, gateway, leafnode.
const TO_SERVERS: [u8; 3] = [1, 2, 4];
/// A client's.
const OF_CLIENT: u8 = 0;

#[derive(Deserialize)]
struct Trace {
    server: TraceServer,
    events: Vec<TraceEvent>,
}

#[derive(Deserialize)]
struct TraceServer {
    name: String,
}

#[derive(Deserialize)]
struct TraceEvent {
    #[serde(rename = "type")]
    ty: String,
    #[serde(default)]
    kind: u8,
    #[serde(default)]
    name: String,
}

/// A batch, and which server gave it.
struct Batch {
    server: String,
    seen: Vec<Seen>,
    /// Whether there is nothing behind it.
    ends: bool,
}

/// A replicated stream.
pub(super) struct Traced {
    connection: Arc<Connection>,
    stream: String,
    servers: Vec<String>,
    /// From which sequence on a server has not answered.
    silent: Vec<Option<u64>>,
    /// Where answers and traces come in.
    inbox: Option<(String, Subscriber)>,
    asked: u64,
}

impl Traced {
    pub fn new(connection: &Arc<Connection>, stream: &str, servers: Vec<String>) -> Self {
        let silent = vec![None; servers.len()];
        Self { connection: Arc::clone(connection), stream: stream.to_owned(), servers, silent, inbox: None, asked: 0 }
    }

    /// Reads the next part, from every server that answers.
    pub async fn read(&mut self, first: u64, last: u64) -> Result<Part> {
        let mut range = SequenceRange { first, last: first.saturating_add(PART - 1).min(last) };
        let mut seen: Vec<Vec<Seen>> = vec![Vec::new(); self.servers.len()];
        // The next sequence of each server that is still to be read.
        let mut next: Vec<u64> = vec![first; self.servers.len()];
        let mut asks = 0;
        while let Some(from) = self.next_of_all(&next, range) {
            if asks == ASKS * self.servers.len() {
                for (server, next) in next.iter().enumerate().filter(|(_, next)| **next <= range.last) {
                    self.silent[server].get_or_insert(*next);
                }
                break;
            }
            asks += 1;
            let Some(batch) = self.batch(from, range.last - from + 1).await? else { continue };
            if let Some(beyond) = batch.seen.last().filter(|_| asks == 1) {
                // Over a hole the part may be longer.
                range.last = range.last.max(beyond.print.sequence).min(last);
            }
            let Some(server) = self.servers.iter().position(|name| *name == batch.server) else {
                return Err(Error::of(
                    Kind::Unavailable,
                    format!("server '{}' answers, which is no replica of the stream", batch.server),
                )
                .advice("run nats_verify again when the stream has come to rest"));
            };
            let covered = if batch.ends { range.last } else { batch.seen.last().map_or(0, |seen| seen.print.sequence) };
            if self.silent[server].is_none() && covered >= next[server] {
                let new = |seen: &&Seen| (next[server]..=range.last).contains(&seen.print.sequence);
                seen[server].extend(batch.seen.iter().filter(new));
                next[server] = covered + 1;
            }
        }
        let silent = self.silent.iter();
        Ok(Part {
            range,
            seen: seen.into_iter().zip(silent).map(|(seen, silent)| silent.is_none().then_some(seen)).collect(),
        })
    }

    /// The servers that were not read to the end.
    pub fn unread(&self) -> Vec<Finding> {
        let silent = self.servers.iter().zip(&self.silent);
        let unread = silent.filter_map(|(server, from)| {
            let from = (*from)?;
            Some(Finding {
                kind: FindingKind::Unread,
                range: None,
                messages: None,
                server: Some(server.clone()),
                evidence: format!("it did not answer from sequence {from} on, though asked again and again"),
            })
        });
        unread.collect()
    }

    fn next_of_all(&self, next: &[u64], range: SequenceRange) -> Option<u64> {
        let wanted = next.iter().zip(&self.silent).filter(|(next, silent)| silent.is_none() && **next <= range.last);
        wanted.map(|(next, _)| *next).min()
    }

    /// One batch from a sequence on; None when a frame of it, or its trace, was lost.
    async fn batch(&mut self, from: u64, count: u64) -> Result<Option<Batch>> {
        match self.try_batch(from, count).await {
            Ok(batch) => Ok(batch),
            Err(failure) => {
                let call = Access::Direct.call(&self.stream);
                Err(self.connection.explain(failure, &call, &self.stream).await)
            }
        }
    }

    async fn try_batch(&mut self, from: u64, count: u64) -> std::result::Result<Option<Batch>, Failure> {
        stats::BATCH_REQUESTS.add(1);
        let foreign = |error: &(dyn std::error::Error + 'static)| {
            Failure::Other(Error::foreign("cannot send a request", error).kind_or(Kind::Unreachable))
        };
        let connection = Arc::clone(&self.connection);
        let (inbox, subscriber) = match &mut self.inbox {
            Some(inbox) => inbox,
            None => {
                let inbox = connection.client.new_inbox();
                let subscriber =
                    connection.client.subscribe(format!("{inbox}.*.*")).await.map_err(|error| foreign(&error))?;
                self.inbox.insert((inbox, subscriber))
            }
        };
        self.asked += 1;
        let (reply_to, trace_to) = (format!("{inbox}.reply.{}", self.asked), format!("{inbox}.trace.{}", self.asked));
        let subject = connection.api_subject(&Access::Direct.call(&self.stream));
        let body = format!(r#"{{"seq":{from},"next_by_subj":">","batch":{count},"max_bytes":{MAX_BYTES}}}"#);
        let mut headers = HeaderMap::new();
        headers.insert(TRACE, trace_to.as_str());
        let mut forbidden = connection.forbidden();
        let sent = connection.client.publish_with_reply_and_headers(
            subject.clone(),
            reply_to.clone(),
            headers,
            Bytes::from(body),
        );
        sent.await.map_err(|error| foreign(&error))?;
        let mut route = Route::default();
        let (mut seen, mut last, mut ends) = (Vec::new(), 0, None);
        while ends.is_none() || route.end().is_none() {
            let message = tokio::select! {
                biased;
                message = subscriber.next() => message.ok_or_else(|| Failure::unreachable("the connection was closed"))?,
                word = forbidden.recv() => match word.ok().and_then(|word| refusal(&word, &subject)) {
                    Some(failure) => return Err(failure),
                    None => continue,
                },
                () = tokio::time::sleep(connection.timeout) => return Err(Failure::TimedOut),
            };
            if message.subject.as_str() == trace_to {
                route.take(&message.payload)?;
            } else if message.subject.as_str() == reply_to {
                match reply::direct(message, true, true) {
                    Ok(Answer::Reply(Reply::Message { record, previous, .. })) => {
                        if previous != Some(last) {
                            return Ok(None);
                        }
                        last = record.sequence;
                        seen.push(Seen { print: Fingerprint::of(&record), time_ns: record.time_ns });
                    }
                    Ok(Answer::Reply(Reply::End { pending, last: said })) => {
                        if said != last && !seen.is_empty() {
                            return Ok(None);
                        }
                        ends = Some(pending == 0);
                    }
                    Ok(Answer::Reply(Reply::Nothing)) => ends = Some(true),
                    Ok(Answer::NoResponders) => return Err(Failure::NoResponders),
                    Ok(Answer::Refused { status, words }) => {
                        let cause = format!("the server refused to read: status {status} {words}");
                        return Err(Failure::Other(Error::of(Kind::Refused, cause)));
                    }
                    Err(error) => return Err(Failure::Other(error.kind_or(Kind::Protocol))),
                }
            }
        }
        let ends = ends.unwrap_or(false);
        Ok(route.end().map(|server| Batch { server, seen, ends }))
    }
}

/// The way of a request from server to server.
#[derive(Default)]
struct Route {
    /// The server that the client is connected to.
    start: Option<String>,
    /// Where a server passed it on to.
    hops: HashMap<String, Option<String>>,
}

impl Route {
    fn take(&mut self, body: &[u8]) -> std::result::Result<(), Failure> {
        let malformed = |error: serde_json::Error| Failure::protocol(format!("malformed trace of a request: {error}"));
        let Trace { server, events } = serde_json::from_slice(body).map_err(malformed)?;
        if events.iter().any(|event| event.ty == "in" && event.kind == OF_CLIENT) {
            self.start = Some(server.name.clone());
        }
        let on = events.into_iter().find(|event| event.ty == "eg" && TO_SERVERS.contains(&event.kind));
        self.hops.insert(server.name, on.map(|event| event.name));
        Ok(())
    }

    /// The server that passed it on to no other, once all between have told.
    fn end(&self) -> Option<String> {
        let mut server = self.start.as_ref()?;
        for _ in 0..=self.hops.len() {
            match self.hops.get(server)? {
                Some(next) => server = next,
                None => return Some(server.clone()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_way_is_known_when_all_have_told() {
        let first =
            br#"{"server":{"name":"a"},"events":[{"type":"in","kind":0},{"type":"eg","kind":1,"name":"b","hop":"1"}]}"#;
        let second = br#"{"server":{"name":"b"},"events":[{"type":"in","kind":1,"name":"a"}]}"#;
        for order in [[&first[..], &second[..]], [&second[..], &first[..]]] {
            let mut route = Route::default();
            for trace in order {
                assert_eq!(route.end(), None);
                route.take(trace).unwrap();
            }
            assert_eq!(route.end().as_deref(), Some("b"));
        }
        let mut local = Route::default();
        local
            .take(br#"{"server":{"name":"a"},"events":[{"type":"in","kind":0},{"type":"eg","kind":5,"name":"x"}]}"#)
            .unwrap();
        assert_eq!(local.end().as_deref(), Some("a"));
        assert!(local.take(b"{").is_err());
    }
}
