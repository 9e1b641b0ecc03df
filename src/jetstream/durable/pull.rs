//! Pulling messages from a durable, in pages, until it is drained or enough came.
//!
//! A pull request asks for a number of messages, and ends when they came or by a status (ADR-13). While a statement reads on, the next request is
//! under way before the last one is answered. The server sends messages to all open requests in turn and does not say for which a message is. So
//! requests are counted together: the messages that were asked for, those that came, and those that will not come by a status.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::delivery::Delivery;
use super::info::{Deliveries, PullConditions, RequestLimits, deliveries, info_call};
use super::open_pulls::{Missing, OpenPulls};
use super::pull_transport::{PullEvent, PullStatus, PullTransport, Pulled};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, refusal};
use crate::jetstream::get::count;
use crate::jetstream::runtime::{block_on, block_on_read};

/// The number of messages that the first pull asks for, and each pull of a slow statement.
const BATCH: u64 = 1_000;
/// The most messages that a pull asks for.
const MAX_BATCH: u64 = 8_000;
/// The time on one page from which a statement counts as slow: messages that are asked for ahead would wait too long.
const SLOW: Duration = Duration::from_millis(100);
/// The most bytes of one pull.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// The time for which a pull that does not wait may be silent before the consumer is asked whether it has reached `max_ack_pending`.
const QUIET: Duration = Duration::from_millis(200);
/// The first silence when it is uncertain whether the open pulls bring more.
const BRIEF: Duration = Duration::from_millis(20);
/// How often in turn, with as long a silence before each, the consumer must say that it holds back while it counts deliveries that did
/// not come here. They may be another process's; but the server counts a message as given before it sends it, and answers by another
/// way: under load messages come later than an answer that counts them.
const HELD_BACK: u32 = 5;
/// The status of a pull that is refused because the open ones take all that the consumer has (408, nats-server).
const REQUESTS_PENDING: &str = "Requests Pending";
/// The number of records in a page: DuckDB's vector size.
const PAGE: usize = 2_048;
/// The bytes after which a page is passed on before it is full.
const PAGE_BYTES: usize = 16 * 1024 * 1024;

/// The limits of a call.
#[derive(Debug, Clone, Copy)]
pub struct PullLimits {
    /// The most messages; None until the consumer is drained.
    pub messages: Option<u64>,
    /// The longest wait for the first message when there is none.
    pub wait: Duration,
    /// The time after the first message for which more are asked for. The server delivers a message again that is not acknowledged within `ack_wait`,
    /// so a call that reads that long would get the same messages over and over.
    pub span: Duration,
    /// What the consumer's pulls depend on.
    pub consumer: PullConditions,
}

/// A running read of a durable.
pub struct Pull {
    connection: Arc<Connection>,
    stream: String,
    durable: String,
    transport: PullTransport,
    requests: RequestLimits,
    /// Whether the server's status has the number of messages of a pull that it leaves out (2.10 and later).
    says_left: bool,
    /// The number of messages that may still be asked for.
    left: u64,
    wait: Duration,
    span: Duration,
    /// The time at which no more are asked for; known with the first message.
    until: Option<Instant>,
    /// The number of the next pull.
    next: u64,
    open: OpenPulls,
    /// The number of messages that the next pull asks for.
    batch: u64,
    /// The time at which the last page was passed on.
    handed_on: Option<Instant>,
    /// Whether the server's word is that the consumer has nothing more.
    drained: bool,
    /// Whether this side asks for no more: the statement wants none, or its time is over.
    stopped: bool,
    /// Whether a message has come since the last pull was sent.
    came: bool,
    /// The last delivery that came, or was made before, by the consumer's own count.
    delivered: u64,
    /// Whether a message waits that is larger than the bytes of a pull.
    oversized: bool,
    /// Whether a pull that is not awaited any more may be open on the server.
    may_be_open: bool,
    /// Whether it was asked again after the consumer had nothing more.
    resumed: bool,
    /// The page that is being read. After an error it holds messages that were delivered and not passed on.
    page: Vec<Delivery>,
    /// About how many bytes of memory it takes.
    page_bytes: usize,
}

/// The reasons why a status ends a pull.
enum End {
    /// The consumer has no more messages now.
    Drained,
    /// The server closed the pull early; ask again.
    Again,
    /// The next message is larger than the bytes that the pull has left; ask again.
    TooLarge,
}

impl Pull {
    /// Starts a read; the consumer exists.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when the connection takes no subscription.
    pub fn start(connection: Arc<Connection>, stream: &str, durable: &str, limits: PullLimits) -> Result<Self> {
        let transport = block_on(PullTransport::open(&connection))?;
        let says_left = connection.client.is_server_compatible(2, 10, 0);
        Ok(Self {
            connection,
            stream: stream.to_owned(),
            durable: durable.to_owned(),
            transport,
            requests: limits.consumer.limits,
            says_left,
            left: limits.messages.unwrap_or(u64::MAX),
            wait: limits.wait,
            span: limits.span,
            until: None,
            next: 0,
            open: OpenPulls::new(limits.consumer.is_replicated),
            batch: BATCH,
            handed_on: None,
            drained: false,
            stopped: false,
            came: false,
            delivered: limits.consumer.delivered,
            oversized: false,
            may_be_open: false,
            resumed: false,
            page: Vec::new(),
            page_bytes: 0,
        })
    }

    /// The next deliveries, in the order in which the server gave them; None when the consumer is drained.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when the consumer was stopped or deleted meanwhile, or does not answer; [`Kind::Unreachable`] when
    /// the connection was lost; [`Kind::Refused`] when the server refuses a pull.
    pub fn next_page(&mut self) -> Result<Option<Vec<Delivery>>> {
        if let Some(handed_on) = self.handed_on.take() {
            self.batch = if handed_on.elapsed() > SLOW { BATCH } else { (self.batch * 2).min(MAX_BATCH) };
        }
        block_on_read(async {
            while self.has_room() {
                if self.may_ask() {
                    self.ask(Duration::ZERO).await?;
                } else if self.open.expected() > 0 {
                    self.receive(Duration::ZERO).await?;
                } else if self.page.is_empty() && self.until.is_none() && self.may_wait() {
                    // The wait is for the first message only.
                    let wait = std::mem::take(&mut self.wait);
                    self.drained = false;
                    self.ask(wait).await?;
                    while self.open.expected() > 0 {
                        self.receive(wait).await?;
                    }
                } else {
                    break;
                }
            }
            let page = std::mem::take(&mut self.page);
            self.page_bytes = 0;
            count(page.iter().map(|delivery: &Delivery| &delivery.record));
            self.handed_on = Some(Instant::now());
            Ok((!page.is_empty()).then_some(page))
        })
        .map_err(|error: Error| error.stream(&self.stream).server(self.connection.label()))
    }

    /// Whether to wait for a first message.
    fn may_wait(&self) -> bool {
        !self.stopped && self.left > 0 && !self.wait.is_zero()
    }

    /// Whether the page that is being read takes more messages.
    fn has_room(&self) -> bool {
        self.page.len() < PAGE && self.page_bytes < PAGE_BYTES
    }

    /// Stops asking for messages.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Asks again, although the consumer had nothing more.
    pub fn resume(&mut self) {
        self.drained = false;
        self.resumed = true;
    }

    /// Whether no message came, and the server's "No Messages" was not doubted yet.
    #[must_use]
    pub(super) fn is_empty_handed(&self) -> bool {
        self.until.is_none() && !self.resumed && !self.may_be_open
    }

    /// Whether the read is over because the server's word is that the consumer has nothing more.
    #[must_use]
    pub(super) fn is_drained(&self) -> bool {
        self.drained && !self.stopped
    }

    /// The messages that were delivered and will not be passed on, after an error or because the statement ended. Waits until the
    /// open pulls are over.
    pub fn undelivered(&mut self) -> &[Delivery] {
        let _ = block_on(async {
            while self.open.expected() > 0 && self.transport.is_up() {
                match tokio::time::timeout(QUIET, self.transport.next()).await {
                    Ok(Ok(PullEvent::Pulled(pulled))) => self.take(pulled).await?,
                    Ok(Ok(PullEvent::Refused(_))) => {}
                    _ => break,
                }
            }
            if self.may_be_open || self.open.expected() > 0 {
                // An open pull would take a message that is delivered when this process acknowledges, which may go another way.
                let _ = tokio::time::timeout(self.connection.timeout, self.transport.end()).await;
            }
            Ok(())
        });
        for pulled in self.transport.remaining() {
            if let Pulled::Deliveries(late) = pulled {
                self.page.extend(late);
            }
        }
        &self.page
    }

    /// Whether to send another pull: enough is left to ask for, and few of the requested messages are still to come.
    fn may_ask(&mut self) -> bool {
        if self.until.is_some_and(|until| until <= Instant::now()) {
            // The caller may have spent a long time on the last page.
            self.stopped = true;
        }
        let ahead = self.says_left && !self.oversized && self.batch > BATCH;
        let few = if ahead { self.batch / 2 } else { 0 };
        !self.drained && !self.stopped && self.left > 0 && self.open.expected() <= few
    }

    /// Sends a pull request. With a wait of zero the server answers at once with the messages that it has; otherwise it waits for one message.
    async fn ask(&mut self, wait: Duration) -> Result<()> {
        let most = |limit: Option<u64>, asked: u64| limit.map_or(asked, |limit| asked.min(limit));
        let batch = if self.oversized || !wait.is_zero() { 1 } else { most(self.requests.messages, self.batch) };
        // Messages that a statement does not take go back to the server, so the first page asks for no more than it holds.
        let room = if self.batch > BATCH { u64::MAX } else { PAGE.saturating_sub(self.page.len()) as u64 };
        let asked = self.left.min(batch).min(room);
        let bytes = most(self.requests.bytes, MAX_BYTES);
        let body = if !wait.is_zero() {
            let wait = self.requests.wait.map_or(wait, |limit| wait.min(limit));
            format!(r#"{{"batch":1,"expires":{}}}"#, wait.as_nanos())
        } else if self.oversized {
            r#"{"batch":1,"no_wait":true}"#.to_owned()
        } else {
            format!(r#"{{"batch":{asked},"no_wait":true,"max_bytes":{bytes}}}"#)
        };
        let number = self.next;
        self.next += 1;
        self.transport.ask(self.connection.api_subject(&self.call()), number, body).await?;
        self.open.add(number, asked);
        self.left -= asked;
        self.came = false;
        Ok(())
    }

    /// The next messages, or the next status, of the open pulls.
    async fn receive(&mut self, wait: Duration) -> Result<()> {
        let (mut held_back, last_word) = (0, Instant::now());
        loop {
            let quiet = if self.open.is_uncertain() && held_back == 0 { BRIEF } else { QUIET };
            tokio::select! {
                biased;
                event = self.transport.next() => return self.happen(event?).await,
                () = std::future::ready(()), if held_back >= HELD_BACK => {
                    self.left = self.left.saturating_add(self.open.close());
                    self.may_be_open = true;
                    self.drained = true;
                    return Ok(());
                }
                () = tokio::time::sleep(quiet), if wait.is_zero() => {
                    if last_word.elapsed() >= self.connection.timeout {
                        return Err(self.connection.failure(Failure::TimedOut, &self.call()));
                    }
                    held_back = match deliveries(&self.connection, &self.stream, &self.durable).await {
                        Some(deliveries) if !deliveries.is_full && !self.open.is_uncertain() => 0,
                        Some(Deliveries { made, is_full, is_idle }) if made <= self.delivered && (is_full || is_idle) => HELD_BACK,
                        Some(_) => held_back + 1,
                        None => 0,
                    };
                }
                () = tokio::time::sleep(self.connection.timeout + wait), if !wait.is_zero() => {
                    return Err(self.connection.failure(Failure::TimedOut, &self.call()));
                }
            }
        }
    }

    async fn happen(&mut self, event: PullEvent) -> Result<()> {
        match event {
            PullEvent::Pulled(pulled) => self.take(pulled).await,
            PullEvent::Reconnected { lost } if self.open.expected_below(lost) > 0 => {
                Err(Error::of(Kind::Unreachable, "the connection was lost while messages were on their way")
                    .advice("run it again; what was on its way is delivered again after ack_wait"))
            }
            // What was asked for before had come, and what was asked for afterwards comes over the new connection.
            PullEvent::Reconnected { .. } => Ok(()),
            PullEvent::Refused(words) => {
                let subject = self.connection.api_subject(&self.call());
                match words.iter().find_map(|words| refusal(words, &subject)) {
                    Some(failure) => Err(self.connection.failure(failure, &self.call())),
                    None => Ok(()),
                }
            }
        }
    }

    async fn take(&mut self, pulled: Pulled) -> Result<()> {
        let PullStatus { pull, code, description, pending } = match pulled {
            Pulled::Status(status) => status,
            Pulled::Deliveries(deliveries) => {
                self.take_deliveries(deliveries);
                return Ok(());
            }
        };
        let missing = match pending {
            Some(told) => Missing::Number(told),
            None if description.eq_ignore_ascii_case(REQUESTS_PENDING) => Missing::All,
            None => Missing::Untold,
        };
        // A status of an earlier pull is of no interest.
        let Some(missing) = pull.and_then(|number| self.open.end(number, missing)) else {
            return Ok(());
        };
        let end = self.status(code, description).await?;
        self.left = self.left.saturating_add(missing);
        match end {
            End::Drained => self.drained = true,
            End::TooLarge => self.oversized = !self.came,
            End::Again => {}
        }
        Ok(())
    }

    fn take_deliveries(&mut self, deliveries: Vec<Delivery>) {
        for delivery in &deliveries {
            self.delivered = self.delivered.max(delivery.place.consumer_sequence);
            self.page_bytes += delivery.size();
            self.open.came();
        }
        self.page.extend(deliveries);
        self.until.get_or_insert_with(|| Instant::now() + self.span);
        self.came = true;
        self.oversized = false;
    }

    fn call(&self) -> String {
        format!("CONSUMER.MSG.NEXT.{}.{}", self.stream, self.durable)
    }

    /// Reads the status by which the server ends a pull before it is filled (ADR-13).
    async fn status(&mut self, status: u16, description: String) -> Result<End> {
        let words = description.to_lowercase();
        match status {
            404 | 408 => Ok(End::Drained),
            409 if words.contains("maxbytes") => Ok(End::TooLarge),
            409 if words.contains("batch completed") => Ok(End::Again),
            409 if words.contains("leadership") => Ok(End::Again),
            409 if words.contains("maxackpending") => Ok(End::Drained),
            409 => Err(Error::of(Kind::Unavailable, format!("the consumer '{}' stopped: {description}", self.durable))
                .advice("check the consumer with FROM nats_consumers(stream)")),
            503 => {
                let info = info_call(&self.stream, &self.durable);
                match self.connection.api::<serde_json::Value>(&info, Bytes::new()).await {
                    Ok(_) => Err(Error::of(Kind::Unavailable, "the consumer does not answer")
                        .advice("check that its servers are up")),
                    Err(failure) => Err(self.connection.explain(failure, &self.call(), &self.stream).await),
                }
            }
            status => {
                Err(Error::of(Kind::Refused, format!("the server refused to deliver: status {status} {description}")))
            }
        }
    }
}
