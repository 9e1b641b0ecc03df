//! Consumers: list, make, change, remove.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::connection::Connection;
use super::super::failure::{ErrorNumber, Failure};
use super::super::look_up::look_up;
use super::super::runtime::{block_on, block_on_read};
use super::config::{Config, Ensured};
use super::page::{ListFailure, all};
use super::stream::{ask, refused};
use crate::error::Result;

/// The server's description of a consumer.
#[derive(Debug, Clone)]
pub struct ConsumerInfo {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Config,
    /// The whole description: counts, and the configuration once more.
    pub state: Config,
    /// The last message that it delivered.
    pub delivered: Delivered,
    /// The ack floor: all messages up to this one are acknowledged.
    pub ack_floor: Delivered,
}

/// A position of a consumer.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The stream's sequence; 0 before the first message.
    pub stream_seq: u64,
    /// The consumer's own count; 0 before the first message.
    pub consumer_seq: u64,
    /// When the position last moved, in microseconds since 1970 UTC.
    pub last_active: Option<i64>,
}

impl Delivered {
    fn of(position: &Config) -> Self {
        Self {
            stream_seq: position.count("stream_seq"),
            consumer_seq: position.count("consumer_seq"),
            last_active: position.time("last_active"),
        }
    }
}

/// Every consumer of a stream, by name. One round trip for each 256.
///
/// # Errors
/// [`Kind::NotFound`](crate::error::Kind::NotFound) when there is no such stream; those of any request.
pub fn consumers(connection: &Arc<Connection>, stream: &str) -> Result<Vec<ConsumerInfo>> {
    block_on_read(async {
        let call = format!("CONSUMER.LIST.{stream}");
        let entries = match all(connection, &call).await {
            Ok(entries) => entries,
            Err(ListFailure::Request(failure)) => return Err(connection.explain(failure, &call, stream).await),
            Err(ListFailure::Partial(error)) => return Err(error.stream(stream)),
        };
        let consumer = |(name, entry): (String, Value)| {
            let state = Config::of(Some(&entry));
            ConsumerInfo {
                name,
                config: state.object("config"),
                delivered: Delivered::of(&state.object("delivered")),
                ack_floor: Delivered::of(&state.object("ack_floor")),
                state,
            }
        };
        Ok(entries.into_iter().map(consumer).collect())
    })
}

/// Makes a durable pull consumer as wanted: created, updated, or left alone. Two round trips.
///
/// # Errors
/// [`Kind::Conflict`](crate::error::Kind::Conflict) when it exists and cannot be changed as wanted; those of any request.
pub fn ensure_consumer(
    connection: &Arc<Connection>,
    stream: &str,
    durable: &str,
    wanted: &Config,
    defaults: &Config,
) -> Result<Ensured> {
    let outcome = block_on(async {
        let subject = format!("CONSUMER.INFO.{stream}.{durable}");
        let have = match look_up(connection, &subject, Bytes::new()).await.map(Config) {
            Ok(answer) => Some(answer.object("config")),
            Err(failure) if failure.is(ErrorNumber::CONSUMER_NOT_FOUND) => None,
            Err(failure) => return Err(connection.explain(failure, &subject, stream).await),
        };
        let differences = have.as_ref().map(|have| have.differences(wanted)).unwrap_or_default();
        let (action, config, ensured) = match &have {
            Some(_) if differences.is_empty() => return Ok(Ensured { action: "unchanged", changed: Vec::new() }),
            Some(have) => {
                let changed = differences.iter().map(|difference| difference.name.clone()).collect();
                ("update", have.merged(wanted), Ensured { action: "updated", changed })
            }
            None => {
                let config = defaults.merged(wanted).with("name", durable).with("durable_name", durable);
                // The action is not "create": when two clients make the consumer at once, the second finds it as wanted.
                ("", config, Ensured { action: "created", changed: Vec::new() })
            }
        };
        let subject = format!("CONSUMER.CREATE.{stream}.{durable}");
        let body = json!({"stream_name": stream, "action": action, "config": config.0});
        match ask(connection, &subject, &body).await {
            Ok(answer) => {
                answer.object("config").check_took(wanted)?;
                Ok(ensured)
            }
            Err(Failure::Api(api)) if have.is_some() => Err(refused(&differences, &api)),
            Err(failure) => Err(connection.explain(failure, &subject, stream).await),
        }
    });
    outcome.map_err(|error| error.within(&format!("consumer '{durable}'")).stream(stream).server(connection.label()))
}

/// Removes a consumer and its position; false when there was none. One round trip.
///
/// # Errors
/// [`Kind::NotFound`](crate::error::Kind::NotFound) when there is no such stream; those of any request.
pub fn delete_consumer(connection: &Arc<Connection>, stream: &str, consumer: &str) -> Result<bool> {
    block_on(async {
        let subject = format!("CONSUMER.DELETE.{stream}.{consumer}");
        match ask(connection, &subject, &json!({})).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is(ErrorNumber::CONSUMER_NOT_FOUND) => Ok(false),
            Err(failure) => Err(connection.explain(failure, &subject, stream).await),
        }
    })
}
