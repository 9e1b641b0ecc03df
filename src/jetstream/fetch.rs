//! The driver of a range read: sends what the window asks for, hands it every reply, and passes on what is ready.
//!
//! It runs as a task of its own and hands pages to the reader through a short channel, so that the wire works while
//! DuckDB does. When the reader is slow the channel fills, the task stops asking, and what was asked for already fits
//! into the window. When the reader goes away the task ends.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::api::{Failure, refusal};
use super::connection::Connection;
use super::get::{Access, count};
use super::reply::{self, Answer};
use super::runtime;
use crate::error::{Error, Result};
use crate::plan::{Reply, Request, SequenceRange, Window};
use crate::record::Record;
use crate::stats;

/// The number of records in a page: DuckDB's vector size, so that a page fills a chunk.
const PAGE: usize = 2_048;
/// Pages that may wait for the reader.
const PAGES: usize = 4;
/// The most bytes that the server may send for one request (ADR-31, `max_bytes`); one message is always sent.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What to read.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The stream's name.
    pub stream: String,
    /// The sequences to read.
    pub range: SequenceRange,
    /// A subject filter, applied by the server.
    pub subject: Option<String>,
    /// How many messages are wanted at most.
    pub limit: Option<u64>,
    /// The share of the range's sequences that is expected to match, from 0 to 1.
    pub density: f64,
    /// Whether the stream answers Direct Get; None when that is not known.
    pub direct: Option<bool>,
    /// Whether headers are wanted.
    pub headers: bool,
}

/// A running read. Dropping it ends it.
pub struct Fetch {
    pages: mpsc::Receiver<Result<Vec<Record>>>,
    task: AbortHandle,
}

impl Fetch {
    /// Starts reading.
    pub fn start(connection: Arc<Connection>, request: FetchRequest) -> Result<Self> {
        let (sender, pages) = mpsc::channel(PAGES);
        let task = runtime::handle()?.spawn(async move {
            let outcome = Driver::run(&connection, &request, &sender).await;
            if let Err(error) = outcome {
                let _ = sender.send(Err(error.stream(&request.stream).server(connection.label()))).await;
            }
        });
        Ok(Self { pages, task: task.abort_handle() })
    }

    /// The next records in sequence order; None at the end. Blocks until there are some, at most for the connection's
    /// timeout. After an error there is nothing more.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        self.pages.blocking_recv().transpose()
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Pages = mpsc::Sender<Result<Vec<Record>>>;

struct Driver<'a> {
    connection: &'a Arc<Connection>,
    request: &'a FetchRequest,
    access: Access,
    window: Window,
    inbox: String,
    replies: Subscriber,
}

/// What the driver hears while it waits.
enum Heard {
    Reply(Message),
    Reconnected,
    Forbidden(String),
    Silence,
    Closed,
}

impl<'a> Driver<'a> {
    async fn run(connection: &'a Arc<Connection>, request: &'a FetchRequest, pages: &Pages) -> Result<()> {
        let inbox = connection.client.new_inbox();
        let replies = connection
            .client
            .subscribe(format!("{inbox}.*"))
            .await
            .map_err(|error| Error::foreign("cannot subscribe for replies", &error))?;
        let access = if request.direct == Some(false) { Access::MsgGet } else { Access::Direct };
        let single = access == Access::MsgGet || !connection.knows_batches();
        let window = Window::new(request.range, request.limit, request.density, single);
        let mut driver = Driver { connection, request, access, window, inbox, replies };
        let outcome = driver.read(pages).await;
        stats::RETRIES.add(driver.window.retries());
        outcome
    }

    async fn read(&mut self, pages: &Pages) -> Result<()> {
        let mut forbidden = self.connection.forbidden();
        let mut epochs = self.connection.epochs();
        epochs.mark_unchanged();
        let mut page: Vec<Record> = Vec::with_capacity(PAGE);
        let mut deadline = Instant::now() + self.connection.timeout;
        while !self.window.is_finished() {
            self.send_requests().await?;
            let heard = tokio::select! {
                biased;
                reply = self.replies.next() => reply.map_or(Heard::Closed, Heard::Reply),
                changed = epochs.changed() => if changed.is_ok() { Heard::Reconnected } else { Heard::Closed },
                word = forbidden.recv() => word.map_or(Heard::Forbidden(String::new()), Heard::Forbidden),
                () = tokio::time::sleep_until(deadline) => Heard::Silence,
            };
            match heard {
                Heard::Reply(message) => self.take_replies(message, &mut page).await?,
                Heard::Reconnected => self.ask_again()?,
                Heard::Forbidden(word) => match refusal(&word, &self.subject()) {
                    Some(failure) => return Err(self.failure(failure).await),
                    None => continue,
                },
                Heard::Silence => return Err(self.silence().await),
                Heard::Closed => return Err(Error::new("the connection was closed while reading")),
            }
            // A full page leaves at once; a smaller one when nothing more is at hand.
            if !page.is_empty() {
                count(page.iter());
                let full = std::mem::replace(&mut page, Vec::with_capacity(PAGE));
                if pages.send(Ok(full)).await.is_err() {
                    return Ok(());
                }
            }
            deadline = Instant::now() + self.connection.timeout;
        }
        Ok(())
    }

    /// Takes a reply and those that have arrived behind it, until a page is full.
    async fn take_replies(&mut self, first: Message, page: &mut Vec<Record>) -> Result<()> {
        let mut message = Some(first);
        while let Some(reply) = message {
            self.take_reply(reply).await?;
            self.window.take_ready(page);
            if page.len() >= PAGE || self.window.is_finished() {
                return Ok(());
            }
            // Unconstrained: the task gives way by its channel, not in the middle of a page.
            message = tokio::task::unconstrained(self.replies.next()).now_or_never().flatten();
        }
        Ok(())
    }

    async fn take_reply(&mut self, message: Message) -> Result<()> {
        let Some(token) = message.subject.rsplit('.').next().and_then(|token| token.parse().ok()) else {
            return Err(Error::new("a reply on a subject that nobody asked for"));
        };
        if !self.window.awaits(token) {
            return Ok(());
        }
        if message.status.is_some_and(|status| status.as_u16() == 503) && self.access == Access::MsgGet {
            return Err(self.failure(Failure::NoResponders).await);
        }
        let reply = match self.access {
            Access::Direct => match reply::direct(message, !self.window.is_single(), self.request.headers)? {
                Answer::Reply(reply) => reply,
                Answer::NoResponders => return self.fall_back().await,
            },
            Access::MsgGet => match reply::msg_get(&message.payload, self.request.headers) {
                Ok(reply) => reply,
                Err(failure) => return Err(self.failure(failure).await),
            },
        };
        if let Reply::Message { record, .. } = &reply
            && let Some(filter) = &self.request.subject
            && !crate::plan::subject_matches(&record.subject, filter)
        {
            return Err(Error::new("the server answered with a message of another subject").sequence(record.sequence));
        }
        self.window.accept(token, reply)
    }

    /// The connection came back: what was under way is lost. When it breaks at one message again and again, the message
    /// itself may be the cause: async-nats hangs up on headers that are not UTF-8. `MSG.GET` carries them in its body.
    fn ask_again(&mut self) -> Result<()> {
        if self.window.forget_requests() {
            return Ok(());
        }
        if self.access == Access::MsgGet {
            return Err(Error::new("the connection is lost whenever this message is read")
                .sequence(self.window.next_sequence())
                .advice("read around it with start_seq and end_seq"));
        }
        self.access = Access::MsgGet;
        self.window.restart_single();
        Ok(())
    }

    /// Nobody answers Direct Get: the stream does not allow it, or does not exist, which `MSG.GET` will say.
    async fn fall_back(&mut self) -> Result<()> {
        if self.request.direct == Some(true) {
            return Err(Error::new("the stream's servers do not answer Direct Get")
                .advice("check that the stream has a leader and that its servers are up"));
        }
        self.access = Access::MsgGet;
        self.window.restart_single();
        Ok(())
    }

    async fn send_requests(&mut self) -> Result<()> {
        for request in self.window.requests() {
            match self.access {
                Access::MsgGet => stats::MSG_GET_REQUESTS.add(1),
                Access::Direct if self.window.is_single() => stats::SINGLE_REQUESTS.add(1),
                Access::Direct => stats::BATCH_REQUESTS.add(1),
            }
            let payload = Bytes::from(self.body(request));
            let reply_to = format!("{}.{}", self.inbox, request.token);
            self.connection
                .client
                .publish_with_reply(self.subject(), reply_to, payload)
                .await
                .map_err(|error| Error::foreign("cannot send a request", &error))?;
        }
        Ok(())
    }

    fn body(&self, request: Request) -> String {
        let from = request.from;
        // A subject filter is always plain JSON text but for quotes and backslashes, which serde escapes.
        let subject = serde_json::Value::from(self.request.subject.as_deref().unwrap_or(">"));
        if self.window.is_single() || self.access == Access::MsgGet {
            format!(r#"{{"seq":{from},"next_by_subj":{subject}}}"#)
        } else {
            let batch = request.batch;
            format!(r#"{{"seq":{from},"next_by_subj":{subject},"batch":{batch},"max_bytes":{MAX_BYTES}}}"#)
        }
    }

    fn subject(&self) -> String {
        self.connection.api_subject(&self.access.call(&self.request.stream))
    }

    /// No reply within the timeout.
    async fn silence(&self) -> Error {
        if self.connection.is_up() {
            self.failure(Failure::TimedOut).await
        } else {
            super::pool::discard(&Arc::downgrade(self.connection));
            Error::new("the connection was lost while reading and did not come back in time")
                .advice("check the server, and run the statement again")
        }
    }

    async fn failure(&self, failure: Failure) -> Error {
        self.connection.explain(failure, &self.access.call(&self.request.stream), &self.request.stream).await
    }
}
