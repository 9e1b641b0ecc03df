//! Fast batches (ADR-50 in its version for server 2.14): a stream stores the messages of a batch as they come, in order, and says every
//! few hundred messages how far it is, instead of acknowledging each.
//!
//! Where a message does not arrive, or is refused, the server stores nothing behind it and says how many it stored. So the rows that are stored
//! are always the first ones, and their number is known, unless the server that has the batch is lost.
//!
//! ```text
//! FastPublisher   rows in, and errors that say which rows are stored
//! FastDriver      sends what the window has, hands it every answer
//! FastWindow      which rows are stored and which go out next; pure
//! answer          the server's words; pure
//! ```

mod answer;
mod driver;
#[cfg(test)]
mod simulation;
mod window;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Mutex;

use self::driver::FastDriver;
use super::driver::Until;
use super::message::PublishRequest;
use super::publisher::{check_all, of_row, rows_stored};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime::{self, block_on};
use crate::jetstream::wire::Socket;

/// A batch that has had no message for so long is ended: the server forgets one after ten seconds.
const REST: Duration = Duration::from_secs(3);

/// Messages on their way into one stream by fast batches, numbered as rows from 1.
pub struct FastPublisher {
    connection: Arc<Connection>,
    stream: String,
    driver: Arc<Mutex<FastDriver>>,
}

impl FastPublisher {
    /// No messages yet. `stream` is the one that they are for.
    ///
    /// # Errors
    /// `Kind::Unsupported` when the server is older than 2.14, or the connection a WebSocket; no connection.
    pub fn start(connection: &Arc<Connection>, stream: &str) -> Result<Self> {
        let started = check(connection).and_then(|()| {
            block_on(FastDriver::start(connection, stream)).and_then(|driver| {
                let driver = Arc::new(Mutex::new(driver));
                runtime::handle()?.spawn(end_resting(Arc::downgrade(&driver)));
                Ok(driver)
            })
        });
        let driver = started.map_err(|error| error.server(connection.label()))?;
        Ok(Self { connection: Arc::clone(connection), stream: stream.to_owned(), driver })
    }

    /// Sends messages, and waits only for room in flight. One that could not be made into a message stands for an error, and is
    /// not sent, nor what is behind it.
    ///
    /// # Errors
    /// One of these messages, or one before, was not stored: it names the row, and the rows that were.
    pub fn send(&mut self, messages: Vec<Result<PublishRequest>>) -> Result<()> {
        let added = FastDriver::added_bytes(&self.stream);
        let max_payload = self.connection.client.max_payload().saturating_sub(added);
        block_on(async {
            let mut driver = self.driver.lock().await;
            let check = |message| check_headers(message).and_then(|message| message.check(max_payload));
            match check_all(messages, number(driver.window().rows()), check) {
                Ok(checked) => checked.into_iter().for_each(|message| driver.window_mut().push(message)),
                Err(error) => {
                    self.advance(&mut driver, Until::Settled).await?;
                    return Err(self.ended(&driver, error));
                }
            }
            self.advance(&mut driver, Until::Sent).await
        })
    }

    /// Ends the batch and waits for the answer that every message is stored.
    ///
    /// # Errors
    /// As of [`FastPublisher::send`].
    pub fn finish(&mut self) -> Result<()> {
        block_on(async {
            let mut driver = self.driver.lock().await;
            self.advance(&mut driver, Until::Settled).await?;
            driver.finish();
            Ok(())
        })
    }

    async fn advance(&self, driver: &mut FastDriver, until: Until) -> Result<()> {
        driver.advance(until).await;
        let window = driver.window();
        match (window.refused(), driver.lost()) {
            (Some((row, subject, error)), _) => {
                Err(self.ended(driver, of_row(error.clone(), Some(subject), number(row))))
            }
            (None, Some(error)) => Err(self.ended(driver, error.clone())),
            (None, None) => Ok(()),
        }
    }

    /// The error with the rows that are stored, and those of which it is not known.
    fn ended(&self, driver: &FastDriver, error: Error) -> Error {
        error.ending(&fates(driver)).server(self.connection.label())
    }
}

/// A row's number where rows are counted in memory.
fn number(row: u64) -> usize {
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// Which rows are stored, and of which it is not known, as the end of an error.
fn fates(driver: &FastDriver) -> String {
    let window = driver.window();
    let runs: Vec<_> =
        window.stored_runs().into_iter().map(|(first, last)| (number(first - 1), number(last - 1))).collect();
    let count = runs.iter().map(|(first, last)| last + 1 - first).sum();
    let stored = rows_stored(count, &runs);
    match window.unknown() {
        None => stored,
        Some((first, last)) if first == last => format!("{stored}; it is not known whether row {first} was stored"),
        Some((first, last)) => format!("{stored}; it is not known which of the rows {first} to {last} were stored"),
    }
}

fn check(connection: &Connection) -> Result<()> {
    if !Socket::suits(connection.options()) {
        return Err(Error::of(Kind::Unsupported, "fast batches need a connection by TCP or TLS, not WebSocket")
            .advice("leave mode 'fast' out, or connect by nats:// or tls://"));
    }
    if !connection.client.is_server_compatible(2, 14, 0) {
        let version = connection.client.server_info().version;
        return Err(Error::of(Kind::Unsupported, format!("the server is version {version}; fast batches need 2.14"))
            .advice("leave mode 'fast' out"));
    }
    Ok(())
}

/// The server looks at this one when it stores the message, and counts one that it refuses then as a message of the batch.
const EXPECTED_LAST_ID: &str = "Nats-Expected-Last-Msg-Id";

fn check_headers(message: PublishRequest) -> Result<PublishRequest> {
    if message.headers.0.iter().any(|(name, _)| name == EXPECTED_LAST_ID) {
        return Err(Error::of(
            Kind::Unsupported,
            format!("the header {EXPECTED_LAST_ID} says nothing certain in a fast batch"),
        )
        .advice("leave mode 'fast' out, or the header"));
    }
    Ok(message)
}

/// Ends batches that rest, as long as their publisher is there.
async fn end_resting(driver: Weak<Mutex<FastDriver>>) {
    loop {
        tokio::time::sleep(REST).await;
        let Some(driver) = driver.upgrade() else { return };
        let mut driver = driver.lock().await;
        if driver.rests_for(REST) {
            // An error is kept for the next call.
            driver.advance(Until::Settled).await;
        }
    }
}
