//! Publishing the messages of a call: all of them are known when it starts, and it ends when their fate is known.

use std::sync::Arc;

use super::ack::Published;
use super::driver::{Driver, OnFailure, Until};
use super::message::PublishRequest;
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime;

/// Publishes messages and waits for every acknowledgement; the answers are in the order of the messages.
///
/// # Errors
/// Names the subject and the row (from 1) of the first message that was not stored, and the number of those that were. Messages
/// are checked before any is sent.
pub fn publish(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<Vec<Published>> {
    drive(connection, messages, OnFailure::End)?.into_iter().collect()
}

/// As [`publish`], but a message that is refused leaves the others alone: each has an outcome of its own. An error of the
/// call itself is one that leaves outcomes unknown.
///
/// # Errors
/// A message cannot be sent, or its fate is not known.
pub fn publish_each(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Result<Vec<Result<Published>>> {
    drive(connection, messages, OnFailure::EndUnlessRefused)
}

/// As [`publish`], but whatever happens to a message is its own outcome, and leaves the others alone: also one that cannot be
/// sent, and one of which it is not known whether it is stored.
pub fn try_publish(connection: &Arc<Connection>, messages: Vec<PublishRequest>) -> Vec<Result<Published>> {
    let total = messages.len();
    drive(connection, messages, OnFailure::GoOn).unwrap_or_else(|error| vec![Err(error); total])
}

fn drive(
    connection: &Arc<Connection>,
    messages: Vec<PublishRequest>,
    on_failure: OnFailure,
) -> Result<Vec<Result<Published>>> {
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let max_payload = connection.client.max_payload();
    let total = messages.len();
    let mut subjects = Vec::with_capacity(total);
    let mut checked = Vec::with_capacity(total);
    for (index, message) in messages.into_iter().enumerate() {
        let subject = message.subject.clone();
        match message.check(max_payload) {
            Err(error) if on_failure != OnFailure::GoOn => {
                return Err(located(error, &subject, index, total, 0).server(connection.label()));
            }
            outcome => checked.push(outcome),
        }
        subjects.push(subject);
    }
    let outcomes = runtime::block_on(async {
        let mut driver = Driver::start(connection, on_failure, None).await?;
        let mut faults = Vec::new();
        for outcome in checked {
            match outcome {
                Ok(message) => {
                    driver.push(message);
                    faults.push(None);
                }
                Err(error) => faults.push(Some(error)),
            }
        }
        let advanced = driver.advance(Until::Settled).await;
        if on_failure != OnFailure::GoOn {
            advanced?;
            if let Some((index, subject, error)) = driver.failure() {
                return Err(located(error.clone(), subject, index, total, driver.stored()));
            }
            return Ok(driver.outcomes(&no_answer()));
        }
        // An error of the call is that of every message whose fate it leaves open.
        let mut outcomes = driver.outcomes(&advanced.err().unwrap_or_else(no_answer)).into_iter();
        let outcome = |fault: Option<Error>| fault.map_or_else(|| outcomes.next(), |error| Some(Err(error)));
        Ok(faults.into_iter().filter_map(outcome).collect())
    })
    .map_err(|error| error.server(connection.label()))?;
    let place = |(index, outcome): (usize, Result<Published>)| {
        // Without the row, which whoever asks for each outcome knows.
        let total = if on_failure == OnFailure::GoOn { 1 } else { total };
        outcome.map_err(|error| placed(error, &subjects[index], index, total).server(connection.label()))
    };
    Ok(outcomes.into_iter().enumerate().map(place).collect())
}

fn no_answer() -> Error {
    Error::of(Kind::Internal, "internal error: a message without an acknowledgement")
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
