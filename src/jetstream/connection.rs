//! One connection to NATS, and what it hears beside the answers: that it was lost and came back, and that a subject is
//! forbidden.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, Event, ServerError};
use tokio::sync::{broadcast, watch};

use super::options::{ConnectOptions, without_userinfo};
use crate::error::{Error, Result};
use crate::stats;

/// More messages than any window has in flight, so that async-nats never drops one for want of room.
const SUBSCRIPTION_CAPACITY: usize = 65_536;

/// A connection, shared by threads.
pub struct Connection {
    pub(super) client: Client,
    pub(super) timeout: Duration,
    label: String,
    signals: Arc<Signals>,
}

/// What the connection's event callback tells whoever waits for an answer.
struct Signals {
    /// How often the connection came up: 1 after connecting, more after each reconnect.
    epoch: watch::Sender<u64>,
    /// The server's words on what it forbids.
    forbidden: broadcast::Sender<String>,
}

impl Connection {
    /// Opens a connection; tries each server in turn, within the timeout.
    pub(super) async fn open(options: &ConnectOptions) -> Result<Self> {
        let label = options.label();
        let signals = Arc::new(Signals { epoch: watch::Sender::new(0), forbidden: broadcast::Sender::new(256) });
        let heard = Arc::clone(&signals);
        let connect = async_nats::ConnectOptions::new()
            .name("nats_js")
            .connection_timeout(options.timeout)
            .request_timeout(Some(options.timeout))
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .event_callback(move |event| {
                heard.hear(event);
                async {}
            });
        let started = Instant::now();
        let client = tokio::time::timeout(options.timeout, connect.connect(options.servers.as_slice()))
            .await
            .map_err(|_| {
                Error::new(format!("no connection within {:.1} s", started.elapsed().as_secs_f64()))
                    .server(&label)
                    .advice("check the address, or give it more time with timeout := INTERVAL '30 seconds'")
            })?
            .map_err(|error| connect_error(&error).server(&label))?;
        stats::CONNECTS.add(1);
        Ok(Self { client, timeout: options.timeout, label, signals })
    }

    /// The server's URL without userinfo, as it was given.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether the connection is up.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Changes whenever the connection came back after a loss.
    pub(super) fn epochs(&self) -> watch::Receiver<u64> {
        self.signals.epoch.subscribe()
    }

    /// Hears what the server forbids from now on.
    pub(super) fn forbidden(&self) -> broadcast::Receiver<String> {
        self.signals.forbidden.subscribe()
    }
}

impl Signals {
    fn hear(&self, event: Event) {
        match event {
            Event::Connected => self.epoch.send_modify(|epoch| {
                *epoch += 1;
                if *epoch > 1 {
                    stats::RECONNECTS.add(1);
                }
            }),
            Event::ServerError(ServerError::Other(text)) => {
                // Nobody may be waiting: then nobody needs to know.
                let _ = self.forbidden.send(text);
            }
            _ => {}
        }
    }
}

fn connect_error(error: &async_nats::ConnectError) -> Error {
    use async_nats::ConnectErrorKind as Kind;
    let advice = match error.kind() {
        Kind::Dns => "check the host name in the url",
        Kind::ServerParse => "write the url as nats://host:port",
        Kind::Authentication | Kind::AuthorizationViolation => "check the credentials for this server",
        Kind::Tls => "check the url's scheme and the tls_ca, tls_cert and tls_key parameters",
        Kind::TimedOut | Kind::Io | Kind::MaxReconnects => "check the url, and that a NATS server listens there",
    };
    let cause = Error::foreign("cannot connect", error).cause().to_owned();
    Error::new(mask_urls(&cause)).advice(advice)
}

/// Drops the userinfo of every URL in a foreign text.
fn mask_urls(text: &str) -> String {
    let words: Vec<String> = text
        .split(' ')
        .map(|word| if word.contains("://") { without_userinfo(word) } else { word.to_owned() })
        .collect();
    words.join(" ")
}
