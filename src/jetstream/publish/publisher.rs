//! Publishing messages that come bit by bit: the last ones of one chunk are still in flight when the next one is sent.

use std::sync::Arc;

use super::driver::{Driver, OnFailure, Until};
use super::message::{Checked, PublishRequest};
use super::target::Target;
use crate::error::{Error, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime::block_on;

/// As many runs of stored rows are named by an error.
const MOST_RUNS: usize = 8;

/// Messages on their way, numbered as rows from 1.
pub struct Publisher {
    connection: Arc<Connection>,
    driver: Driver,
}

impl Publisher {
    /// No messages yet, for a stream. One round trip.
    ///
    /// # Errors
    /// The connection does not take a subscription.
    pub fn start(connection: &Arc<Connection>, stream: &str) -> Result<Self> {
        let driver = block_on(async {
            let target = Target::look(connection, stream).await;
            Driver::start(connection, OnFailure::End, Some(target)).await
        });
        let driver = driver.map_err(|error| error.server(connection.label()))?;
        Ok(Self { connection: Arc::clone(connection), driver })
    }

    /// Sends messages, and waits only for room in flight. One that could not be made into a message stands for an error, and is
    /// not sent, nor what is behind it.
    ///
    /// # Errors
    /// One of these messages, or one before, was not stored: it names the row, and the rows that were.
    pub fn send(&mut self, messages: Vec<Result<PublishRequest>>) -> Result<()> {
        let max_payload = self.connection.client.max_payload();
        let check = |mut message: PublishRequest| {
            self.driver.target().inspect(|target| target.put_name(&mut message));
            message.check(max_payload)
        };
        match check_all(messages, self.driver.len(), check) {
            Ok(checked) => checked.into_iter().for_each(|message| self.driver.push(message)),
            Err(error) => {
                self.advance(Until::Settled)?;
                return Err(self.ended(error));
            }
        }
        self.advance(Until::Sent)
    }

    /// Waits for every acknowledgement.
    ///
    /// # Errors
    /// As of [`Publisher::send`].
    pub fn finish(&mut self) -> Result<()> {
        self.advance(Until::Settled)?;
        self.driver.finish();
        Ok(())
    }

    fn advance(&mut self, until: Until) -> Result<()> {
        let advanced = block_on(self.driver.advance(until));
        if let Err(error) = advanced {
            return Err(self.ended(error));
        }
        if let Some((row, subject, error)) = self.driver.failure() {
            return Err(self.ended(of_row(error.clone(), Some(subject), row + 1)));
        }
        self.driver.let_go();
        Ok(())
    }

    /// The error with the rows that are stored.
    fn ended(&self, error: Error) -> Error {
        error.ending(&self.stored()).server(self.connection.label())
    }

    /// Which rows are stored, as the end of an error; nothing where none was sent.
    fn stored(&self) -> String {
        if self.driver.len() == 0 {
            return String::new();
        }
        rows_stored(self.driver.stored(), &self.driver.stored_runs())
    }
}

/// The messages of a chunk, checked; `before` is how many rows came before them. Nothing of a chunk is sent that has a row at
/// fault.
///
/// # Errors
/// That of the first row at fault, which it names.
pub(super) fn check_all(
    messages: Vec<Result<PublishRequest>>,
    before: usize,
    check: impl Fn(PublishRequest) -> Result<Checked>,
) -> Result<Vec<Checked>> {
    let checked = |(row, message): (usize, Result<PublishRequest>)| {
        let subject = message.as_ref().map(|message| message.subject.clone()).ok();
        message.and_then(&check).map_err(|error| of_row(error, subject.as_deref(), row))
    };
    (before + 1..).zip(messages).map(checked).collect()
}

/// The error of a row, from 1, with its subject if it has one.
pub(super) fn of_row(error: Error, subject: Option<&str>, row: usize) -> Error {
    let subject = subject.map(|subject| format!("subject '{subject}', ")).unwrap_or_default();
    error.within(&format!("{subject}row {row}"))
}

/// Which of the rows are stored, as the end of an error; a run is its first and its last row, from 0.
pub(super) fn rows_stored(count: usize, runs: &[(usize, usize)]) -> String {
    let run = |(first, last): &(usize, usize)| match first == last {
        true => (first + 1).to_string(),
        false => format!("{} to {}", first + 1, last + 1),
    };
    let named: Vec<String> = runs.iter().take(MOST_RUNS).map(run).collect();
    let more = if runs.len() > MOST_RUNS { " and others" } else { "" };
    match count {
        0 => "; no row was stored".to_owned(),
        1 => format!("; 1 row was stored: {}", named.join(", ")),
        count => format!("; {count} rows were stored: {}{more}", named.join(", ")),
    }
}
