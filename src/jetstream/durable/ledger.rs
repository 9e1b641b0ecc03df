//! What this process was given by a durable and has not settled.
//!
//! [`Settlement`] says what may happen to it; here it is kept for each durable, and a statement's reading is written down.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::config::{DurableOptions, ensure};
use super::given_up::Watch;
use super::info::RequestLimits;
use super::passed_over::PassedOver;
use super::pull::Delivery;
use super::words::{IN_PROGRESS, RETURN, TERMINATE};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::get::get_messages;
use crate::jetstream::options::ConnectOptions;
use crate::jetstream::runtime::block_on;
use crate::plan::{Given, Outcome, RowKeys, Settlement, Subjects, Unsettled};
use crate::stats;

/// One durable as one user of one server sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerKey {
    connect: ConnectOptions,
    /// The stream's name.
    pub(super) stream: String,
    /// The consumer's name.
    pub(super) durable: String,
}

impl LedgerKey {
    /// The key of a durable. Who connects is a part of it: users of different accounts may have streams of one name.
    /// How long they wait is not.
    #[must_use]
    pub fn new(connect: &ConnectOptions, stream: &str, durable: &str) -> Self {
        let connect = ConnectOptions { timeout: ConnectOptions::DEFAULT_TIMEOUT, ..connect.clone() };
        Self { connect, stream: stream.to_owned(), durable: durable.to_owned() }
    }

    /// Names the durable in an error.
    pub(super) fn place(&self, error: Error) -> Error {
        error.stream(&self.stream).server(&self.connect.label())
    }
}

/// What this process knows of one durable.
#[derive(Default)]
pub(super) struct Account {
    pub(super) settlement: Settlement,
    /// When the consumer was made that gave it.
    pub(super) created: Option<String>,
    pub(super) watch: Option<Watch>,
    passed_over: PassedOver,
    pub(super) ack_wait: Duration,
    /// The subject filters of its consumer.
    subjects: Subjects,
}

/// The accounts of the process that made them: a forked child owes nothing.
#[derive(Default)]
struct Accounts {
    process: u32,
    by_key: HashMap<LedgerKey, Account>,
}

static ACCOUNTS: Mutex<Option<Accounts>> = Mutex::new(None);

pub(super) fn with_accounts<T>(action: impl FnOnce(&mut HashMap<LedgerKey, Account>) -> T) -> T {
    let mut slot: MutexGuard<'_, Option<Accounts>> = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let accounts = slot.get_or_insert_default();
    if accounts.process != process {
        // The parent's subscriptions are left as they are: dropping them here would speak on its sockets.
        std::mem::forget(std::mem::take(&mut accounts.by_key));
        accounts.process = process;
    }
    action(&mut accounts.by_key)
}

/// One statement's right to read a durable. What it gives out is written down; what it took from the server and did not
/// give out goes back when it ends.
pub struct Ledger {
    key: LedgerKey,
    connection: Arc<Connection>,
    ack_wait: Duration,
    max_deliver: Option<u64>,
    limits: RequestLimits,
}

impl Ledger {
    /// Starts a statement's reading of a durable, which is made when it does not exist.
    ///
    /// # Errors
    /// Another statement is reading; what an earlier one was given is not settled; the consumer exists with another
    /// configuration, or was deleted since this process read it.
    pub fn open(connection: Arc<Connection>, key: LedgerKey, options: &DurableOptions) -> Result<Self> {
        let known = with_accounts(|accounts| claim(accounts, &key)).map_err(|error| key.place(error))?;
        // From here on, dropping the ledger ends the claim.
        let mut ledger =
            Self { key, connection, ack_wait: Duration::ZERO, max_deliver: None, limits: RequestLimits::default() };
        let consumer = ensure(&ledger.connection, options, known.as_deref())?;
        let Some(consumer) = consumer else {
            ledger.forget_consumer();
            return Err(ledger.key.place(
                Error::of(
                    Kind::NotFound,
                    format!("the consumer '{}' was deleted since this process read it", ledger.key.durable),
                )
                .advice("run it again to make it anew: it then delivers all messages of the stream once more"),
            ));
        };
        let watch = match consumer.max_deliver {
            None => None,
            Some(_) => {
                let LedgerKey { stream, durable, .. } = &ledger.key;
                let mut earlier = ledger.account(|account| account.watch.take());
                let start = Watch::start(&ledger.connection, stream, durable, &consumer.created, &mut earlier);
                let watch = block_on(start);
                if watch.is_err() {
                    ledger.account(|account| account.watch = earlier);
                }
                Some(watch.map_err(|error| ledger.key.place(error))?)
            }
        };
        ledger.account(|account| {
            account.created = Some(consumer.created);
            account.watch = watch;
            account.ack_wait = consumer.ack_wait;
            account.subjects = consumer.subjects;
        });
        (ledger.ack_wait, ledger.max_deliver) = (consumer.ack_wait, consumer.max_deliver);
        ledger.limits = consumer.limits;
        ledger.keep_alive();
        Ok(ledger)
    }

    fn account<T: Default>(&self, action: impl FnOnce(&mut Account) -> T) -> T {
        with_accounts(|accounts| accounts.get_mut(&self.key).map(action).unwrap_or_default())
    }

    /// How long the server waits for an acknowledgement.
    #[must_use]
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    /// What one pull may ask for.
    #[must_use]
    pub fn limits(&self) -> RequestLimits {
        self.limits
    }

    /// The connection, the stream, and the consumer by its name.
    pub(super) fn place(&self) -> (&Arc<Connection>, &str, &str) {
        (&self.connection, &self.key.stream, &self.key.durable)
    }

    /// When the consumer was made.
    pub(super) fn created(&self) -> Option<String> {
        self.account(|account| account.created.clone())
    }

    /// Whether the consumer has a subject filter.
    pub(super) fn is_filtered(&self) -> bool {
        self.account(|account| !account.subjects.is_all())
    }

    /// What is known of the order of its deliveries.
    pub(super) fn passed_over<T: Default>(&self, action: impl FnOnce(&mut PassedOver) -> T) -> T {
        self.account(|account| action(&mut account.passed_over))
    }

    /// The consumer is gone; another of its name is not compared with it.
    pub(super) fn forget_consumer(&self) {
        self.account(|account| {
            account.created = None;
            account.watch = None;
            account.passed_over = PassedOver::default();
        });
    }

    /// Writes down what the statement gives out now. What it gave out before, and the server has delivered again, is left
    /// out of the deliveries.
    pub fn give(&self, deliveries: &mut Vec<Delivery>) {
        let until = Instant::now() + self.ack_wait;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        self.account(|account| {
            deliveries.retain(|delivery| {
                let given = Given { since_us, ..self.given(delivery) };
                account.settlement.give(given, until)
            });
        });
        stats::GIVEN.add(deliveries.len() as u64);
    }

    /// Writes down what the statement made of what it was given, in the order in which it was given.
    pub fn note(&self, outcomes: Vec<(u64, Outcome, RowKeys)>) {
        self.account(|account| account.settlement.note(outcomes));
    }

    /// The messages on which the consumer gave up since this was last asked.
    #[must_use]
    pub fn given_up(&self) -> BTreeSet<u64> {
        self.account(|account| account.watch.as_mut().map(Watch::take).unwrap_or_default())
    }

    /// These were asked for, and could not be dealt with: they are told again.
    pub fn keep_given_up(&self, sequences: &BTreeSet<u64>) {
        self.account(|account| {
            if let Some(watch) = &mut account.watch {
                watch.keep(sequences);
            }
        });
    }

    /// The statement took all that there was.
    pub fn end(&self) {
        self.account(|account| account.settlement.end());
    }

    /// The messages that this process keeps to read them by themselves, as many as the statement may be given; none when
    /// the server is to be asked. They are read by their sequences.
    ///
    /// # Errors
    /// Those of reading a message.
    pub fn kept(&self, most: Option<u64>) -> Result<Vec<Delivery>> {
        let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        loop {
            let kept = self.account(|account| account.settlement.next_kept(most, Instant::now()));
            if kept.is_empty() {
                return Ok(Vec::new());
            }
            let sequences: Vec<u64> = kept.iter().map(|given| given.sequence).collect();
            let records = get_messages(&self.connection, &self.key.stream, &sequences, true)?;
            let (mut deliveries, mut gone) = (Vec::with_capacity(kept.len()), Vec::new());
            for (given, record) in kept.into_iter().zip(records) {
                let Given { sequence, ack_subject, delivered, .. } = given;
                match record {
                    Some(record) => deliveries.push(Delivery { record, delivered, ack_subject }),
                    None => gone.push((sequence, ack_subject)),
                }
            }
            self.account(|account| gone.iter().for_each(|(sequence, _)| account.settlement.is_gone(*sequence)));
            self.tell(gone.iter().map(|(_, ack_subject)| ack_subject.as_str()), TERMINATE);
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
        }
    }

    /// How long until something that is kept is to be read; None when nothing is.
    #[must_use]
    pub fn next_kept_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.account(|account| account.settlement.next_kept_at(now)).map(|at| at.saturating_duration_since(now))
    }

    /// Returns all that the statement gave out: it failed, so none of it can be committed.
    pub fn give_all_back(&self) {
        let given = self.account(|account| account.settlement.fail(Instant::now()));
        self.tell(given.iter().map(|given| given.ack_subject.as_str()), RETURN);
        self.keep_alive();
    }

    /// Returns what was taken from the server and will not be given out, but for what was given out as well.
    pub fn give_back<'a>(&self, deliveries: impl Iterator<Item = &'a Delivery>) {
        let returned = self.account(|account| {
            let rest = deliveries.filter(|delivery| !account.settlement.gave(delivery.record.sequence));
            let rest = rest.map(|delivery| self.given(delivery)).collect();
            account.settlement.hand_back(rest)
        });
        self.tell(returned.iter().map(|given| given.ack_subject.as_str()), RETURN);
        self.keep_alive();
    }

    fn given(&self, delivery: &Delivery) -> Given {
        Given {
            sequence: delivery.record.sequence,
            ack_subject: delivery.ack_subject.clone(),
            delivered: delivery.delivered,
            last: self.max_deliver.is_some_and(|most| delivery.delivered >= most),
            since_us: 0,
        }
    }

    fn keep_alive(&self) {
        keep_alive(&self.connection, &self.key);
    }

    fn tell<'a>(&self, ack_subjects: impl Iterator<Item = &'a str>, word: &'static str) {
        tell(&self.connection, ack_subjects, word);
    }
}

/// Tells the server that what this process keeps of a durable is still in hand, if it is time to.
pub(super) fn keep_alive(connection: &Arc<Connection>, key: &LedgerKey) {
    let subjects = with_accounts(|accounts| {
        let account = accounts.get_mut(key)?;
        Some(account.settlement.keep_alive(Instant::now(), account.ack_wait))
    });
    tell(connection, subjects.iter().flatten().map(String::as_str), IN_PROGRESS);
}

/// Best effort: what the server does not hear of comes back after `ack_wait`.
fn tell<'a>(connection: &Arc<Connection>, ack_subjects: impl Iterator<Item = &'a str>, word: &'static str) {
    if !connection.is_up() {
        // Words that wait for the connection to come back could meet the messages in the hands of who has them then.
        return;
    }
    let Connection { client, timeout, .. } = &**connection;
    let _ = block_on(async {
        let mut any = false;
        for ack_subject in ack_subjects {
            any = true;
            if client.publish(ack_subject.to_owned(), Bytes::from_static(word.as_bytes())).await.is_err() {
                break;
            }
        }
        if any {
            // The process may end right after the statement.
            let _ = tokio::time::timeout(*timeout, client.flush()).await;
        }
        Ok(())
    });
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.account(|account| account.settlement.stop());
    }
}

/// What this process was given by a durable and has not settled, in the order in which it was given. No round trip.
#[must_use]
pub fn unsettled(key: &LedgerKey) -> Vec<Unsettled> {
    with_accounts(|accounts| accounts.get(key).map(|account| account.settlement.unsettled()).unwrap_or_default())
}

/// How many messages [`unsettled`] would show.
#[must_use]
pub fn pending(key: &LedgerKey) -> u64 {
    with_accounts(|accounts| accounts.get(key).map_or(0, |account| account.settlement.pending()))
}

/// The subject filters by which this process read a durable; every subject when it did not read it.
#[must_use]
pub fn subject_filters(key: &LedgerKey) -> Subjects {
    with_accounts(|accounts| accounts.get(key).map(|account| account.subjects.clone()).unwrap_or_default())
}

/// Lets one statement read; the answer is when the consumer was made, if this process knows.
fn claim(accounts: &mut HashMap<LedgerKey, Account>, key: &LedgerKey) -> Result<Option<String>> {
    let account = accounts.entry(key.clone()).or_default();
    let taken_back = account.settlement.start(Instant::now())?;
    stats::UNSETTLED.add(taken_back);
    Ok(account.created.clone())
}
