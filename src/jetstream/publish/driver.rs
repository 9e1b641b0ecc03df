//! Sends messages and gathers their acknowledgements.
//!
//! All messages of a call are in flight together, up to [`IN_FLIGHT`] and [`IN_FLIGHT_BYTES`]. Each has its own reply subject.
//! A message that is certainly not stored (nobody listened, the stream was busy) is sent again after a pause. One that may be stored (no
//! answer, a lost connection) is sent again only when a `Nats-Msg-Id` makes that safe. The call ends when nothing was
//! heard for the connection's timeout.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::ack::{Outcome, Published, read};
use super::message::{Checked, PublishRequest};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, no_permission, refusal};
use crate::jetstream::{pool, runtime};
use crate::stats;

/// Messages without an acknowledgement at a time. A stream queues 10 000 (`max_buffered_msgs`) before it refuses; this
/// leaves room for eight threads.
const IN_FLIGHT: usize = 1_024;
/// Bytes without an acknowledgement at a time; one message is always sent.
const IN_FLIGHT_BYTES: usize = 16 * 1024 * 1024;
/// The pauses before a message that nobody listened for is sent again: a stream without a leader has no listener.
const NO_STREAM_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(250)];
/// The first pause after a stream was busy or not ready; doubles each time.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Publishes messages and waits for every acknowledgement; the answers are in the order of the messages.
///
/// # Errors
/// Names the subject and the row (from 1) of the first message that was not stored, and the number of those that were. Messages
/// are checked before any is sent.
pub fn publish(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<Vec<Published>> {
    drive(connection, messages, true)?.into_iter().collect()
}

/// As [`publish`], but a message that is refused leaves the others alone: each has an outcome of its own. An error of the
/// call itself is one that leaves outcomes unknown.
///
/// # Errors
/// A message cannot be sent, or its fate is not known.
pub fn publish_each(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<Vec<Result<Published>>> {
    drive(connection, messages, false)
}

fn drive(
    connection: &Arc<Connection>,
    messages: Vec<PublishRequest>,
    together: bool,
) -> Result<Vec<Result<Published>>> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let max_payload = connection.client.max_payload();
    let total = messages.len();
    let mut rows = Vec::with_capacity(total);
    for (index, message) in messages.into_iter().enumerate() {
        let subject = message.subject.clone();
        let checked = message.check(max_payload);
        rows.push(Row::new(checked.map_err(|error| located(error, &subject, index, total, 0))?));
    }
    runtime::block_on(async {
        let inbox = connection.client.new_inbox();
        let replies = connection.client.subscribe(format!("{inbox}.*")).await.map_err(|error| {
            Error::foreign("cannot subscribe for acknowledgements", &error).kind_or(Kind::Unreachable)
        })?;
        let queue = (0..total).collect();
        let driver = Driver {
            connection,
            inbox,
            replies,
            rows,
            queue,
            paused: Vec::new(),
            together,
            failed: None,
            flight: Flight::default(),
        };
        driver.run().await
    })
    .map_err(|error| error.server(connection.label()))
}

/// An error with its message's place, and the fate of the others.
fn located(error: Error, subject: &str, index: usize, total: usize, stored: usize) -> Error {
    let others = match (total, stored) {
        (1, _) => String::new(),
        (_, 0) => "; none of these rows was stored".to_owned(),
        _ => format!("; {stored} of these rows were stored"),
    };
    placed(error, subject, index, total).ending(&others)
}

/// An error with its message's place.
fn placed(error: Error, subject: &str, index: usize, total: usize) -> Error {
    let row = if total == 1 { String::new() } else { format!(", row {} of {total}", index + 1) };
    error.within(&format!("subject '{subject}'{row}"))
}

struct Row {
    message: Checked,
    /// How often it was sent.
    sent: u32,
    waiting: bool,
    answer: Option<Published>,
    /// Why the stream did not take it, where that does not end the call.
    refusal: Option<Error>,
}

impl Row {
    fn new(message: Checked) -> Self {
        Self { message, sent: 0, waiting: false, answer: None, refusal: None }
    }

    fn size(&self) -> usize {
        self.message.payload.len()
    }
}

#[derive(Default)]
struct Flight {
    messages: usize,
    bytes: usize,
}

struct Driver<'a> {
    connection: &'a Arc<Connection>,
    inbox: String,
    replies: Subscriber,
    rows: Vec<Row>,
    /// Rows to send, in order.
    queue: VecDeque<usize>,
    /// Rows to send again, each not before its time.
    paused: Vec<(Instant, usize)>,
    /// Whether the first row that is refused ends the call.
    together: bool,
    /// The first row that failed. From then on nothing is sent, and messages in flight are awaited.
    failed: Option<(usize, Error)>,
    flight: Flight,
}

/// What happened while acknowledgements were awaited.
enum Event {
    Reply(Message),
    Reconnected,
    Forbidden(String),
    Time,
    Closed,
}

impl Driver<'_> {
    async fn run(mut self) -> Result<Vec<Result<Published>>> {
        let mut epochs = self.connection.epochs();
        epochs.borrow_and_update();
        let mut forbidden = self.connection.forbidden();
        let timeout = self.connection.timeout;
        let mut deadline = Instant::now() + timeout;
        let mut resend_pause = timeout / 4;
        let mut resend_at = Instant::now() + resend_pause;
        while !self.is_done() {
            self.send_all(deadline).await?;
            let wake = self.paused.iter().map(|(at, _)| *at).fold(deadline.min(resend_at), Instant::min);
            let event = tokio::select! {
                biased;
                reply = self.replies.next() => reply.map_or(Event::Closed, Event::Reply),
                changed = epochs.changed() => if changed.is_ok() { Event::Reconnected } else { Event::Closed },
                words = forbidden.recv() => words.map_or(Event::Forbidden(String::new()), Event::Forbidden),
                () = tokio::time::sleep_until(wake) => Event::Time,
            };
            match event {
                Event::Reply(message) => {
                    if self.take_reply(&message) {
                        deadline = Instant::now() + timeout;
                        resend_pause = timeout / 4;
                        resend_at = Instant::now() + resend_pause;
                    }
                }
                // The words of the first connect may arrive late; it counts as 1.
                Event::Reconnected if *epochs.borrow_and_update() > 1 => self.reconnected(),
                Event::Reconnected => {}
                Event::Forbidden(words) => self.forbid(&words),
                Event::Closed => {
                    return Err(Error::of(Kind::Unreachable, "the connection was closed while publishing"));
                }
                Event::Time => {
                    let now = Instant::now();
                    if now >= deadline {
                        self.give_up();
                        break;
                    }
                    if now >= resend_at {
                        self.send_again();
                        resend_pause *= 2;
                        resend_at = now + resend_pause;
                    }
                    self.resume(now);
                }
            }
        }
        self.finish()
    }

    fn is_done(&self) -> bool {
        self.flight.messages == 0 && (self.failed.is_some() || (self.queue.is_empty() && self.paused.is_empty()))
    }

    async fn send_all(&mut self, deadline: Instant) -> Result<()> {
        while self.failed.is_none() && self.flight.messages < IN_FLIGHT {
            let Some(index) = self.queue.front().copied() else { return Ok(()) };
            // The answer to an earlier sending may have come meanwhile.
            if self.rows[index].answer.is_some() {
                self.queue.pop_front();
                continue;
            }
            let size = self.rows[index].size();
            if self.flight.messages > 0 && self.flight.bytes + size > IN_FLIGHT_BYTES {
                return Ok(());
            }
            self.queue.pop_front();
            // Sending waits only for room in the client's own queue, which a lost connection does not empty.
            if tokio::time::timeout_at(deadline, self.send(index)).await.is_err() {
                self.fail(index, lost(false));
            }
        }
        Ok(())
    }

    async fn send(&mut self, index: usize) {
        let row = &mut self.rows[index];
        row.sent += 1;
        row.waiting = true;
        self.flight.messages += 1;
        self.flight.bytes += row.size();
        match row.sent {
            1 => stats::PUBLISHED.add(1),
            _ => stats::RETRIES.add(1),
        }
        let message = &row.message;
        let (subject, payload) = (message.subject.clone(), message.payload.clone());
        let reply = format!("{}.{index}", self.inbox);
        let client = &self.connection.client;
        let sent = match message.headers.clone() {
            None => client.publish_with_reply(subject, reply, payload).await,
            Some(headers) => client.publish_with_reply_and_headers(subject, reply, headers, payload).await,
        };
        if let Err(error) = sent {
            self.landed(index);
            self.fail(index, Error::foreign("cannot send", &error).kind_or(Kind::Unreachable));
        }
    }

    /// A row is no longer waited for.
    fn landed(&mut self, index: usize) {
        let row = &mut self.rows[index];
        if std::mem::take(&mut row.waiting) {
            self.flight.messages -= 1;
            self.flight.bytes -= row.size();
        }
    }

    fn fail(&mut self, index: usize, error: Error) {
        stats::REFUSED.add(1);
        if self.failed.as_ref().is_none_or(|(first, _)| index < *first) {
            self.failed = Some((index, error));
        }
    }

    /// Whether the reply was news.
    fn take_reply(&mut self, message: &Message) -> bool {
        let index = message.subject.rsplit('.').next().and_then(|token| token.parse::<usize>().ok());
        let Some(index) = index.filter(|index| self.rows.get(*index).is_some_and(|row| row.answer.is_none())) else {
            return false;
        };
        self.landed(index);
        let (sent, idempotent) = (self.rows[index].sent, self.rows[index].message.idempotent);
        match read(message) {
            Outcome::Stored(published) => {
                stats::PUBLISHES_STORED.add(1);
                stats::DUPLICATES.add(u64::from(published.duplicate));
                self.rows[index].answer = Some(published);
                return true;
            }
            Outcome::NoStream => match NO_STREAM_PAUSES.get(sent as usize - 1) {
                Some(pause) => self.pause(index, *pause),
                None => self.fail(index, no_stream()),
            },
            Outcome::Busy => self.pause(index, BUSY_PAUSE * 2_u32.pow(sent.min(6))),
            Outcome::Unavailable(_) if idempotent => self.pause(index, BUSY_PAUSE * 2_u32.pow(sent.min(6))),
            Outcome::Refused(error) if !self.together => {
                stats::REFUSED.add(1);
                let total = self.rows.len();
                self.rows[index].refusal = Some(placed(error, &self.rows[index].message.subject, index, total));
                return true;
            }
            Outcome::Unavailable(error) | Outcome::Refused(error) => self.fail(index, error),
        }
        // A pause is no progress: a stream that is busy for ever ends the call.
        false
    }

    fn pause(&mut self, index: usize, pause: Duration) {
        self.paused.push((Instant::now() + pause, index));
    }

    /// Puts rows that have paused long enough in front of those that were never sent.
    fn resume(&mut self, now: Instant) {
        let mut due: Vec<usize> = self.paused.iter().filter(|(at, _)| *at <= now).map(|(_, index)| *index).collect();
        self.paused.retain(|(at, _)| *at > now);
        due.sort_unstable_by(|a, b| b.cmp(a));
        due.into_iter().for_each(|index| self.queue.push_front(index));
    }

    fn in_flight(&self, idempotent: bool) -> Vec<usize> {
        let wanted = |row: &Row| row.waiting && row.message.idempotent == idempotent;
        (0..self.rows.len()).filter(|index| wanted(&self.rows[*index])).collect()
    }

    /// Sends messages without an answer again, where that is safe.
    fn send_again(&mut self) {
        for index in self.in_flight(true).into_iter().rev() {
            self.landed(index);
            self.queue.push_front(index);
        }
    }

    /// The connection was lost and is back: answers to earlier messages may never come.
    fn reconnected(&mut self) {
        self.send_again();
        for index in self.in_flight(false) {
            self.landed(index);
            self.fail(index, lost(true));
        }
    }

    fn forbid(&mut self, words: &str) {
        for index in 0..self.rows.len() {
            let row = &self.rows[index];
            let Some(failure) = refusal(words, &row.message.subject).filter(|_| row.waiting) else { continue };
            self.landed(index);
            let error = match failure {
                Failure::ReplyDenied(subject) => no_permission(&format!("subscribe to {subject}, for the answer")),
                _ => no_permission("publish to it"),
            };
            self.fail(index, error);
        }
    }

    /// No answer came for the whole timeout.
    fn give_up(&mut self) {
        pool::discard(&Arc::downgrade(self.connection));
        let seconds = self.connection.timeout.as_secs_f64();
        let unanswered = self.rows.iter().position(|row| row.answer.is_none() && row.refusal.is_none());
        let Some(index) = unanswered.filter(|_| self.failed.is_none()) else { return };
        let row = &self.rows[index];
        let error = if !self.connection.is_up() {
            lost(row.sent > 0)
        } else if self.paused.iter().any(|(_, paused)| *paused == index) {
            Error::of(Kind::Unavailable, format!("the stream takes no more messages, for {seconds:.1} s"))
                .advice("check the stream, publish less at a time, or give it more time with timeout")
        } else {
            Error::of(
                Kind::TimedOut,
                format!("no acknowledgement within {seconds:.1} s, so it is not known whether it is stored"),
            )
            .advice("give it more time with timeout, and a Nats-Msg-Id header makes it safe to publish it again")
        };
        self.fail(index, error);
    }

    fn finish(self) -> Result<Vec<Result<Published>>> {
        let total = self.rows.len();
        if let Some((index, error)) = self.failed {
            let stored = self.rows.iter().filter(|row| row.answer.is_some()).count();
            return Err(located(error, &self.rows[index].message.subject, index, total, stored));
        }
        let outcome = |row: Row| match (row.answer, row.refusal) {
            (Some(published), _) => Ok(published),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(Error::of(Kind::Internal, "internal error: a message without an acknowledgement")),
        };
        Ok(self.rows.into_iter().map(outcome).collect())
    }
}

fn no_stream() -> Error {
    Error::of(Kind::NotFound, "no stream captures the subject, so it is not stored").advice(
        "SELECT stream, subjects FROM nats_streams() shows what streams capture; make one with nats_stream_ensure",
    )
}

fn lost(may_be_stored: bool) -> Error {
    if may_be_stored {
        Error::of(
            Kind::Unreachable,
            "the connection was lost before the acknowledgement, so it is not known whether it is stored",
        )
        .advice("with a Nats-Msg-Id header it would have been sent again, safely")
    } else {
        Error::of(Kind::Unreachable, "the connection was lost, so it was not sent")
            .advice("check the server, and run the statement again")
    }
}
