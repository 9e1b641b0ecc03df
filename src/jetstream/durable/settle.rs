//! The two ways to settle what this process was given: acknowledge it after COMMIT, return it after ROLLBACK.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;

use super::config::exists;
use super::ledger::{Account, Given, LedgerKey, Reading, messages, with_accounts};
use crate::error::{Error, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::runtime::block_on;
use crate::stats;

/// How many acknowledgements are in flight at once.
const IN_FLIGHT: usize = 512;
/// How many sequences an error lists.
const LISTED: usize = 20;

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
///
/// # Errors
/// A statement is still reading; the one that read was cut short, and no sequence says how far it wrote; the consumer
/// is gone; the server did not confirm; and, after all is acknowledged, the consumer gave up on messages.
pub fn acknowledge(connection: &Arc<Connection>, key: &LedgerKey, up_to: Option<u64>) -> Result<Settled> {
    let taken = take(key, |account| {
        let Some(limit) = up_to else {
            if account.reading == Reading::CutShort && !account.given.is_empty() {
                return Err(Error::new(format!(
                    "the statement that was given {} ended before it had read them all, by a LIMIT or an error: \
                     which of them it wrote is not known",
                    messages(account.given.len())
                ))
                .advice(
                    "FROM nats_nak(stream, durable) returns them; use max_messages instead of LIMIT, or say with \
                     up_to_seq which sequence was written last",
                ));
            }
            return Ok(std::mem::take(&mut account.given));
        };
        if account.reading == Reading::Whole {
            return Ok(account.given.extract_if(.., |given| given.sequence <= limit).collect());
        }
        // What was written is what came first, and messages that come again can be older than those before them.
        let named = account.given.iter().position(|given| given.sequence == limit).map(|position| position + 1);
        let beyond = account.given.iter().position(|given| given.sequence > limit).unwrap_or(account.given.len());
        let written = named.map_or(beyond, |named| named.min(beyond));
        Ok(account.given.drain(..written).collect())
    })?;
    let (settled, given_up) = settle(connection, key, taken, "+ACK", false)?;
    stats::ACKED.add(settled.count);
    tell(key, &format!("{} acknowledged", were(settled.count)), &given_up).map(|()| settled)
}

/// Returns what this process was given to the server, which delivers it again, at once or after a delay.
///
/// # Errors
/// A statement is still reading; the consumer is gone; the server did not confirm; and, after all is returned, the
/// consumer gives up on messages because it has delivered them `max_deliver` times.
pub fn reject(connection: &Arc<Connection>, key: &LedgerKey, delay: Option<Duration>) -> Result<Settled> {
    let word = match delay {
        Some(delay) if !delay.is_zero() => format!(r#"-NAK {{"delay": {}}}"#, delay.as_nanos()),
        _ => "-NAK".to_owned(),
    };
    let taken = take(key, |account| Ok(std::mem::take(&mut account.given)))?;
    let (settled, given_up) = settle(connection, key, taken, &word, true)?;
    stats::REJECTED.add(settled.count);
    tell(key, &format!("{} returned", were(settled.count)), &given_up).map(|()| settled)
}

fn were(count: u64) -> String {
    format!("{count} message{}", if count == 1 { " was" } else { "s were" })
}

/// Messages on their way out of the account. Until the end of it nobody else reads or settles: what the server does not
/// confirm comes back, and must not be covered by another statement's acknowledgement.
struct Taken<'a> {
    key: &'a LedgerKey,
    messages: Vec<Given>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        with_accounts(|accounts| {
            if let Some(account) = accounts.get_mut(self.key) {
                account.settling = false;
            }
        });
    }
}

/// Takes messages out of the account.
fn take(key: &LedgerKey, choose: impl FnOnce(&mut Account) -> Result<Vec<Given>>) -> Result<Taken<'_>> {
    let taken = with_accounts(|accounts| match accounts.get_mut(key) {
        None => Ok(Vec::new()),
        Some(account) if account.reading == Reading::Running => {
            Err(Error::new("a statement of this process is still reading this durable")
                .advice("let it end and its transaction be committed or rolled back first"))
        }
        Some(account) if account.settling => Err(account.is_settling()),
        Some(account) => choose(account).inspect(|_| account.settling = true),
    });
    taken.map(|messages| Taken { key, messages }).map_err(|error| key.place(error))
}

/// Speaks to the server about each message and puts back those that it did not confirm. Beside what was settled come
/// the messages on which the consumer gave up.
fn settle(
    connection: &Arc<Connection>,
    key: &LedgerKey,
    mut account: Taken<'_>,
    word: &str,
    returned: bool,
) -> Result<(Settled, BTreeSet<u64>)> {
    let taken = std::mem::take(&mut account.messages);
    let wanted = taken.len();
    check_consumer(connection, key, &taken)?;
    let outcomes = speak(connection, &taken, word)?;
    let mut settled = Settled { count: 0, last_sequence: None, still_pending: 0 };
    let (mut unconfirmed, mut failure, mut given_up) = (Vec::new(), None, BTreeSet::new());
    let mut outcomes = outcomes.into_iter();
    for given in taken {
        match outcomes.next() {
            Some(Ok(())) => {
                settled.count += 1;
                settled.last_sequence = settled.last_sequence.max(Some(given.sequence));
                if returned && given.last {
                    given_up.insert(given.sequence);
                }
            }
            outcome => {
                if let Some(Err(reason)) = outcome {
                    failure = Some((given.sequence, reason));
                }
                unconfirmed.push(given);
            }
        }
    }
    let count = unconfirmed.len();
    with_accounts(|accounts| {
        let Some(account) = accounts.get_mut(key) else { return };
        // They were given before those that nothing was said about.
        account.given.splice(0..0, unconfirmed);
        settled.still_pending = account.given.len() as u64;
        if let Some(watch) = &mut account.watch {
            watch.tell(&given_up);
            given_up.append(&mut watch.take());
            if failure.is_some() {
                // The error that comes of it has no room for these.
                watch.keep(&given_up);
            }
        }
    });
    let Some((sequence, reason)) = failure else { return Ok((settled, given_up)) };
    let error = match reason {
        Failure::NoResponders => Error::new(format!("nobody answers for the consumer '{}'", key.durable)),
        reason => connection.failure(reason, "an acknowledgement"),
    };
    Err(key
        .place(Error::new(format!("the server did not confirm {count} of {}: {}", messages(wanted), error.cause())))
        .sequence(sequence)
        .advice("run it again; what is not confirmed is delivered again after ack_wait"))
}

/// One word on each message, in flight together; the outcomes come in the order of the messages, and end after the
/// first that the server did not answer: the rest would wait as long.
fn speak(connection: &Arc<Connection>, taken: &[Given], word: &str) -> Result<Vec<std::result::Result<(), Failure>>> {
    let word = Bytes::copy_from_slice(word.as_bytes());
    block_on(async {
        let requests = taken.iter().map(|given| {
            let request = connection.request(&given.ack_subject, word.clone());
            async move { request.await.map(|_| ()) }
        });
        let mut answers = futures_util::stream::iter(requests).buffered(IN_FLIGHT);
        let mut outcomes = Vec::with_capacity(taken.len());
        while let Some(outcome) = answers.next().await {
            let silent = outcome == Err(Failure::TimedOut);
            outcomes.push(outcome);
            if silent {
                break;
            }
        }
        Ok(outcomes)
    })
}

/// Makes sure that the consumer that gave the messages is the one that will hear of them. A word to a consumer that was
/// made anew could settle other messages of the same sequences, if the stream was made anew as well.
fn check_consumer(connection: &Arc<Connection>, key: &LedgerKey, taken: &[Given]) -> Result<()> {
    if taken.is_empty() {
        return Ok(());
    }
    let created = with_accounts(|accounts| accounts.get(key).and_then(|account| account.created.clone()));
    let found = block_on(exists(connection, &key.stream, &key.durable, &created.unwrap_or_default()));
    let gone = match found {
        Ok(true) => return Ok(()),
        Ok(false) => true,
        Err(_) => false,
    };
    with_accounts(|accounts| {
        let Some(account) = accounts.get_mut(key) else { return };
        if gone {
            account.created = None;
            account.watch = None;
            stats::UNSETTLED.add(taken.len() as u64);
        } else {
            account.given.splice(0..0, taken.iter().cloned());
        }
    });
    found?;
    Err(key.place(
        Error::new(format!(
            "the consumer '{}' was deleted, and with it the memory of {} that it gave to this process",
            key.durable,
            messages(taken.len())
        ))
        .advice(
            "nothing is left to settle; the next nats_ingest makes the consumer anew, which delivers all messages of \
             the stream once more",
        ),
    ))
}

/// The consumer gave up on messages: an error, after what was asked for is done.
fn tell(key: &LedgerKey, done: &str, given_up: &BTreeSet<u64>) -> Result<()> {
    if given_up.is_empty() {
        return Ok(());
    }
    let mut listed: Vec<String> = given_up.iter().take(LISTED).map(u64::to_string).collect();
    let more = given_up.len() - listed.len();
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    let first = given_up.first().copied().unwrap_or_default();
    Err(key.place(
        Error::new(format!(
            "{done}; but the consumer '{}' gives up on {}, which it delivered max_deliver times without an \
             acknowledgement: sequence {}",
            key.durable,
            messages(given_up.len()),
            listed.join(", ")
        ))
        .advice(format!(
            "what is given up is still in the stream, and read by FROM nats_get('{}', {first})",
            key.stream
        )),
    ))
}
