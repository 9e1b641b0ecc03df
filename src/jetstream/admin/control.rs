//! Controls running consumers: pause, resume, reset, and unpin a client.
//!
//! Source: ADR-42 (priority groups), and `server/jetstream_api.go` of nats-server for `CONSUMER.PAUSE` (2.11), `CONSUMER.UNPIN`
//! (2.11) and `CONSUMER.RESET` (2.14).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::super::connection::Connection;
use super::super::failure::Failure;
use super::super::runtime::block_on;
use super::super::time::format_utc;
use super::config::Config;
use super::stream::ask;
use crate::error::{Error, Kind, Result};

/// The end of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseUntil {
    /// This moment, in microseconds since 1970 UTC.
    Moment(i64),
    /// This length of time from now, by this machine's clock.
    After(Duration),
}

impl PauseUntil {
    fn text(self) -> Result<String> {
        let micros = match self {
            PauseUntil::Moment(micros) => Some(micros),
            PauseUntil::After(length) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|now| i64::try_from(now.saturating_add(length).as_micros()).ok()),
        };
        micros.and_then(format_utc).ok_or_else(|| Error::new("the end of the pause is outside the years 0 to 9999"))
    }
}

/// Pauses a consumer, or resumes it when there is no end. Returns the end of the pause, in microseconds since 1970 UTC; None when the consumer is not
/// paused. One round trip.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such consumer, [`Kind::Unsupported`] before server 2.11; those of any request.
pub fn pause_consumer(
    connection: &Arc<Connection>,
    stream: &str,
    durable: &str,
    until: Option<PauseUntil>,
) -> Result<Option<i64>> {
    let body = match until {
        Some(until) => json!({"pause_until": until.text()?}),
        None => json!({}),
    };
    let answer = call(connection, "PAUSE", (2, 11), stream, durable, &body)?;
    Ok(answer.time("pause_until").filter(|_| answer.flag("paused")))
}

/// Starts a consumer again at a sequence, or behind what is acknowledged. Returns the sequence at which it starts. One round trip.
///
/// # Errors
/// As [`pause_consumer`], but for server 2.14; a sequence that the consumer's own start excludes.
pub fn reset_consumer(connection: &Arc<Connection>, stream: &str, durable: &str, sequence: Option<u64>) -> Result<u64> {
    let body = Value::Object(Config::default().with_some("seq", sequence).0);
    Ok(call(connection, "RESET", (2, 14), stream, durable, &body)?.count("reset_seq"))
}

/// Unpins the client to which a priority group is pinned. One round trip.
///
/// # Errors
/// As [`pause_consumer`]; no group of that name.
pub fn unpin_consumer(connection: &Arc<Connection>, stream: &str, durable: &str, group: &str) -> Result<()> {
    call(connection, "UNPIN", (2, 11), stream, durable, &json!({"group": group})).map(|_| ())
}

fn call(
    connection: &Arc<Connection>,
    verb: &str,
    since: (i64, i64),
    stream: &str,
    durable: &str,
    body: &Value,
) -> Result<Config> {
    let subject = format!("CONSUMER.{verb}.{stream}.{durable}");
    let outcome = block_on(async {
        match ask(connection, &subject, body).await {
            Ok(answer) => Ok(answer),
            Err(Failure::NoResponders) if !connection.client.is_server_compatible(since.0, since.1, 0) => {
                let (major, minor) = since;
                Err(Error::of(Kind::Unsupported, format!("the server does not know CONSUMER.{verb}"))
                    .advice(format!("it came with nats-server {major}.{minor}")))
            }
            Err(failure) => Err(connection.explain(failure, &subject, stream).await),
        }
    });
    outcome.map_err(|error| error.within(&format!("consumer '{durable}'")).stream(stream).server(connection.label()))
}
