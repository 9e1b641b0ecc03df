//! Whether a server answers, how fast, and what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Deserialize;

use super::api::Failure;
use super::connection::Connection;
use super::runtime::block_on;
use crate::error::{Error, Result};

/// What [`ping`] learnt.
#[derive(Debug, Clone)]
pub struct Ping {
    /// The server's name.
    pub server: String,
    /// Its version, such as `2.15.1`.
    pub version: String,
    /// The time from PING to PONG.
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

/// Two round trips: PING, and the JetStream account's information.
pub fn ping(connection: &Arc<Connection>) -> Result<Ping> {
    block_on(async {
        let started = Instant::now();
        let pong = tokio::time::timeout(connection.timeout, connection.client.flush()).await;
        let rtt = started.elapsed();
        match pong {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Error::foreign("the connection is lost", &error).server(connection.label())),
            Err(_) => return Err(connection.failure(Failure::TimedOut, "PING")),
        }
        let (jetstream, api_level) = match connection.api::<AccountInfo>("INFO", Bytes::new()).await {
            Ok(info) => (true, info.api.and_then(|api| api.level)),
            Err(failure @ (Failure::TimedOut | Failure::Deaf(_))) => return Err(connection.failure(failure, "INFO")),
            Err(_) => (false, None),
        };
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
