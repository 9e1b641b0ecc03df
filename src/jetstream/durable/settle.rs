//! Settles the messages that this process was given: acknowledges those that the table holds, or all of them after COMMIT; returns them after
//! ROLLBACK.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::acks::acknowledge_unanswered;
use super::info::progress;
use super::pending_acks::{DurableKey, keep_alive, with_sessions};
use super::words::{ACKNOWLEDGE, Answers, RETURN, TERMINATE, ask_each};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::runtime::block_on;
use crate::plan::{Backoff, Confirmed, Decided, Decision, Given, Progress, Settlement, messages};
use crate::stats;

/// The most acknowledgements that each want an answer: up to this number, they are as fast as one request for the consumer's state.
const FEW: usize = 64;
/// The most sequences that an error lists.
const LISTED: usize = 20;

/// The outcome of acknowledging the messages that a process was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The number of messages that the server confirmed.
    pub count: u64,
    /// The highest stream sequence among them.
    pub last_sequence: Option<u64>,
    /// The number of messages that this process was given and has still not settled.
    pub still_pending: u64,
}

/// The outcome of returning the messages that a process was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// The number of messages that come again: from the server, or, kept by the process, by themselves.
    pub settled: Settled,
    /// The number of messages that became dead letters.
    pub dead_letters: u64,
}

/// Acknowledges the messages that a durable gave to this process, up to a sequence if one is given, and waits for the server's answer to each.
///
/// # Errors
/// This process never read the durable; a statement is still reading; the last read was cut short, and no sequence is given up to which it wrote; the
/// consumer is gone; the server did not confirm; and, after all is acknowledged, the consumer gave up on messages.
pub fn acknowledge(connection: &Arc<Connection>, key: &DurableKey, up_to: Option<u64>) -> Result<Settled> {
    check_known(key)?;
    let taken = Taken::take(key, |settlement| settlement.acknowledge(up_to))?;
    let (confirmed, given_up) = send_acks(connection, taken, |_| ACKNOWLEDGE.to_owned())?;
    keep_alive(connection, key);
    acknowledged(key, &confirmed, &given_up).map(|()| settled(&confirmed))
}

pub(super) fn acknowledged(key: &DurableKey, confirmed: &Confirmed, given_up: &BTreeSet<u64>) -> Result<()> {
    let count = confirmed.sequences.len() as u64;
    stats::ACKED.add(count);
    report_given_up(key, &format!("{} acknowledged", were(count)), given_up)
}

fn settled(confirmed: &Confirmed) -> Settled {
    Settled {
        count: confirmed.sequences.len() as u64,
        last_sequence: confirmed.sequences.iter().max().copied(),
        still_pending: confirmed.still_pending,
    }
}

/// The error for a process that never read the durable: its acknowledgement would cover no message, and look like a success.
pub(super) fn check_known(key: &DurableKey) -> Result<()> {
    if with_sessions(|sessions| sessions.contains_key(key)) {
        return Ok(());
    }
    Err(key.place(
        Error::of(Kind::Misuse, format!("this process was given nothing by the durable '{}'", key.durable)).advice(
            "acknowledge in the process that read, naming the server and the user as nats_ingest did; what a process \
             that has ended was given comes again after ack_wait",
        ),
    ))
}

/// Returns the messages that this process was given to the server, which delivers them again, at once or after a delay. The process keeps messages
/// that fail again, and reads them by themselves (`plan::isolation`). With `bury`, one message that fails alone becomes a dead letter, and its
/// consumer never delivers it again.
///
/// # Errors
/// A statement is still reading; the consumer is gone; the server did not confirm; the dead letter was not stored; and,
/// after all is returned, the consumer gave up on messages.
pub fn reject(
    connection: &Arc<Connection>,
    key: &DurableKey,
    backoff: &Backoff,
    bury: Option<&dyn Fn(u64) -> Result<()>>,
) -> Result<Returned> {
    let decide = |settlement: &mut Settlement| settlement.return_all(bury.is_some(), backoff, Instant::now());
    let mut taken = Taken::take(key, decide)?;
    let kept = std::mem::take(&mut taken.decided.kept);
    let buried = taken.decided.decision == Decision::End;
    if let Some(bury) = bury.filter(|_| buried) {
        taken.decided.messages.iter().try_for_each(|given| bury(given.sequence))?;
    }
    let words = |given: &Given| match backoff.delay(given.delivered).filter(|delay| !delay.is_zero()) {
        _ if buried => TERMINATE.to_owned(),
        delay => return_word(delay),
    };
    let (mut confirmed, given_up) = send_acks(connection, taken, words)?;
    keep_alive(connection, key);
    let dead_letters = if buried { std::mem::take(&mut confirmed.sequences).len() as u64 } else { 0 };
    confirmed.sequences.extend(kept);
    let settled = settled(&confirmed);
    stats::REJECTED.add(settled.count);
    report_given_up(key, &format!("{} returned", were(settled.count)), &given_up)
        .map(|()| Returned { settled, dead_letters })
}

/// The payload that returns a message (`-NAK`), after a delay or at once.
pub(super) fn return_word(delay: Option<Duration>) -> String {
    match delay {
        Some(delay) => format!(r#"{RETURN} {{"delay": {}}}"#, delay.as_nanos()),
        None => RETURN.to_owned(),
    }
}

pub(super) fn were(count: u64) -> String {
    format!("{count} message{}", if count == 1 { " was" } else { "s were" })
}

/// Messages that were decided about. No other statement reads or settles until the server has answered: messages that it does not confirm are still
/// given, and another statement's acknowledgement must not cover them.
pub(super) struct Taken<'a> {
    key: &'a DurableKey,
    pub(super) decided: Decided,
    /// Whether their outcome was noted; if not, they still count as given.
    closed: bool,
}

impl<'a> Taken<'a> {
    pub(super) fn take(key: &'a DurableKey, decide: impl FnOnce(&mut Settlement) -> Result<Decided>) -> Result<Self> {
        let nothing = Decided { decision: Decision::Return, messages: Vec::new(), kept: Vec::new() };
        let decided = with_sessions(|sessions| match sessions.get_mut(key) {
            None => Ok(nothing),
            Some(session) => decide(&mut session.settlement),
        });
        decided.map(|decided| Self { key, decided, closed: false }).map_err(|error| key.place(error))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        with_sessions(|sessions| {
            if let Some(session) = sessions.get_mut(self.key) {
                session.settlement.undo();
            }
        });
    }
}

/// Sends the acknowledgement of each message and waits for the server's answers. Returns the messages that are settled, and
/// those on which the consumer gave up.
pub(super) fn send_acks(
    connection: &Arc<Connection>,
    mut taken: Taken<'_>,
    word: impl Fn(&Given) -> String,
) -> Result<(Confirmed, BTreeSet<u64>)> {
    let key = taken.key;
    let (created, before) = check_consumer(connection, &mut taken)?;
    let (in_hand, lowest_in_hand) =
        with_sessions(|sessions| sessions.get(key).map(|session| session.settlement.in_hand()).unwrap_or_default());
    let decided: Vec<&Given> = taken.decided.messages.iter().collect();
    let wanted = decided.len();
    let answers = block_on(async {
        if taken.decided.decision == Decision::Acknowledge {
            let alone = before.ack_pending <= in_hand + wanted as u64;
            return acknowledge_all(connection, key, &created, &decided, lowest_in_hand, alone).await;
        }
        ask_each(connection, &decided, word).await
    })?;
    let failure = answers.failure.and_then(|(index, reason)| Some((decided.get(index)?.sequence, reason)));
    taken.closed = true;
    let (confirmed, given_up) = with_sessions(|sessions| {
        let Some(session) = sessions.get_mut(key) else { return Default::default() };
        let confirmed = session.settlement.confirm(answers.confirmed.iter().copied());
        let mut given_up = BTreeSet::new();
        if let Some(watch) = &mut session.watch {
            given_up = watch.take();
            if failure.is_some() {
                // The error has no room for these.
                watch.keep(&given_up);
            }
        }
        (confirmed, given_up)
    });
    let Some((sequence, reason)) = failure else { return Ok((confirmed, given_up)) };
    let unconfirmed = confirmed.unconfirmed;
    let error = match reason {
        Failure::NoResponders => {
            Error::of(Kind::Unavailable, format!("nobody answers for the consumer '{}'", key.durable))
        }
        reason => connection.failure(reason, "an acknowledgement"),
    };
    Err(key
        .place(Error::of(
            error.kind(),
            format!("the server did not confirm {unconfirmed} of {}: {}", messages(wanted), error.cause()),
        ))
        .sequence(sequence)
        .advice("run it again; what is not confirmed is delivered again after ack_wait"))
}

/// Acknowledges messages, each confirmed by the server: the consumer's state afterwards proves many at once; those that it does not prove are
/// acknowledged one by one, each with an answer.
///
/// Nothing is proven above the lowest message that is still given. `alone` says that no other process was given any.
async fn acknowledge_all(
    connection: &Arc<Connection>,
    key: &DurableKey,
    created: &str,
    messages: &[&Given],
    lowest_in_hand: Option<u64>,
    alone: bool,
) -> Result<Answers> {
    let mut answers = Answers { confirmed: vec![false; messages.len()], failure: None };
    let provable = |given: &Given| alone && lowest_in_hand.is_none_or(|lowest| given.sequence < lowest);
    let provable: Vec<&Given> = messages.iter().copied().filter(|given| provable(given)).collect();
    if provable.len() > FEW {
        if let Err(failure) = acknowledge_unanswered(connection, &provable).await {
            answers.failure = Some((0, failure));
            return Ok(answers);
        }
        let progress = progress(connection, &key.stream, &key.durable, created).await?.unwrap_or_default();
        for (given, confirmed) in messages.iter().zip(&mut answers.confirmed) {
            *confirmed = progress.proves(given.sequence);
        }
    }
    let rest: Vec<usize> = (0..messages.len()).filter(|index| !answers.confirmed[*index]).collect();
    let unproven: Vec<&Given> = rest.iter().map(|index| messages[*index]).collect();
    let asked = ask_each(connection, &unproven, |_| ACKNOWLEDGE.to_owned()).await?;
    for (index, confirmed) in rest.iter().zip(asked.confirmed) {
        answers.confirmed[*index] = confirmed;
    }
    answers.failure = asked.failure.and_then(|(at, failure)| Some((*rest.get(at)?, failure)));
    Ok(answers)
}

/// Checks that the consumer that gave the messages is the one that will receive the decision. A decision sent to a consumer that was made anew could
/// settle other messages of the same sequences, if the stream was made anew as well.
fn check_consumer(connection: &Arc<Connection>, taken: &mut Taken<'_>) -> Result<(String, Progress)> {
    let (key, count) = (taken.key, taken.decided.messages.len());
    let created = with_sessions(|sessions| sessions.get(key).and_then(|session| session.created.clone()));
    let created = created.unwrap_or_default();
    if count == 0 {
        return Ok((created, Progress::default()));
    }
    if let Some(progress) = block_on(progress(connection, &key.stream, &key.durable, &created))? {
        return Ok((created, progress));
    }
    taken.closed = true;
    with_sessions(|sessions| {
        let Some(session) = sessions.get_mut(key) else { return };
        session.settlement.forget();
        session.created = None;
        session.watch = None;
        stats::UNSETTLED.add(count as u64);
    });
    Err(key.place(
        Error::new(format!(
            "the consumer '{}' was deleted, and with it the memory of {} that it gave to this process",
            key.durable,
            messages(count)
        ))
        .advice(
            "nothing is left to settle; the next nats_ingest makes the consumer anew, which delivers all messages of \
             the stream once more",
        ),
    ))
}

/// Makes an error of the messages on which the consumer gave up, once the statement's own work is `done`.
pub(super) fn report_given_up(key: &DurableKey, done: &str, given_up: &BTreeSet<u64>) -> Result<()> {
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
