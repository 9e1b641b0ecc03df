//! The driver of a range read: sends the window's requests, gives it every reply, and passes on the records that are ready.
//!
//! It never stops receiving: when the reader is slow, the driver sends no more requests, but the replies to earlier ones still come in, so a full
//! socket never makes the server wait. The window bounds the messages that can come in.

mod recovery;
mod share;

use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::share::Share;
use super::backlog::Backlog;
use super::request::FetchRequest;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::inspect::{Gaps, check_identity, inspect};
use crate::jetstream::read_transport::{Lost, ReadTransport, Replied, ReplyFormat, TransportEvent, WireRequest};
use crate::jetstream::reply::Answer;
use crate::jetstream::wire::RETRY_PAUSE;
use crate::log;
use crate::plan::{Reply, Request, Window, subject_matches};
use crate::record::Record;
use crate::stats;

pub(super) type Pages = mpsc::Sender<Result<Vec<Record>>>;

/// The reasons why a read cannot ask for batches.
fn why_single(connection: &Connection, access: Access) -> Option<&'static str> {
    match access {
        Access::MsgGet => Some("the stream has no allow_direct"),
        Access::Consumer => None,
        Access::Direct => (!connection.knows_batches()).then_some("the server is older than 2.11"),
    }
}

/// One read: its knowledge of the server, and its records.
pub(super) struct Driver<'a> {
    connection: &'a Arc<Connection>,
    request: &'a FetchRequest,
    access: Access,
    window: Window,
    transport: ReadTransport,
    /// The records that are next in order and wait for the reader.
    ready: Backlog,
    /// Whether the reader has been given a page.
    served: bool,
    /// The number of connections that share the requests, where it is searched for.
    share: Share,
    /// The time since which Direct Get has no responder.
    unanswered_since: Option<Instant>,
    /// Whether the user may not use Direct Get.
    direct_is_denied: bool,
}

impl<'a> Driver<'a> {
    /// Opens the transport to the server; sends no request yet.
    pub async fn open(connection: &'a Arc<Connection>, request: &'a FetchRequest) -> Result<Self> {
        let access = request.access()?;
        let single = access == Access::MsgGet || !connection.knows_batches();
        let mut window = Window::new(request.range, request.limit, request.state.density(), single);
        if let Some(absent) = request.known_absent() {
            window = window.explaining_gaps(absent);
        }
        if let Some(why) = why_single(connection, access) {
            let place = connection.place(&request.stream);
            log::info(format!("{place}: each message costs a request, because {why}"));
        }
        let transport = match access {
            Access::Consumer => {
                window = window.delivered();
                ReadTransport::consumer(connection, &request.stream, request.subject()).await?
            }
            Access::MsgGet => {
                stats::READS_WITHOUT_DIRECT.add(1);
                window.restart_with_leader();
                ReadTransport::client(connection).await?
            }
            Access::Direct => {
                let count = request.route.connections.unwrap_or(1);
                window.spread(count);
                ReadTransport::open(connection, count).await?
            }
        };
        Ok(Self {
            connection,
            request,
            access,
            window,
            transport,
            ready: Backlog::default(),
            served: false,
            share: Share::new(access, request.route),
            unanswered_since: None,
            direct_is_denied: false,
        })
    }

    /// The requests and replies of the read.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// The way in which messages are asked for now.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Reads until the window has everything; false when the reader has gone away. The last records are then ready, but not passed on: they wait for
    /// the proof that nothing is missing.
    ///
    /// Until `demand` reports that more than one page is wanted, only enough for one page is asked for: `LIMIT 10` costs the server one small batch.
    pub async fn read(&mut self, pages: &Pages, mut demand: watch::Receiver<bool>) -> Result<bool> {
        let mut replies: Vec<Replied> = Vec::new();
        let half_timeout = self.connection.timeout / 2;
        let (mut deadline, mut asked_again) = (Instant::now() + half_timeout, false);
        loop {
            if let Some(gaps) = self.window.unexplained_gaps() {
                let request = self.request;
                let looked =
                    inspect(self.connection, &request.stream, &request.state, Gaps::Runs(&gaps), request.want).await?;
                self.window.explain_gaps(looked.absent, looked.found);
                self.window.take_ready(&mut self.ready);
                (deadline, asked_again) = (Instant::now() + half_timeout, false);
                continue;
            }
            if self.window.is_finished() {
                return Ok(true);
            }
            let more = *demand.borrow();
            let wants = if more { self.ready.has_room() } else { self.ready.is_empty() && !self.served };
            if wants {
                self.transport.permit();
            }
            if more && let Some(count) = self.share.look(&self.window, !wants) {
                self.window.spread(count);
                self.transport.share(count);
            }
            if wants && self.send_requests().await? {
                deadline = deadline.max(Instant::now() + half_timeout);
            }
            let format = self.reply_format();
            // Replies that have arrived are taken before any record is passed on, so that pages are full.
            let at_hand = if self.ready.fills_page() {
                None
            } else {
                tokio::task::unconstrained(self.transport.receive(format, &mut replies)).now_or_never()
            };
            let event = match at_hand {
                Some(event) => event?,
                None => tokio::select! {
                    biased;
                    permit = pages.reserve(), if !self.ready.is_empty() => match permit {
                        Ok(permit) => {
                            permit.send(Ok(self.page()));
                            continue;
                        }
                        // The reader has gone away.
                        Err(_) => return Ok(false),
                    },
                    event = self.transport.receive(format, &mut replies) => event?,
                    Ok(()) = demand.changed(), if !more => continue,
                    () = tokio::time::sleep_until(deadline), if self.window.is_waiting() => {
                        if std::mem::replace(&mut asked_again, true) {
                            return Err(self.silence().await);
                        }
                        let seconds = half_timeout.as_secs_f64();
                        self.warn(&format!("no answer within {seconds:.1} s; what is missing is asked for again"));
                        // The replicas that had the requests may be gone: others are asked, within the same timeout.
                        self.ask_again(&Lost::All).await?;
                        deadline += half_timeout;
                        continue;
                    }
                },
            };
            self.take_replies(&mut replies).await?;
            match event {
                TransportEvent::Replies => {}
                TransportEvent::Reconnected(lost) => {
                    // The server may have lost the stream with the connection, or come back with another.
                    check_identity(self.connection, &self.request.stream, &self.request.state).await?;
                    self.ask_again(&lost).await?;
                }
                TransportEvent::Refused(words) => {
                    if !self.take_refusals(&words).await? {
                        continue;
                    }
                }
            }
            (deadline, asked_again) = (Instant::now() + half_timeout, false);
        }
    }

    async fn take_replies(&mut self, replies: &mut Vec<Replied>) -> Result<()> {
        let mut unanswered = false;
        for Replied { token, access, answer } in replies.drain(..) {
            match answer {
                Ok(Answer::Reply(reply)) => {
                    self.unanswered_since = None;
                    self.take(token, reply)?;
                }
                _ if !self.window.awaits(token) => {}
                Ok(Answer::NoResponders) if self.may_come_back(access) => {
                    self.nobody_answers(token)?;
                    unanswered = true;
                }
                Ok(Answer::NoResponders) => {
                    self.fall_back(access).await?;
                    break;
                }
                Ok(Answer::Refused { status, words }) => {
                    return Err(Error::of(
                        Kind::Refused,
                        format!("the server refused to read: status {status} {words}"),
                    ));
                }
                Err(failure) => return Err(self.failure(access, failure).await),
            }
        }
        self.window.take_ready(&mut self.ready);
        if unanswered {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        Ok(())
    }

    fn reply_format(&self) -> ReplyFormat {
        ReplyFormat { access: self.access, batch: !self.window.is_single(), want: self.request.want }
    }

    /// The next page of what is ready.
    fn page(&mut self) -> Vec<Record> {
        let page = self.ready.page();
        self.served = true;
        stats::MESSAGES_READ.add(page.len() as u64);
        stats::BYTES_READ.add(self.window.take_bytes());
        page
    }

    /// Passes on what is ready, unless the reader goes away.
    pub async fn pass_on_rest(&mut self, pages: &Pages) {
        while !self.ready.is_empty() {
            let page = self.page();
            if pages.send(Ok(page)).await.is_err() {
                break;
            }
        }
    }

    /// Waits for the answers that are still owed, so that the socket can serve another read: a user who reads ten rows mostly reads more soon. Any
    /// unusual event ends the wait and closes the socket.
    ///
    /// A consumer is removed, and no answer is owed after that.
    pub async fn hang_up(mut self) {
        if self.access == Access::Consumer {
            return self.transport.remove().await;
        }
        let mut replies: Vec<Replied> = Vec::new();
        while self.transport.is_own() && self.window.is_waiting() {
            let Ok(TransportEvent::Replies) = self.transport.receive(self.reply_format(), &mut replies).await else {
                return;
            };
            for Replied { token, answer, .. } in replies.drain(..) {
                let Ok(Answer::Reply(reply)) = answer else { return };
                if self.window.accept(token, reply).is_err() {
                    return;
                }
            }
        }
        self.transport.finish();
    }

    fn take(&mut self, token: u64, reply: Reply) -> Result<()> {
        if let Reply::Message { record, .. } = &reply
            && let Some(filter) = self.request.subject()
            && !subject_matches(&record.subject, filter)
        {
            return Err(Error::of(Kind::Protocol, "the server answered with a message of another subject")
                .sequence(record.sequence));
        }
        self.window.accept(token, reply)
    }

    /// Sends the window's requests. Returns whether there were any.
    async fn send_requests(&mut self) -> Result<bool> {
        let requests = self.window.requests();
        if requests.is_empty() {
            return Ok(false);
        }
        let mut outgoing = Vec::with_capacity(requests.len());
        for request in requests {
            match if request.leader { Access::MsgGet } else { self.access } {
                Access::MsgGet => stats::MSG_GET_REQUESTS.add(1),
                Access::Consumer => {
                    stats::CONSUMERS.add(1);
                    self.transport.deliver(request.token, request.from, self.request.want).await;
                    continue;
                }
                Access::Direct if self.window.is_single() => stats::SINGLE_REQUESTS.add(1),
                Access::Direct => stats::BATCH_REQUESTS.add(1),
            }
            let subject = if request.leader { self.leader_subject() } else { self.subject() };
            let (token, leader, body) = (request.token, request.leader, self.body(request));
            outgoing.push(WireRequest { token, leader, subject, body });
        }
        self.transport.send(outgoing).await?;
        Ok(true)
    }

    fn body(&self, request: Request) -> String {
        let from = request.from;
        // A subject filter is plain JSON text except for quotes and backslashes, which serde escapes.
        let subject = serde_json::Value::from(self.request.subject().unwrap_or(">"));
        if self.window.is_single() || self.access == Access::MsgGet || request.leader {
            format!(r#"{{"seq":{from},"next_by_subj":{subject}}}"#)
        } else {
            let batch = request.batch;
            // One message is always sent (ADR-31).
            let most = self.window.batch_bytes();
            format!(r#"{{"seq":{from},"next_by_subj":{subject},"batch":{batch},"max_bytes":{most}}}"#)
        }
    }

    fn subject(&self) -> String {
        self.connection.api_subject(&self.access.call(&self.request.stream))
    }

    /// The subject on which the stream's leader answers, and no other replica.
    fn leader_subject(&self) -> String {
        self.connection.api_subject(&Access::MsgGet.call(&self.request.stream))
    }

    /// Writes an event of this read to the log.
    pub fn warn(&self, text: &str) {
        log::warning(format!("{}: {text}", self.connection.place(&self.request.stream)));
    }

    async fn failure(&self, access: Access, failure: Failure) -> Error {
        self.connection.explain(failure, &access.call(&self.request.stream), &self.request.stream).await
    }
}
