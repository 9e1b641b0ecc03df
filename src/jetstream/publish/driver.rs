//! Sends messages and gathers their acknowledgements.
//!
//! Messages are in flight together, as far as [`InFlight`] has room. Each has its own reply subject.
//! A message that is certainly not stored (nobody listened, the stream was busy) is sent again after a pause. One that may be stored (no
//! answer, a lost connection) is sent again only when a `Nats-Msg-Id` makes that safe. It ends when nothing was
//! heard for the connection's timeout.

mod unanswered;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ack::{Outcome, Published, no_stream};
use super::in_flight::{self, InFlight};
use super::message::Checked;
use super::target::Target;
use super::transport::{Answers, PublishEvent, PublishTransport};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::stats;

/// Messages that wait for one before them, at most: the answer to one may be lost while those to others come.
const MOST_WAITING: usize = 4 * in_flight::MOST;
/// The pauses before a message that nobody listened for is sent again: a stream without a leader has no listener.
const NO_STREAM_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(250)];
/// The first pause after a stream was busy or not ready; doubles each time.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The effect of a message that is not stored on the others of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// Nothing more is sent; what is in flight is awaited.
    End,
    /// The same, unless the stream refused it: then the others go on.
    EndUnlessRefused,
    /// The others go on.
    GoOn,
}

struct Row {
    message: Checked,
    /// How often it was sent.
    sent: u32,
    waiting: bool,
    answer: Option<Published>,
    /// Why it is not stored, where that does not end the call.
    refusal: Option<Error>,
}

impl Row {
    fn new(message: Checked) -> Self {
        Self { message, sent: 0, waiting: false, answer: None, refusal: None }
    }

    /// Whether nothing more is to happen with it.
    fn is_settled(&self) -> bool {
        self.answer.is_some() || self.refusal.is_some()
    }

    fn size(&self) -> usize {
        self.message.payload.len()
    }
}

/// Messages on their way to streams. A row is a message, by its number from 0.
pub(super) struct Driver {
    connection: Arc<Connection>,
    transport: PublishTransport,
    /// The stream that is to store them; None for whichever captures their subjects.
    target: Option<Target>,
    /// The rows from `first` on; those before are stored, and let go.
    rows: VecDeque<Row>,
    first: usize,
    /// Rows to send, in order.
    queue: VecDeque<usize>,
    /// Rows to send again, each not before its time.
    paused: Vec<(Instant, usize)>,
    on_failure: OnFailure,
    /// The first row whose failure ended the call. From then on nothing is sent, and messages in flight are awaited.
    failed: Option<(usize, Error)>,
    in_flight: InFlight,
}

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Every message was sent.
    Sent,
    /// The fate of every message is known.
    Settled,
}

impl Driver {
    /// Starts without messages.
    ///
    /// # Errors
    /// The connection does not take a subscription.
    pub(super) async fn start(
        connection: &Arc<Connection>,
        on_failure: OnFailure,
        target: Option<Target>,
    ) -> Result<Self> {
        Ok(Self {
            connection: Arc::clone(connection),
            transport: PublishTransport::open(connection).await?,
            target,
            rows: VecDeque::new(),
            first: 0,
            queue: VecDeque::new(),
            paused: Vec::new(),
            on_failure,
            failed: None,
            in_flight: InFlight::begin(),
        })
    }

    /// The stream that is to store the messages.
    pub(super) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Adds a message behind the others.
    pub(super) fn push(&mut self, message: Checked) {
        self.queue.push_back(self.len());
        self.rows.push_back(Row::new(message));
    }

    /// How many messages were added.
    pub(super) fn len(&self) -> usize {
        self.first + self.rows.len()
    }

    /// Sends what is to be sent and takes what is heard, so far.
    ///
    /// # Errors
    /// The connection is closed; no message is meant.
    pub(super) async fn advance(&mut self, until: Until) -> Result<()> {
        let timeout = self.connection.timeout;
        let mut deadline = Instant::now() + timeout;
        let mut resend_pause = timeout / 4;
        let mut resend_at = Instant::now() + resend_pause;
        let mut answers = Answers::new();
        while !self.is_done(until) {
            self.send_all(deadline).await;
            if self.is_done(until) {
                break;
            }
            let wake = self.paused.iter().map(|(at, _)| *at).fold(deadline.min(resend_at), Instant::min);
            let event = tokio::select! {
                biased;
                event = self.transport.receive(&mut answers) => Some(event?),
                () = tokio::time::sleep_until(wake) => None,
            };
            let mut news = false;
            for (index, outcome) in answers.drain(..) {
                news |= self.take(index, outcome);
            }
            if news {
                deadline = Instant::now() + timeout;
                resend_pause = timeout / 4;
                resend_at = Instant::now() + resend_pause;
            }
            match event {
                Some(PublishEvent::Answers) => {}
                Some(PublishEvent::Reconnected) => self.reconnected(),
                Some(PublishEvent::Refused(words)) => words.iter().for_each(|words| self.forbid(words)),
                Some(PublishEvent::Closed) => {
                    return Err(Error::of(Kind::Unreachable, "the connection was closed while publishing"));
                }
                None => {
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
        Ok(())
    }

    /// Lets the messages go that are stored and have no other before them.
    pub(super) fn let_go(&mut self) {
        while self.rows.front().is_some_and(|row| row.answer.is_some()) {
            self.rows.pop_front();
            self.first += 1;
        }
    }

    /// The message that ended it, by its number and its subject, and why.
    pub(super) fn failure(&self) -> Option<(usize, &str, &Error)> {
        let (index, error) = self.failed.as_ref()?;
        Some((*index, &self.row(*index)?.message.subject, error))
    }

    /// How many messages are stored.
    pub(super) fn stored(&self) -> usize {
        self.first + self.rows.iter().filter(|row| row.answer.is_some()).count()
    }

    /// The numbers of the messages that are stored, as the first and the last of each run.
    pub(super) fn stored_runs(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = if self.first == 0 { Vec::new() } else { vec![(0, self.first - 1)] };
        for (index, row) in (self.first..).zip(&self.rows) {
            match runs.last_mut() {
                _ if row.answer.is_none() => {}
                Some((_, last)) if *last + 1 == index => *last = index,
                _ => runs.push((index, index)),
            }
        }
        runs
    }

    /// The outcome of each message; one without an outcome has the error that `unknown` makes.
    pub(super) fn outcomes(mut self, unknown: &Error) -> Vec<Result<Published>> {
        self.finish();
        let outcome = |row: Row| match (row.answer, row.refusal) {
            (Some(published), _) => Ok(published),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(unknown.clone()),
        };
        self.rows.into_iter().map(outcome).collect()
    }

    /// Nothing more is sent or awaited.
    pub(super) fn finish(&mut self) {
        // An answer that is still owed names this call, and later work on the connection drops it.
        self.transport.finish();
    }

    fn row(&self, index: usize) -> Option<&Row> {
        self.rows.get(index.checked_sub(self.first)?)
    }

    fn row_mut(&mut self, index: usize) -> Option<&mut Row> {
        self.rows.get_mut(index.checked_sub(self.first)?)
    }

    fn is_done(&self, until: Until) -> bool {
        let sent = self.queue.is_empty();
        match until {
            _ if self.failed.is_some() => self.in_flight.is_empty(),
            Until::Sent => sent && self.rows.len() <= MOST_WAITING,
            Until::Settled => sent && self.paused.is_empty() && self.in_flight.is_empty(),
        }
    }

    async fn send_all(&mut self, deadline: Instant) {
        while self.failed.is_none() && self.transport.takes() {
            let Some(index) = self.queue.front().copied() else { return };
            // The answer to an earlier sending may have come meanwhile.
            let Some(size) = self.row(index).filter(|row| !row.is_settled()).map(Row::size) else {
                self.queue.pop_front();
                continue;
            };
            if !self.in_flight.has_room(size) {
                return;
            }
            self.queue.pop_front();
            self.send(index, deadline).await;
        }
    }

    async fn send(&mut self, index: usize, deadline: Instant) {
        let Some(row) = self.rows.get_mut(index - self.first) else { return };
        row.sent += 1;
        row.waiting = true;
        self.in_flight.add(row.size());
        match row.sent {
            1 => stats::PUBLISHED.add(1),
            _ => stats::RETRIES.add(1),
        }
        if let Err(error) = self.transport.send(index, &row.message, deadline).await {
            self.landed(index);
            self.fail(index, error);
        }
    }

    /// A row is no longer waited for.
    fn landed(&mut self, index: usize) {
        let Some(row) = self.row_mut(index).filter(|row| row.waiting) else { return };
        row.waiting = false;
        let size = row.size();
        self.in_flight.remove(size);
    }

    fn fail(&mut self, index: usize, error: Error) {
        stats::REFUSED.add(1);
        if self.on_failure == OnFailure::GoOn {
            if let Some(row) = self.row_mut(index) {
                row.refusal = Some(error);
            }
        } else if self.failed.as_ref().is_none_or(|(first, _)| index < *first) {
            self.failed = Some((index, error));
        }
    }

    /// Takes the answer to a message; whether it is progress.
    fn take(&mut self, index: usize, outcome: Outcome) -> bool {
        let Some((sent, idempotent)) =
            self.row(index).filter(|row| !row.is_settled()).map(|row| (row.sent, row.message.idempotent))
        else {
            return false;
        };
        self.landed(index);
        match outcome {
            Outcome::Stored(published) => {
                if let Some(error) = self.target.as_ref().and_then(|target| target.error(&published)) {
                    self.fail(index, error);
                    return true;
                }
                stats::PUBLISHES_STORED.add(1);
                stats::DUPLICATES.add(u64::from(published.duplicate));
                if let Some(row) = self.row_mut(index) {
                    row.answer = Some(published);
                }
                return true;
            }
            Outcome::NoStream => match NO_STREAM_PAUSES.get(sent as usize - 1) {
                Some(pause) => self.pause(index, *pause),
                None => self.fail(index, no_stream()),
            },
            Outcome::Busy => self.pause(index, BUSY_PAUSE * 2_u32.pow(sent.min(6))),
            Outcome::Unavailable(_) if idempotent => self.pause(index, BUSY_PAUSE * 2_u32.pow(sent.min(6))),
            Outcome::Refused(error) if self.on_failure != OnFailure::End => {
                stats::REFUSED.add(1);
                if let Some(row) = self.row_mut(index) {
                    row.refusal = Some(error);
                }
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
}
