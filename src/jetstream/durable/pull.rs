//! Pulling messages from a durable, in pages, until it is drained or enough came.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};

use super::config::is_full;
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, refusal};
use crate::jetstream::get::count;
use crate::jetstream::reply::all_headers;
use crate::jetstream::runtime::block_on;
use crate::record::Record;
use crate::stats;

/// The number of messages that one pull asks for.
const BATCH: u64 = 1_000;
/// The most bytes of one pull.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// How long a pull that does not wait may be silent before the consumer is asked whether it holds back.
const QUIET: Duration = Duration::from_millis(200);
/// On a status: how many messages of the pull were not sent (ADR-13).
const PENDING_MESSAGES: &str = "Nats-Pending-Messages";
/// The number of records in a page: DuckDB's vector size.
const PAGE: usize = 2_048;

/// One message as the consumer delivered it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub record: Record,
    /// How often it was delivered, this time included.
    pub delivered: u64,
    /// Where an acknowledgement of this delivery goes.
    pub ack_subject: String,
}

impl Delivery {
    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let headers = self.record.headers.0.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>();
        self.record.payload.len() + self.record.subject.len() + headers + self.ack_subject.len() + size_of::<Self>()
    }
}

/// How much a call takes.
#[derive(Debug, Clone, Copy)]
pub struct PullLimits {
    /// The most messages; None until the consumer is drained.
    pub messages: Option<u64>,
    /// How long to wait for the first message when there is none.
    pub wait: Duration,
    /// How long after the first message to ask for more. The server delivers again what is not acknowledged within
    /// `ack_wait`: a call that reads as long would get the same messages over and over.
    pub span: Duration,
}

/// A running read of a durable.
pub struct Pull {
    connection: Arc<Connection>,
    stream: String,
    durable: String,
    inbox: String,
    replies: Subscriber,
    left: u64,
    wait: Duration,
    span: Duration,
    /// When to ask no more; known with the first message.
    until: Option<Instant>,
    pulls: u64,
    drained: bool,
    /// A message waits that is larger than [`MAX_BYTES`].
    oversized: bool,
    /// The page that is being read: what is in it after an error was delivered and not handed on.
    page: Vec<Delivery>,
}

/// How one pull ended.
enum End {
    /// All that was asked for came.
    Filled,
    /// Nothing more is there now.
    Drained,
    /// The server closed the pull early; ask again.
    Again,
    /// The next message is larger than what the pull has left for it; ask again.
    TooLarge,
}

impl Pull {
    /// Starts a read; the consumer exists.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when the connection takes no subscription.
    pub fn start(connection: Arc<Connection>, stream: &str, durable: &str, limits: PullLimits) -> Result<Self> {
        let inbox = connection.client.new_inbox();
        let subject = format!("{inbox}.*");
        let replies = block_on(async {
            let subscribed = connection.client.subscribe(subject).await;
            subscribed
                .map_err(|error| Error::foreign("cannot subscribe for messages", &error).kind_or(Kind::Unreachable))
        })?;
        Ok(Self {
            connection,
            stream: stream.to_owned(),
            durable: durable.to_owned(),
            inbox,
            replies,
            left: limits.messages.unwrap_or(u64::MAX),
            wait: limits.wait,
            span: limits.span,
            until: None,
            pulls: 0,
            drained: false,
            oversized: false,
            page: Vec::new(),
        })
    }

    /// The next deliveries, in the order in which the server gave them; None when the consumer is drained.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when the consumer was stopped or deleted meanwhile, or does not answer; [`Kind::Unreachable`] when
    /// the connection was lost; [`Kind::Refused`] when the server refuses a pull.
    pub fn next_page(&mut self) -> Result<Option<Vec<Delivery>>> {
        block_on(async {
            while !self.drained && self.left > 0 && self.has_room() {
                // Before each pull: the caller may have taken its time over the last page.
                if self.until.is_some_and(|until| until <= Instant::now()) {
                    self.drained = true;
                    break;
                }
                let asked = self.left.min(BATCH).min((PAGE - self.page.len()) as u64);
                let before = self.page.len();
                let end = self.pull(asked, Duration::ZERO).await?;
                let nothing = self.page.is_empty() && matches!(end, End::Drained);
                let end = if nothing && !self.wait.is_zero() {
                    let wait = std::mem::take(&mut self.wait);
                    self.pull(1, wait).await?
                } else {
                    end
                };
                // The wait is for the first message only.
                self.wait = if self.page.is_empty() { self.wait } else { Duration::ZERO };
                self.left -= (self.page.len() - before) as u64;
                if !self.page.is_empty() {
                    self.until.get_or_insert_with(|| Instant::now() + self.span);
                }
                self.drained = matches!(end, End::Drained);
            }
            let page = std::mem::take(&mut self.page);
            count(page.iter().map(|delivery: &Delivery| &delivery.record));
            Ok((!page.is_empty()).then_some(page))
        })
        .map_err(|error: Error| error.stream(&self.stream).server(self.connection.label()))
    }

    /// Whether the page that is being read takes more messages.
    fn has_room(&self) -> bool {
        self.page.len() < PAGE && self.page.iter().map(Delivery::size).sum::<usize>() < MAX_BYTES as usize
    }

    /// Asks for no more.
    pub fn stop(&mut self) {
        self.drained = true;
    }

    /// What was delivered and will not be handed on: after an error, or because it came late.
    pub fn undelivered(&mut self) -> &[Delivery] {
        while let Some(Some(message)) = tokio::task::unconstrained(self.replies.next()).now_or_never() {
            if message.status.is_none()
                && let Ok(late) = delivery(message)
            {
                self.page.push(late);
            }
        }
        &self.page
    }

    /// One pull request and all its answers. With a wait of zero the server answers at once with what there is.
    async fn pull(&mut self, asked: u64, wait: Duration) -> Result<End> {
        let mut forbidden = self.connection.forbidden();
        let call = format!("CONSUMER.MSG.NEXT.{}.{}", self.stream, self.durable);
        let subject = self.connection.api_subject(&call);
        let token = self.pulls.to_string();
        self.pulls += 1;
        let asked = if self.oversized { 1 } else { asked };
        let body = if self.oversized && wait.is_zero() {
            r#"{"batch":1,"no_wait":true}"#.to_owned()
        } else if wait.is_zero() {
            format!(r#"{{"batch":{asked},"no_wait":true,"max_bytes":{MAX_BYTES}}}"#)
        } else {
            format!(r#"{{"batch":{asked},"expires":{}}}"#, wait.as_nanos())
        };
        let reply_to = format!("{}.{token}", self.inbox);
        let sent =
            self.connection.client.publish_with_reply(subject.clone(), reply_to.clone(), Bytes::from(body)).await;
        sent.map_err(|error| Error::foreign("cannot send a pull request", &error).kind_or(Kind::Unreachable))?;
        // A replicated consumer sends a message once its replicas know of it, and may say before that the pull is over.
        let (mut received, mut sent, mut said) = (0, asked, None);
        let mut full = false;
        let mut last_word = Instant::now();
        while received < sent {
            let message = match tokio::task::unconstrained(self.replies.next()).now_or_never() {
                Some(message) => message,
                None if full => return Ok(End::Drained),
                None => tokio::select! {
                    message = self.replies.next() => message,
                    word = forbidden.recv() => {
                        if let Some(failure) = word.ok().and_then(|word| refusal(&word, &subject)) {
                            return Err(self.connection.failure(failure, &call));
                        }
                        continue;
                    }
                    () = tokio::time::sleep(QUIET), if wait.is_zero() => {
                        if last_word.elapsed() >= self.connection.timeout {
                            return Err(self.connection.failure(Failure::TimedOut, &call));
                        }
                        // What was sent before this answer is there when it is.
                        full = is_full(&self.connection, &self.stream, &self.durable).await;
                        continue;
                    }
                    () = tokio::time::sleep(self.connection.timeout + wait), if !wait.is_zero() => {
                        return Err(self.connection.failure(Failure::TimedOut, &call));
                    }
                },
            };
            let Some(message) = message else {
                return Err(Error::of(Kind::Unreachable, "the connection was closed while reading"));
            };
            (full, last_word) = (false, Instant::now());
            match message.status.map(|status| status.as_u16()) {
                // Statuses come on the pull's own subject; one of an earlier pull is of no interest.
                Some(_) if message.subject.as_str() != reply_to => {}
                Some(status) => {
                    let left = message.headers.as_ref().and_then(|headers| headers.get(PENDING_MESSAGES));
                    let left = left.and_then(|left| left.as_str().parse::<u64>().ok());
                    let description = message.description.unwrap_or_default();
                    said = Some(self.status(status, description, &call).await?);
                    sent = left.map_or(received, |left| asked.saturating_sub(left));
                }
                None => {
                    self.page.push(delivery(message)?);
                    received += 1;
                }
            }
        }
        let end = said.unwrap_or(End::Filled);
        self.oversized = received == 0 && matches!(end, End::TooLarge);
        Ok(end)
    }

    /// What the server says when it ends a pull before it is filled (ADR-13).
    async fn status(&mut self, status: u16, description: String, call: &str) -> Result<End> {
        let words = description.to_lowercase();
        match status {
            404 | 408 => Ok(End::Drained),
            409 if words.contains("maxbytes") => Ok(End::TooLarge),
            409 if words.contains("batch completed") => Ok(End::Filled),
            409 if words.contains("leadership") => Ok(End::Again),
            409 if words.contains("maxackpending") => Ok(End::Drained),
            409 => Err(Error::of(Kind::Unavailable, format!("the consumer '{}' stopped: {description}", self.durable))
                .advice("check the consumer with FROM nats_consumers(stream)")),
            503 => {
                let info = format!("CONSUMER.INFO.{}.{}", self.stream, self.durable);
                match self.connection.api::<serde_json::Value>(&info, Bytes::new()).await {
                    Ok(_) => Err(Error::of(Kind::Unavailable, "the consumer does not answer")
                        .advice("check that its servers are up")),
                    Err(failure) => Err(self.connection.explain(failure, call, &self.stream).await),
                }
            }
            _ => Err(Error::of(Kind::Refused, format!("the server refused to deliver: status {status} {description}"))),
        }
    }
}

/// A delivered message. Its reply subject holds its place in stream and consumer (ADR-15):
/// `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>`, from newer servers with
/// `<domain>.<account>` behind `$JS.ACK` and a token at the end.
fn delivery(message: Message) -> Result<Delivery> {
    let malformed = || Error::of(Kind::Protocol, "a message without a JetStream reply subject");
    let reply = message.reply.ok_or_else(malformed)?;
    let tokens: Vec<&str> = reply.as_str().split('.').collect();
    let shift = match tokens.len() {
        9 => 0,
        11.. => 2,
        _ => return Err(malformed()),
    };
    let number = |index: usize| tokens.get(index + shift).and_then(|token| token.parse::<u64>().ok());
    let (Some(delivered), Some(sequence), Some(time)) = (number(4), number(5), number(7)) else {
        return Err(malformed());
    };
    if delivered > 1 {
        stats::REDELIVERED.add(1);
    }
    let record = Record {
        subject: Bytes::copy_from_slice(message.subject.as_bytes()),
        sequence,
        time_ns: i64::try_from(time).map_err(|_| malformed())?,
        headers: message.headers.as_ref().map(all_headers).unwrap_or_default(),
        payload: message.payload,
    };
    Ok(Delivery { record, delivered, ack_subject: reply.to_string() })
}
