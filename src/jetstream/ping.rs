//! Whether a server answers, how fast, and what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;

use super::connection::Connection;
use super::failure::Failure;
use super::runtime::block_on_read;
use crate::error::Result;

/// The answer of [`ping`].
#[derive(Debug, Clone)]
pub struct Ping {
    /// The server's name.
    pub server: String,
    /// Its version, such as `2.15.1`.
    pub version: String,
    /// The time of one round trip.
    pub rtt: Duration,
    /// Whether JetStream answers for this account.
    pub jetstream: bool,
    /// The level of the JetStream API (ADR-44); None before server 2.11.
    pub api_level: Option<u64>,
    /// The name of the cluster, if the server is in one.
    pub cluster: Option<String>,
    /// The largest payload that the server takes, in bytes.
    pub max_payload: u64,
}

#[derive(Deserialize)]
struct AccountInfo {
    #[serde(default)]
    api: Option<Api>,
}

#[derive(Deserialize)]
struct Api {
    level: Option<u64>,
}

/// One round trip, which asks for the JetStream account's information. (The library's own PING cannot be timed.)
///
/// # Errors
/// The server does not answer, or no answer can be received.
pub fn ping(connection: &Arc<Connection>) -> Result<Ping> {
    block_on_read(async {
        let started = Instant::now();
        let (jetstream, api_level) = match connection.api::<AccountInfo>("INFO", Bytes::new()).await {
            Ok(info) => (true, info.api.and_then(|api| api.level)),
            Err(failure @ (Failure::TimedOut | Failure::ReplyDenied(_) | Failure::Other(_))) => {
                return Err(connection.failure(failure, "INFO"));
            }
            Err(_) => (false, None),
        };
        let rtt = started.elapsed();
        let info = connection.client.server_info();
        Ok(Ping {
            server: info.server_name,
            version: info.version,
            rtt,
            jetstream,
            api_level,
            cluster: info.cluster.filter(|name| !name.is_empty()),
            max_payload: info.max_payload as u64,
        })
    })
}
