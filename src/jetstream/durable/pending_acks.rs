//! The messages that a durable gave to this process and that the process has not settled.
//!
//! [`Settlement`] decides what may happen to them; this file keeps a settlement for each durable and writes into it what a
//! statement reads.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::config::{DurableOptions, ensure};
use super::delivery::Delivery;
use super::given_up::Watch;
use super::info::PullConditions;
use super::passed_over::PassedOver;
use super::words::{IN_PROGRESS, RETURN, TERMINATE};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::get::get_messages;
use crate::jetstream::options::ConnectOptions;
use crate::jetstream::runtime::block_on;
use crate::plan::{Given, Outcome, RowKeys, Settlement, StreamState, Subjects, Unsettled};
use crate::stats;

/// The longest wait for the server's answer to decisions that are sent together: no statement needs it to be right.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// One durable as one user of one server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DurableKey {
    connect: ConnectOptions,
    /// The stream's name.
    pub(super) stream: String,
    /// The consumer's name.
    pub(super) durable: String,
}

impl DurableKey {
    /// The key of a durable. It holds the user, because users of different accounts may have streams of one name; it does not hold
    /// the timeout.
    #[must_use]
    pub fn new(connect: &ConnectOptions, stream: &str, durable: &str) -> Self {
        let connect = ConnectOptions { timeout: ConnectOptions::DEFAULT_TIMEOUT, ..connect.clone() };
        Self { connect, stream: stream.to_owned(), durable: durable.to_owned() }
    }

    /// The durable as an error names it.
    pub(super) fn place(&self, error: Error) -> Error {
        error.stream(&self.stream).server(&self.connect.label())
    }
}

/// The session of this process with one consumer: the given messages, and the facts about the consumer.
#[derive(Default)]
pub(super) struct ConsumerSession {
    pub(super) settlement: Settlement,
    /// When the server made the consumer.
    pub(super) created: Option<String>,
    pub(super) watch: Option<Watch>,
    passed_over: PassedOver,
    pub(super) ack_wait: Duration,
    /// The subject filters of its consumer.
    subjects: Subjects,
}

/// The sessions, and the process that made them: a forked child starts with none.
#[derive(Default)]
struct Sessions {
    process: u32,
    by_key: HashMap<DurableKey, ConsumerSession>,
}

static SESSIONS: Mutex<Option<Sessions>> = Mutex::new(None);

pub(super) fn with_sessions<T>(action: impl FnOnce(&mut HashMap<DurableKey, ConsumerSession>) -> T) -> T {
    let mut slot: MutexGuard<'_, Option<Sessions>> = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let sessions = slot.get_or_insert_default();
    if sessions.process != process {
        // The parent's subscriptions stay untouched: dropping them here would write to its sockets.
        std::mem::forget(std::mem::take(&mut sessions.by_key));
        sessions.process = process;
    }
    action(&mut sessions.by_key)
}

/// One statement's right to read a durable. Messages that it gives to the statement are recorded; messages that it took from the server and did not
/// give go back to the server when it ends.
pub struct PendingAcks {
    key: DurableKey,
    connection: Arc<Connection>,
    ack_wait: Duration,
    max_deliver: Option<u64>,
    pulls: PullConditions,
    /// The state of the stream when the statement began; None for a user who may not ask for it.
    pub(super) began: Option<StreamState>,
}

impl PendingAcks {
    /// Starts a statement's reading of a durable, which is made when it does not exist.
    ///
    /// # Errors
    /// Another statement is reading; the messages of an earlier one are not settled; the consumer exists with another configuration, or was deleted
    /// since this process read it.
    pub fn open(connection: Arc<Connection>, key: DurableKey, options: &DurableOptions) -> Result<Self> {
        let known = with_sessions(|sessions| claim(sessions, &key)).map_err(|error| key.place(error))?;
        // From here on, dropping `pending_acks` ends the claim.
        let (ack_wait, pulls) = (Duration::ZERO, PullConditions::default());
        let mut pending_acks = Self { key, connection, ack_wait, max_deliver: None, pulls, began: None };
        let consumer = ensure(&pending_acks.connection, options, known.as_deref())?;
        let Some(consumer) = consumer else {
            pending_acks.forget_consumer();
            return Err(pending_acks.key.place(
                Error::of(
                    Kind::NotFound,
                    format!("the consumer '{}' was deleted since this process read it", pending_acks.key.durable),
                )
                .advice("run it again to make it anew: it then delivers all messages of the stream once more"),
            ));
        };
        let watch = match consumer.max_deliver {
            None => None,
            Some(_) => {
                let DurableKey { stream, durable, .. } = &pending_acks.key;
                let mut earlier = pending_acks.session(|session| session.watch.take());
                let start = Watch::start(&pending_acks.connection, stream, durable, &consumer.created, &mut earlier);
                let watch = block_on(start);
                if watch.is_err() {
                    pending_acks.session(|session| session.watch = earlier);
                }
                Some(watch.map_err(|error| pending_acks.key.place(error))?)
            }
        };
        pending_acks.session(|session| {
            session.created = Some(consumer.created);
            session.watch = watch;
            session.ack_wait = consumer.ack_wait;
            session.subjects = consumer.subjects;
        });
        (pending_acks.ack_wait, pending_acks.max_deliver) = (consumer.ack_wait, consumer.max_deliver);
        (pending_acks.pulls, pending_acks.began) = (consumer.pulls, consumer.stream);
        pending_acks.keep_alive();
        Ok(pending_acks)
    }

    fn session<T: Default>(&self, action: impl FnOnce(&mut ConsumerSession) -> T) -> T {
        with_sessions(|sessions| sessions.get_mut(&self.key).map(action).unwrap_or_default())
    }

    /// The time that the server waits for an acknowledgement.
    #[must_use]
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    /// What the consumer's pulls depend on.
    #[must_use]
    pub fn pulls(&self) -> PullConditions {
        self.pulls
    }

    /// The connection, the stream, and the consumer by its name.
    pub(super) fn place(&self) -> (&Arc<Connection>, &str, &str) {
        (&self.connection, &self.key.stream, &self.key.durable)
    }

    /// When the consumer was made.
    pub(super) fn created(&self) -> Option<String> {
        self.session(|session| session.created.clone())
    }

    /// The subject filters of the consumer.
    pub(super) fn subjects(&self) -> Subjects {
        self.session(|session| session.subjects.clone())
    }

    /// Whether the consumer has a subject filter.
    pub(super) fn is_filtered(&self) -> bool {
        self.session(|session| !session.subjects.is_all())
    }

    /// Reads or changes this process's knowledge of the order of its deliveries.
    pub(super) fn passed_over<T: Default>(&self, action: impl FnOnce(&mut PassedOver) -> T) -> T {
        self.session(|session| action(&mut session.passed_over))
    }

    /// Forgets the consumer, which is gone: a new one of its name is not compared with it.
    pub(super) fn forget_consumer(&self) {
        self.session(|session| {
            session.created = None;
            session.watch = None;
            session.passed_over = PassedOver::default();
        });
    }

    /// Records the messages that the statement gives out now. A message that it gave out before, and that the server has delivered
    /// again, is removed from `deliveries`.
    pub fn give(&self, deliveries: &mut Vec<Delivery>) {
        let until = Instant::now() + self.ack_wait;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        self.session(|session| {
            deliveries.retain(|delivery| {
                let given = Given { since_us, ..self.given(delivery) };
                session.settlement.give(given, until)
            });
        });
        stats::GIVEN.add(deliveries.len() as u64);
    }

    /// Records the outcomes of the messages that the statement was given, in the order in which it was given them.
    pub fn note(&self, outcomes: Vec<(u64, Outcome, RowKeys)>) {
        self.session(|session| session.settlement.note(outcomes));
    }

    /// The messages on which the consumer gave up since the last call.
    #[must_use]
    pub fn given_up(&self) -> BTreeSet<u64> {
        self.session(|session| session.watch.as_mut().map(Watch::take).unwrap_or_default())
    }

    /// Puts back messages of [`PendingAcks::given_up`] that could not be handled: they are reported again.
    pub fn keep_given_up(&self, sequences: &BTreeSet<u64>) {
        self.session(|session| {
            if let Some(watch) = &mut session.watch {
                watch.keep(sequences);
            }
        });
    }

    /// Notes that the statement read to the end.
    pub fn end(&self) {
        self.session(|session| session.settlement.end());
    }

    /// Messages that this process keeps back to read them alone, at most `most`; none when the server is to be asked. They are read
    /// by their sequences.
    ///
    /// # Errors
    /// Those of reading a message.
    pub fn kept(&self, most: Option<u64>) -> Result<Vec<Delivery>> {
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        loop {
            let kept = self.session(|session| session.settlement.next_kept(most, Instant::now()));
            if kept.is_empty() {
                return Ok(Vec::new());
            }
            let sequences: Vec<u64> = kept.iter().map(|given| given.sequence).collect();
            let records = get_messages(&self.connection, &self.key.stream, &sequences, true)?;
            let (mut deliveries, mut gone) = (Vec::with_capacity(kept.len()), Vec::new());
            for (given, record) in kept.into_iter().zip(records) {
                match record {
                    Some(record) => {
                        deliveries.push(Delivery { record, delivered: given.delivered, place: given.place });
                    }
                    None => gone.push(given),
                }
            }
            self.session(|session| gone.iter().for_each(|given| session.settlement.is_gone(given.sequence)));
            self.send_together(&gone, TERMINATE);
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    /// The time until a kept message is due; None when none is kept.
    #[must_use]
    pub fn next_kept_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.session(|session| session.settlement.next_kept_at(now)).map(|at| at.saturating_duration_since(now))
    }

    /// Returns all that the statement gave out: it failed, so none of it can be committed.
    pub fn give_all_back(&self) {
        let given = self.session(|session| session.settlement.fail(Instant::now()));
        self.send_together(&given, RETURN);
        self.keep_alive();
    }

    /// Returns messages that were taken from the server and will not be given out; one that was given out as well is not returned.
    pub fn give_back<'a>(&self, deliveries: impl Iterator<Item = &'a Delivery>) {
        let returned = self.session(|session| {
            let rest = deliveries.filter(|delivery| !session.settlement.gave(delivery.record.sequence));
            let rest = rest.map(|delivery| self.given(delivery)).collect();
            session.settlement.hand_back(rest)
        });
        self.send_together(&returned, RETURN);
        self.keep_alive();
    }

    fn given(&self, delivery: &Delivery) -> Given {
        Given {
            sequence: delivery.record.sequence,
            delivered: delivery.delivered,
            place: delivery.place.clone(),
            last: self.max_deliver.is_some_and(|most| delivery.delivered >= most),
            since_us: 0,
        }
    }

    fn keep_alive(&self) {
        keep_alive(&self.connection, &self.key);
    }

    fn send_together(&self, messages: &[Given], word: &'static str) {
        send_together(&self.connection, messages, word);
    }
}

/// Sends `+WPI` for the messages that this process keeps back of a durable, if it is time to.
pub(super) fn keep_alive(connection: &Arc<Connection>, key: &DurableKey) {
    let kept = with_sessions(|sessions| {
        let session = sessions.get_mut(key)?;
        Some(session.settlement.keep_alive(Instant::now(), session.ack_wait))
    });
    send_together(connection, &kept.unwrap_or_default(), IN_PROGRESS);
}

/// Sends a decision (ADR-15) for each message and awaits the answer to the last one, which shows that the server has read them all: the next statement
/// reads by another connection, and would overtake them. Best effort: where a decision is lost, the server delivers the message again after `ack_wait`.
fn send_together(connection: &Arc<Connection>, messages: &[Given], word: &'static str) {
    let Some((last, others)) = messages.split_last() else { return };
    if !connection.is_up() {
        // A decision that is sent after a reconnect could reach the server after it gave the messages to another process.
        return;
    }
    let payload = Bytes::from_static(word.as_bytes());
    let _ = block_on(async {
        for message in others {
            if connection.client.publish(message.ack_subject().to_string(), payload.clone()).await.is_err() {
                break;
            }
        }
        let last = last.ack_subject().to_string();
        let answer = connection.request(&last, payload);
        let _ = tokio::time::timeout(connection.timeout.min(LONGEST_ANSWER), answer).await;
        Ok(())
    });
}

impl Drop for PendingAcks {
    fn drop(&mut self) {
        self.session(|session| session.settlement.stop());
    }
}

/// The messages that this process was given by a durable and has not settled, in the order in which it was given them: at most `most` of those
/// from a place on. No round trip.
#[must_use]
pub fn unsettled(key: &DurableKey, from: u64, most: usize) -> Vec<Unsettled> {
    let look = |session: &ConsumerSession| session.settlement.unsettled(from, most);
    with_sessions(|sessions| sessions.get(key).map(look).unwrap_or_default())
}

/// The number of messages that [`unsettled`] would show.
#[must_use]
pub fn pending(key: &DurableKey) -> u64 {
    with_sessions(|sessions| sessions.get(key).map_or(0, |session| session.settlement.pending()))
}

/// The subject filters by which this process read a durable; every subject when it did not read it.
#[must_use]
pub fn subject_filters(key: &DurableKey) -> Subjects {
    with_sessions(|sessions| sessions.get(key).map(|session| session.subjects.clone()).unwrap_or_default())
}

/// Lets one statement read. Returns the time at which the consumer was made, if this process knows it.
fn claim(sessions: &mut HashMap<DurableKey, ConsumerSession>, key: &DurableKey) -> Result<Option<String>> {
    let session = sessions.entry(key.clone()).or_default();
    let taken_back = session.settlement.start(Instant::now())?;
    stats::UNSETTLED.add(taken_back);
    Ok(session.created.clone())
}
