//! Many small requests to a stream, each with one answer, as reliable as a scan: the same reader reads the replies, a lost connection is opened again
//! and its requests are sent again, and no request waits longer than the timeout.

use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::access::Access;
use super::connection::Connection;
use super::failure::{Failure, refusal};
use super::pool;
use super::read_transport::{ReadTransport, Replied, ReplyFormat, TransportEvent, WireRequest};
use super::reply::Answer;
use super::wire::Want;
use crate::error::{Error, Kind, Result};
use crate::log;
use crate::plan::Reply;
use crate::record::Record;
use crate::stats;

/// The most requests that are under way at once.
const IN_FLIGHT: usize = 256;
/// The most breaks of the connection in a row without an answer in between.
const MAX_LOSSES: u32 = 3;

/// One request, which asks for at most one message.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// How it is made.
    access: Access,
    /// Its JSON body.
    body: String,
    /// The subject, where its newest message is asked for.
    newest_of: Option<String>,
    /// Whether that subject stands behind the stream's name in the request's own subject, and the body is empty: a user may be
    /// granted `$JS.API.DIRECT.GET.<stream>.>` and no more (ADR-31).
    in_subject: bool,
}

impl Ask {
    /// A request with this JSON body.
    pub(super) fn new(access: Access, body: String) -> Self {
        Self { access, body, newest_of: None, in_subject: false }
    }

    /// A request for the newest message of a subject.
    pub(super) fn newest(access: Access, subject: &str) -> Self {
        let body = json!({"last_by_subj": subject}).to_string();
        Self { newest_of: Some(subject.to_owned()), ..Self::new(access, body) }
    }

    /// The part of its subject behind the API's prefix.
    fn call(&self, stream: &str) -> String {
        match &self.newest_of {
            Some(subject) if self.in_subject => format!("{}.{subject}", self.access.call(stream)),
            _ => self.access.call(stream),
        }
    }

    /// Another way to ask the same, for a user who may not ask in this way; None when there is none.
    fn otherwise(&self) -> Option<Self> {
        match (self.access, &self.newest_of) {
            (Access::MsgGet | Access::Consumer, _) => None,
            (Access::Direct, Some(_)) if !self.in_subject => Some(Self { in_subject: true, ..self.clone() }),
            (Access::Direct, _) => Some(Self { access: Access::MsgGet, in_subject: false, ..self.clone() }),
        }
    }
}

/// Its answer: a message, None where there is none, or the reason why it is not known.
pub(super) type Asked = std::result::Result<Option<Record>, Failure>;

/// A message, and the number of matching ones that the server counts behind it, where a batch was asked for.
type Found = (Record, Option<u64>);

/// Sends all requests, and returns the answers in their order.
pub(super) async fn exchange(
    connection: &Arc<Connection>,
    stream: &str,
    asks: Vec<Ask>,
    want: Want,
) -> Result<Vec<Asked>> {
    let answers = ask_all(connection, stream, asks, want, false).await?;
    Ok(answers.into_iter().map(|answer| answer.map(|found| found.map(|(record, _)| record))).collect())
}

/// Asks for batches of one message each, and returns the numbers of messages that the server counts from there on.
pub(super) async fn exchange_counts(
    connection: &Arc<Connection>,
    stream: &str,
    asks: Vec<Ask>,
) -> Result<Vec<std::result::Result<u64, Failure>>> {
    let answers = ask_all(connection, stream, asks, Want::default(), true).await?;
    let count = |found: Option<Found>| found.map_or(0, |(_, pending)| pending.map_or(0, |pending| pending + 1));
    Ok(answers.into_iter().map(|answer| answer.map(count)).collect())
}

async fn ask_all(
    connection: &Arc<Connection>,
    stream: &str,
    asks: Vec<Ask>,
    want: Want,
    batch: bool,
) -> Result<Vec<std::result::Result<Option<Found>, Failure>>> {
    if asks.is_empty() {
        return Ok(Vec::new());
    }
    let answers = vec![None; asks.len()];
    let mut run = Run { connection, stream, asks, want, batch, answers, sent: 0, open: 0 };
    let mut transport = ReadTransport::open(connection, 1).await?;
    run.read(&mut transport).await?;
    if run.open == 0 {
        transport.finish();
    }
    // Every request has an answer here.
    Ok(run.answers.into_iter().map(|answer| answer.unwrap_or(Err(Failure::TimedOut))).collect())
}

struct Run<'a> {
    connection: &'a Arc<Connection>,
    stream: &'a str,
    asks: Vec<Ask>,
    want: Want,
    batch: bool,
    answers: Vec<Option<std::result::Result<Option<Found>, Failure>>>,
    /// The number of requests that have been sent at least once.
    sent: usize,
    /// The number of these without an answer.
    open: usize,
}

impl Run<'_> {
    async fn read(&mut self, transport: &mut ReadTransport) -> Result<()> {
        let half_timeout = self.connection.timeout / 2;
        let (mut deadline, mut asked_again, mut losses) = (Instant::now() + half_timeout, false, 0);
        let format = ReplyFormat { access: Access::Direct, batch: self.batch, want: self.want };
        let mut replies: Vec<Replied> = Vec::new();
        while self.sent < self.asks.len() || self.open > 0 {
            let more = (self.asks.len() - self.sent).min(IN_FLIGHT.saturating_sub(self.open));
            let new: Vec<usize> = (self.sent..self.sent + more).collect();
            self.sent += more;
            self.open += more;
            if !new.is_empty() {
                self.send(transport, &new).await?;
            }
            let event = tokio::select! {
                biased;
                event = transport.receive(format, &mut replies) => event?,
                () = tokio::time::sleep_until(deadline) => {
                    if std::mem::replace(&mut asked_again, true) {
                        if !transport.is_up() {
                            pool::discard(&Arc::downgrade(self.connection));
                            return Err(Error::of(Kind::Unreachable, "the connection was lost while reading and did not come back in time")
                                .advice("check the server, and run the statement again"));
                        }
                        self.time_out_unanswered();
                        return Ok(());
                    }
                    let place = self.connection.place(self.stream);
                    let seconds = half_timeout.as_secs_f64();
                    log::warning(format!("{place}: no answer within {seconds:.1} s; what is missing is asked for again"));
                    self.send(transport, &self.unanswered()).await?;
                    deadline += half_timeout;
                    continue;
                }
            };
            let before = self.open;
            for Replied { token, access, answer } in replies.drain(..) {
                self.take(token, access, answer);
            }
            match event {
                TransportEvent::Replies => {}
                TransportEvent::Reconnected(_) => {
                    losses = if self.open < before { 0 } else { losses + 1 };
                    if losses >= MAX_LOSSES && !self.use_msg_get() {
                        return Err(Error::of(
                            Kind::Unreachable,
                            "the connection is lost whenever these messages are read",
                        )
                        .advice("check the server's log"));
                    }
                    self.send(transport, &self.unanswered()).await?;
                }
                TransportEvent::Refused(words) => {
                    let again: Vec<usize> = words.iter().flat_map(|words| self.refuse(words)).collect();
                    self.send(transport, &again).await?;
                }
            }
            if self.open < before {
                losses = 0;
            }
            (deadline, asked_again) = (Instant::now() + half_timeout, false);
        }
        Ok(())
    }

    async fn send(&self, transport: &mut ReadTransport, positions: &[usize]) -> Result<()> {
        let outgoing = positions.iter().map(|position| {
            let ask = &self.asks[*position];
            match ask.access {
                Access::MsgGet => stats::MSG_GET_REQUESTS.add(1),
                Access::Direct | Access::Consumer => stats::SINGLE_REQUESTS.add(1),
            }
            WireRequest {
                token: *position as u64,
                leader: ask.access == Access::MsgGet,
                subject: self.subject(ask),
                body: if ask.in_subject { String::new() } else { ask.body.clone() },
            }
        });
        transport.send(outgoing.collect()).await
    }

    fn subject(&self, ask: &Ask) -> String {
        self.connection.api_subject(&ask.call(self.stream))
    }

    fn unanswered(&self) -> Vec<usize> {
        (0..self.sent).filter(|position| self.answers[*position].is_none()).collect()
    }

    fn take(&mut self, token: u64, access: Access, answer: std::result::Result<Answer, Failure>) {
        let Ok(position) = usize::try_from(token) else { return };
        // The answer came twice, or its request is asked in another way meanwhile.
        if self.asks.get(position).is_none_or(|ask| ask.access != access) {
            return;
        }
        let asked = match answer {
            Ok(Answer::Reply(Reply::Message { record, pending, .. })) => Ok(Some((record, pending))),
            Ok(Answer::Reply(Reply::Nothing | Reply::End { .. })) => Ok(None),
            Ok(Answer::NoResponders) => Err(Failure::NoResponders),
            Ok(Answer::Refused { status, words }) => {
                let cause = format!("the server refused to read: status {status} {words}");
                Err(Failure::Other(Error::of(Kind::Refused, cause)))
            }
            Err(failure) => Err(failure),
        };
        self.set_answer(position, asked);
    }

    fn set_answer(&mut self, position: usize, asked: std::result::Result<Option<Found>, Failure>) {
        if self.answers[position].is_none() {
            self.answers[position] = Some(asked);
            self.open -= 1;
        }
    }

    fn time_out_unanswered(&mut self) {
        for position in self.unanswered() {
            self.set_answer(position, Err(Failure::TimedOut));
        }
    }

    /// The server refuses something: some requests fail by it, or have to be made in another way. Returns the latter.
    fn refuse(&mut self, words: &str) -> Vec<usize> {
        let mut again = Vec::new();
        for position in self.unanswered() {
            let ask = &self.asks[position];
            let Some(failure) = refusal(words, &self.subject(ask)) else { continue };
            match ask.otherwise().filter(|_| failure == Failure::Forbidden && !self.batch) {
                Some(otherwise) => {
                    self.asks[position] = otherwise;
                    again.push(position);
                }
                None => self.set_answer(position, Err(failure)),
            }
        }
        again
    }

    /// Requests without an answer go to the leader. Its answers have the message in their body, which helps because async-nats closes the connection
    /// on headers that are not UTF-8. False when the leader is asked already.
    fn use_msg_get(&mut self) -> bool {
        let mut changed = false;
        for position in self.unanswered() {
            let ask = &mut self.asks[position];
            changed |= ask.access != Access::MsgGet;
            (ask.access, ask.in_subject) = (Access::MsgGet, false);
        }
        changed
    }
}
