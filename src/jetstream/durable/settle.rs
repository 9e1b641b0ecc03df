//! What this process was given by a durable and has not settled: the ledger, and the two ways to settle.
//!
//! The extension cannot see a COMMIT or a ROLLBACK. So a durable is read by one call at a time: until what it gave is
//! acknowledged or returned, or the server has taken it back after `ack_wait`, the next read of that durable in this
//! process is an error. Otherwise an acknowledgement could cover rows that were rolled back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;

use super::pull::Delivery;
use crate::error::{Error, Result};
use crate::jetstream::api::Failure;
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime::block_on;
use crate::stats;

/// How many acknowledgements are in flight at once.
const IN_FLIGHT: usize = 512;

/// One durable of one server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LedgerKey {
    /// The server, as errors show it.
    pub server: String,
    /// The stream's name.
    pub stream: String,
    /// The consumer's name.
    pub durable: String,
}

/// A message that was given and not settled.
#[derive(Debug, Clone)]
struct Given {
    sequence: u64,
    ack_subject: String,
}

#[derive(Debug)]
struct Account {
    given: Vec<Given>,
    /// Whether a statement is reading.
    reading: bool,
    /// When the server takes the last of it back.
    until: Instant,
}

/// The accounts of the process that made them: a forked child owes nothing.
#[derive(Default)]
struct Accounts {
    process: u32,
    by_key: HashMap<LedgerKey, Account>,
}

static ACCOUNTS: Mutex<Option<Accounts>> = Mutex::new(None);

fn with_accounts<T>(action: impl FnOnce(&mut HashMap<LedgerKey, Account>) -> T) -> T {
    let mut slot: MutexGuard<'_, Option<Accounts>> = ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let accounts = slot.get_or_insert_default();
    if accounts.process != process {
        *accounts = Accounts { process, by_key: HashMap::new() };
    }
    action(&mut accounts.by_key)
}

/// One statement's right to read a durable. What it gives out is written down; what it took from the server and did not
/// give out goes back when it ends.
pub struct Ledger {
    key: LedgerKey,
    ack_wait: Duration,
    connection: Arc<Connection>,
}

/// Starts a statement's reading of a durable.
///
/// # Errors
/// Another statement is reading, or what an earlier one was given is not settled.
pub fn open_ledger(connection: Arc<Connection>, key: LedgerKey, ack_wait: Duration) -> Result<Ledger> {
    let opened = with_accounts(|accounts| {
        let empty = || Account { given: Vec::new(), reading: false, until: Instant::now() };
        let account = accounts.entry(key.clone()).or_insert_with(empty);
        if account.reading {
            return Err(Error::new("another statement of this process is reading this durable")
                .advice("let it end first, or give each its own durable"));
        }
        if account.until <= Instant::now() {
            stats::UNSETTLED.add(account.given.len() as u64);
            account.given.clear();
        }
        if !account.given.is_empty() {
            return Err(Error::new(format!(
                "{} messages that this process was given are neither acknowledged nor returned",
                account.given.len()
            ))
            .advice("after COMMIT run FROM nats_ack(stream, durable), after ROLLBACK FROM nats_nak(stream, durable)"));
        }
        account.reading = true;
        Ok(())
    });
    opened.map_err(|error| error.stream(&key.stream).server(&key.server))?;
    Ok(Ledger { key, ack_wait, connection })
}

impl Ledger {
    /// Writes down what the statement gives out now.
    pub fn give(&self, deliveries: impl Iterator<Item = (u64, String)>) {
        with_accounts(|accounts| {
            if let Some(account) = accounts.get_mut(&self.key) {
                let before = account.given.len();
                account.given.extend(deliveries.map(|(sequence, ack_subject)| Given { sequence, ack_subject }));
                account.until = Instant::now() + self.ack_wait;
                stats::GIVEN.add((account.given.len() - before) as u64);
            }
        });
    }

    /// Returns to the server all that the statement gave out: it failed, so none of it can be committed.
    pub fn give_all_back(&self) {
        let given = with_accounts(|accounts| {
            accounts.get_mut(&self.key).map(|account| std::mem::take(&mut account.given)).unwrap_or_default()
        });
        self.return_to_server(given.iter().map(|given| given.ack_subject.as_str()));
    }

    /// Returns to the server what was taken and will not be given out. Best effort: what is not returned comes back
    /// after `ack_wait`.
    pub fn give_back(&self, deliveries: &[Delivery]) {
        self.return_to_server(deliveries.iter().map(|delivery| delivery.ack_subject.as_str()));
    }

    fn return_to_server<'a>(&self, ack_subjects: impl Iterator<Item = &'a str>) {
        let client = &self.connection.client;
        let _ = block_on(async {
            for ack_subject in ack_subjects {
                if client.publish(ack_subject.to_owned(), Bytes::from_static(b"-NAK")).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        with_accounts(|accounts| {
            if let Some(account) = accounts.get_mut(&self.key) {
                account.reading = false;
            }
        });
    }
}

/// What became of the messages that a process was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// How many the server confirmed.
    pub count: u64,
    /// The highest stream sequence among them.
    pub last_sequence: Option<u64>,
    /// How many this process was given and has still not settled.
    pub still_pending: u64,
}

/// Acknowledges what this process was given by a durable, up to a sequence if one is said, and waits for the server's
/// word on each.
pub fn acknowledge(connection: &Arc<Connection>, key: &LedgerKey, up_to: Option<u64>) -> Result<Settled> {
    let settled = settle(connection, key, up_to, "+ACK")?;
    stats::ACKED.add(settled.count);
    Ok(settled)
}

/// Returns what this process was given to the server, which delivers it again, at once or after a delay.
pub fn reject(connection: &Arc<Connection>, key: &LedgerKey, delay: Option<Duration>) -> Result<Settled> {
    let word = match delay {
        Some(delay) if !delay.is_zero() => format!(r#"-NAK {{"delay": {}}}"#, delay.as_nanos()),
        _ => "-NAK".to_owned(),
    };
    let settled = settle(connection, key, None, &word)?;
    stats::REJECTED.add(settled.count);
    Ok(settled)
}

/// Takes the messages out of the account, speaks to the server about each, and puts back those it did not confirm.
fn settle(connection: &Arc<Connection>, key: &LedgerKey, up_to: Option<u64>, word: &str) -> Result<Settled> {
    let limit = up_to.unwrap_or(u64::MAX);
    let taken: Vec<Given> = with_accounts(|accounts| match accounts.get_mut(key) {
        Some(account) => account.given.extract_if(.., |given| given.sequence <= limit).collect(),
        None => Vec::new(),
    });
    let word = Bytes::copy_from_slice(word.as_bytes());
    let outcomes: Vec<std::result::Result<(), Failure>> = block_on(async {
        let requests = taken.iter().map(|given| {
            let request = connection.request(&given.ack_subject, word.clone());
            async move { request.await.map(|_| ()) }
        });
        Ok(futures_util::stream::iter(requests).buffered(IN_FLIGHT).collect().await)
    })?;
    let mut settled = Settled { count: 0, last_sequence: None, still_pending: 0 };
    let (mut unconfirmed, mut failure) = (Vec::new(), None);
    for (given, outcome) in taken.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                settled.count += 1;
                settled.last_sequence = settled.last_sequence.max(Some(given.sequence));
            }
            Err(reason) => {
                failure = Some((given.sequence, reason));
                unconfirmed.push(given);
            }
        }
    }
    let count = unconfirmed.len();
    settled.still_pending = with_accounts(|accounts| {
        let Some(account) = accounts.get_mut(key) else { return 0 };
        account.given.append(&mut unconfirmed);
        account.given.len() as u64
    });
    match failure {
        None => Ok(settled),
        Some((sequence, reason)) => {
            let error = connection.failure(reason, "an acknowledgement");
            Err(Error::new(format!(
                "the server did not confirm {count} of {} messages: {}",
                count as u64 + settled.count,
                error.cause()
            ))
            .stream(&key.stream)
            .sequence(sequence)
            .server(&key.server)
            .advice("run it again; what is not confirmed is delivered again after ack_wait"))
        }
    }
}
