//! Settles the messages of some sequences: they are acknowledged by evidence, returned, ended, or reported as in progress.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pending_acks::{DurableKey, keep_alive, with_sessions};
use super::settle::{Taken, acknowledged, check_known, report_given_up, return_word, send_acks, were};
use super::words::{ACKNOWLEDGE, IN_PROGRESS, TERMINATE, ask_each};
use crate::error::{Error, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime::block_on;
use crate::plan::Given;
use crate::stats;

/// Acknowledges exactly the messages of these sequences that this process was given, and waits for the server's answer to each. Returns the sequences
/// that the server confirmed.
///
/// # Errors
/// This process never read the durable; a statement is still reading; the consumer is gone; the server did not confirm;
/// and, after all is acknowledged, the consumer gave up on messages.
pub fn acknowledge_these(
    connection: &Arc<Connection>,
    key: &DurableKey,
    sequences: &HashSet<u64>,
) -> Result<HashSet<u64>> {
    if sequences.is_empty() {
        return Ok(HashSet::new());
    }
    check_known(key)?;
    let taken = Taken::take(key, |settlement| settlement.acknowledge_these(sequences))?;
    let (confirmed, given_up) = send_acks(connection, taken, |_| ACKNOWLEDGE.to_owned())?;
    keep_alive(connection, key);
    acknowledged(key, &confirmed, &given_up).map(|()| confirmed.sequences.into_iter().collect())
}

/// Returns exactly the messages of these sequences that this process was given: the server delivers them again, at once or after a delay. The process
/// keeps a message that the server would not deliver again, and reads it by itself. The result is the sequences that come again.
///
/// # Errors
/// Those of [`acknowledge_these`].
pub fn return_these(
    connection: &Arc<Connection>,
    key: &DurableKey,
    sequences: &HashSet<u64>,
    delay: Option<Duration>,
) -> Result<HashSet<u64>> {
    if sequences.is_empty() {
        return Ok(HashSet::new());
    }
    check_known(key)?;
    let not_before = delay.map(|delay| Instant::now() + delay);
    let mut taken = Taken::take(key, |settlement| settlement.return_these(sequences, not_before))?;
    let kept = std::mem::take(&mut taken.decided.kept);
    let (confirmed, given_up) = send_acks(connection, taken, |_| return_word(delay))?;
    keep_alive(connection, key);
    let returned: HashSet<u64> = confirmed.sequences.into_iter().chain(kept).collect();
    stats::REJECTED.add(returned.len() as u64);
    report_given_up(key, &format!("{} returned", were(returned.len() as u64)), &given_up).map(|()| returned)
}

/// Ends exactly the messages of these sequences that this process was given: the consumer never delivers them again, and they stay in the stream.
/// Returns the sequences that the server confirmed. `reason` goes into the server's advisory, from server 2.11 on.
///
/// # Errors
/// Those of [`acknowledge_these`].
pub fn terminate_these(
    connection: &Arc<Connection>,
    key: &DurableKey,
    sequences: &HashSet<u64>,
    reason: Option<&str>,
) -> Result<HashSet<u64>> {
    if sequences.is_empty() {
        return Ok(HashSet::new());
    }
    check_known(key)?;
    let reason = reason.filter(|_| connection.client.is_server_compatible(2, 11, 0));
    let word = reason.map_or(TERMINATE.to_owned(), |reason| format!("{TERMINATE} {reason}"));
    let taken = Taken::take(key, |settlement| settlement.end_these(sequences))?;
    let (confirmed, given_up) = send_acks(connection, taken, |_| word.clone())?;
    keep_alive(connection, key);
    let count = confirmed.sequences.len() as u64;
    report_given_up(key, &format!("{} ended", were(count)), &given_up)
        .map(|()| confirmed.sequences.into_iter().collect())
}

/// Reports to the server that the messages of these sequences that this process was given are in progress: it waits for `ack_wait` once more. Returns
/// the sequences that the server confirmed.
///
/// # Errors
/// Those of [`acknowledge_these`], except that a statement may be reading.
pub fn extend_these(connection: &Arc<Connection>, key: &DurableKey, sequences: &HashSet<u64>) -> Result<HashSet<u64>> {
    if sequences.is_empty() {
        return Ok(HashSet::new());
    }
    check_known(key)?;
    let now = Instant::now();
    let given = with_sessions(|sessions| sessions.get(key).map(|session| session.settlement.given(sequences)));
    let given = given.unwrap_or_default();
    let messages: Vec<&Given> = given.iter().collect();
    let answers = block_on(ask_each(connection, &messages, |_| IN_PROGRESS.to_owned()))?;
    if let Some((index, failure)) = answers.failure {
        let error = connection.failure(failure, "a word on a message");
        let place = given.get(index).map(|given| given.sequence).unwrap_or_default();
        return Err(key.place(Error::of(error.kind(), error.cause().to_owned())).sequence(place));
    }
    with_sessions(|sessions| {
        if let Some(session) = sessions.get_mut(key) {
            session.settlement.extend(sequences, now + session.ack_wait);
        }
    });
    keep_alive(connection, key);
    Ok(given.into_iter().map(|given| given.sequence).collect())
}
