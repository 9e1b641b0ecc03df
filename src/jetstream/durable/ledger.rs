//! What this process was given by a durable and has not settled.
//!
//! The extension cannot see a COMMIT or a ROLLBACK. So a durable is read by one call at a time: until what it gave is
//! acknowledged or returned, or the server has taken it back after `ack_wait`, the next read of that durable in this
//! process is an error. Otherwise an acknowledgement could cover rows that were rolled back.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::config::{DurableOptions, ensure};
use super::given_up::Watch;
use super::pull::Delivery;
use crate::error::{Error, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::options::ConnectOptions;
use crate::jetstream::runtime::block_on;
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
    pub fn new(connect: &ConnectOptions, stream: &str, durable: &str) -> Self {
        let connect = ConnectOptions { timeout: ConnectOptions::DEFAULT_TIMEOUT, ..connect.clone() };
        Self { connect, stream: stream.to_owned(), durable: durable.to_owned() }
    }

    /// Names the durable in an error.
    pub(super) fn place(&self, error: Error) -> Error {
        error.stream(&self.stream).server(&self.connect.label())
    }
}

/// A message that was given and not settled.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) sequence: u64,
    pub(super) ack_subject: String,
    /// The consumer delivers it no more.
    pub(super) last: bool,
}

/// How far the statement came that read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is still at it.
    Running,
    /// It ended before it had asked for everything, by a LIMIT or an error: it may have left out some of the last rows
    /// that it was handed.
    CutShort,
    /// It took all that it was given.
    Whole,
}

pub(super) struct Account {
    /// In the order in which it was given.
    pub(super) given: Vec<Given>,
    pub(super) reading: Reading,
    /// A statement speaks to the server about what was given.
    pub(super) settling: bool,
    /// When the server takes the last of it back.
    until: Instant,
    /// When the consumer was made that gave it.
    pub(super) created: Option<String>,
    pub(super) watch: Option<Watch>,
}

impl Account {
    /// What to tell a statement that comes while another settles.
    pub(super) fn is_settling(&self) -> Error {
        Error::new("another statement of this process is acknowledging or returning what this durable gave")
            .advice("let it end first")
    }
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
    /// What the statement gave out.
    sequences: HashSet<u64>,
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
            Self { key, connection, ack_wait: Duration::ZERO, max_deliver: None, sequences: HashSet::new() };
        let consumer = ensure(&ledger.connection, options, known.as_deref())?;
        let Some(consumer) = consumer else {
            ledger.account(|account| {
                account.created = None;
                account.watch = None;
            });
            return Err(ledger.key.place(
                Error::new(format!("the consumer '{}' was deleted since this process read it", ledger.key.durable))
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
        });
        (ledger.ack_wait, ledger.max_deliver) = (consumer.ack_wait, consumer.max_deliver);
        Ok(ledger)
    }

    fn account<T: Default>(&self, action: impl FnOnce(&mut Account) -> T) -> T {
        with_accounts(|accounts| accounts.get_mut(&self.key).map(action).unwrap_or_default())
    }

    /// How long the server waits for an acknowledgement.
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait
    }

    /// Writes down what the statement gives out now. What it gave out before, and the server has delivered again, is left
    /// out of the deliveries: a call gives a message once.
    pub fn give(&mut self, deliveries: &mut Vec<Delivery>) {
        let (key, max_deliver) = (&self.key, self.max_deliver);
        let given = |delivery: &Delivery| Given {
            sequence: delivery.record.sequence,
            ack_subject: delivery.ack_subject.clone(),
            last: max_deliver.is_some_and(|most| delivery.delivered >= most),
        };
        let until = Instant::now() + self.ack_wait;
        with_accounts(|accounts| {
            let Some(account) = accounts.get_mut(key) else { return };
            deliveries.retain(|delivery| {
                let new = self.sequences.insert(delivery.record.sequence);
                let delivery = given(delivery);
                if new {
                    account.given.push(delivery);
                } else if let Some(first) = account.given.iter_mut().rfind(|first| first.sequence == delivery.sequence)
                {
                    *first = delivery;
                }
                new
            });
            account.until = until;
        });
        stats::GIVEN.add(deliveries.len() as u64);
    }

    /// The messages on which the consumer gave up since this was last asked.
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
        self.account(|account| account.reading = Reading::Whole);
    }

    /// Returns to the server all that the statement gave out: it failed, so none of it can be committed.
    pub fn give_all_back(&self) {
        let given = self.account(|account| std::mem::take(&mut account.given));
        self.return_to_server(given.iter().map(|given| given.ack_subject.as_str()));
    }

    /// Returns to the server what was taken and will not be given out, but for what was given out as well.
    pub fn give_back<'a>(&self, deliveries: impl Iterator<Item = &'a Delivery>) {
        let deliveries = deliveries.filter(|delivery| !self.sequences.contains(&delivery.record.sequence));
        self.return_to_server(deliveries.map(|delivery| delivery.ack_subject.as_str()));
    }

    /// Best effort: what is not returned comes back after `ack_wait`.
    fn return_to_server<'a>(&self, ack_subjects: impl Iterator<Item = &'a str>) {
        if !self.connection.is_up() {
            // Words that wait for the connection to come back could meet the messages in the hands of who has them then.
            return;
        }
        let Connection { client, timeout, .. } = &*self.connection;
        let _ = block_on(async {
            let mut any = false;
            for ack_subject in ack_subjects {
                any = true;
                if client.publish(ack_subject.to_owned(), Bytes::from_static(b"-NAK")).await.is_err() {
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
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.account(|account| {
            if account.reading == Reading::Running {
                account.reading = Reading::CutShort;
            }
        });
    }
}

/// Lets one statement read; the answer is when the consumer was made, if this process knows.
fn claim(accounts: &mut HashMap<LedgerKey, Account>, key: &LedgerKey) -> Result<Option<String>> {
    let account = accounts.entry(key.clone()).or_insert_with(|| Account {
        given: Vec::new(),
        reading: Reading::Whole,
        settling: false,
        until: Instant::now(),
        created: None,
        watch: None,
    });
    if account.reading == Reading::Running {
        return Err(Error::new(
            "another statement of this process is reading this durable, or another part of this one",
        )
        .advice("let it end first, or give each its own durable"));
    }
    if account.settling {
        return Err(account.is_settling());
    }
    if account.until <= Instant::now() {
        stats::UNSETTLED.add(account.given.len() as u64);
        account.given.clear();
    }
    if !account.given.is_empty() {
        return Err(Error::new(format!(
            "{} that this process was given are neither acknowledged nor returned",
            messages(account.given.len())
        ))
        .advice("after COMMIT run FROM nats_ack(stream, durable), after ROLLBACK FROM nats_nak(stream, durable)"));
    }
    account.reading = Reading::Running;
    Ok(account.created.clone())
}

/// `1 message`, `2 messages`.
pub(super) fn messages(count: usize) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}
