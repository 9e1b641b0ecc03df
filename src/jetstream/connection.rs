//! One connection to NATS, and its events beside the answers: it was lost, it came back, a subject is forbidden.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, Event, ServerAddr, ServerError};
use tokio::sync::{broadcast, watch};

use super::credentials::Credentials;
use super::failure::{Failure, refusal};
use super::options::{Authentication, ConnectOptions};
use super::server_url::ServerUrl;
use super::wire::Socket;
use crate::error::{Error, Kind, Result};
use crate::log;
use crate::stats;

/// More messages than any window has in flight, so that async-nats never drops one because its queue is full.
const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// The time between two PINGs on a quiet connection; the connection is given up after two PINGs without an answer.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// The pause between attempts to reconnect, after the first round.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);

/// The number of sockets that are kept for the next reads, and the time for which they are kept.
const IDLE_SOCKETS: usize = 16;
const SOCKET_IDLE: Duration = Duration::from_secs(30);

/// A connection, shared by threads.
pub struct Connection {
    pub(super) client: Client,
    pub(super) timeout: Duration,
    label: String,
    signals: Arc<Signals>,
    options: ConnectOptions,
    /// Sockets of reads that ended, for the next ones, with the place in the list of servers that each began with.
    sockets: Mutex<Vec<(usize, Socket, Instant)>>,
}

/// The events of the connection, for the tasks that wait for an answer.
struct Signals {
    /// The servers' URLs without userinfo.
    label: String,
    /// Whether the client has reported the first connect. It may report it late, when requests are under way.
    was_up: AtomicBool,
    /// The number of times that the connection came back after a loss.
    epoch: watch::Sender<u64>,
    /// The server's texts of permissions violations.
    forbidden: broadcast::Sender<String>,
    /// The subject of replies, once the server has forbidden to subscribe to it.
    reply_denied: OnceLock<String>,
}

impl Connection {
    /// Opens a connection; tries each server in turn, within the timeout.
    pub(super) async fn open(options: &ConnectOptions, credentials: &Credentials) -> Result<Self> {
        let label = options.label();
        let signals = Arc::new(Signals {
            label: label.clone(),
            was_up: AtomicBool::new(false),
            epoch: watch::Sender::new(0),
            forbidden: broadcast::Sender::new(256),
            reply_denied: OnceLock::new(),
        });
        let connect = configure(options, credentials, &signals)?;
        let servers = options.servers.iter().map(|server| server.address().cloned());
        let servers = servers.collect::<Result<Vec<ServerAddr>>>().map_err(|error| error.server(&label))?;
        let in_vain = || {
            Error::of(Kind::TimedOut, format!("no connection within {:.1} s", options.timeout.as_secs_f64()))
                .server(&label)
                .advice("check the address, or give it more time with timeout := INTERVAL '30 seconds'")
        };
        let connecting = tokio::time::timeout(options.timeout, connect.connect(servers.as_slice())).await;
        let client = connecting.map_err(|_| in_vain())?.map_err(|error| match error.kind() {
            // The library's own timer may end a little earlier than this one.
            ConnectErrorKind::TimedOut => in_vain(),
            _ => connect_error(&error, options).server(&label),
        })?;
        stats::CONNECTS.add(1);
        let (options, sockets) = (options.clone(), Mutex::default());
        Ok(Self { client, timeout: options.timeout, label, signals, options, sockets })
    }

    /// The subject of a JetStream API call; `call` is what follows `$JS.API.` (or another prefix), such as
    /// `STREAM.INFO.ORDERS`.
    pub(super) fn api_subject(&self, call: &str) -> String {
        format!("{}.{call}", self.options.api_prefix)
    }

    /// A name that no other process and no other call makes: process and random name, at most 64 characters.
    pub(super) fn unique_name(&self) -> String {
        let inbox = self.client.new_inbox();
        let own = inbox.strip_prefix(&self.options.inbox_prefix).unwrap_or(&inbox);
        own.trim_start_matches('.').replace('.', "-")
    }

    /// The servers' URLs without userinfo, as they were given.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The place of an event, for the log.
    pub(super) fn place(&self, stream: &str) -> String {
        format!("stream '{stream}' on {}", self.label)
    }

    /// The options that the connection was opened with.
    pub(super) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// A socket that an earlier read has left at this place, if there is one.
    pub(super) fn idle_socket(&self, place: usize) -> Option<Socket> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|(_, _, since)| since.elapsed() < SOCKET_IDLE);
        let last = sockets.iter().rposition(|(at, _, _)| *at == place)?;
        Some(sockets.remove(last).1)
    }

    /// Keeps a socket for the next read.
    pub(super) fn keep_socket(&self, place: usize, socket: Socket) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|(_, _, since)| since.elapsed() < SOCKET_IDLE);
        if sockets.len() < IDLE_SOCKETS {
            sockets.push((place, socket, Instant::now()));
        }
    }

    /// A socket for a read. Place 0 tries the servers of the options in their order. Other places begin further on in the list; where the list has
    /// only one server, they begin with the servers that it names itself (`connect_urls` of its INFO).
    pub(super) async fn new_socket(&self, place: usize) -> Result<Socket> {
        let mut servers = self.options.servers.clone();
        if let ([one], 1..) = (servers.as_slice(), place) {
            let scheme = one.to_string();
            let scheme = scheme.split("://").next().unwrap_or("nats");
            let named = self.client.server_info().connect_urls;
            servers.extend(named.iter().filter_map(|host| {
                let url = format!("{scheme}://{host}");
                ServerUrl::parse(&url).ok().map(|(server, _)| server)
            }));
            servers.dedup();
        }
        let count = servers.len().max(1);
        servers.rotate_left(place % count);
        Socket::open(&self.options, &servers, self.client.new_inbox()).await
    }

    /// The subject on which a stream's leader answers with its state.
    pub fn state_subject(&self, stream: &str) -> String {
        self.api_subject(&format!("STREAM.INFO.{stream}"))
    }

    /// Whether the connection is up.
    pub fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Whether the server answers batched Direct Get (2.11 and later, ADR-31).
    pub(super) fn knows_batches(&self) -> bool {
        self.client.is_server_compatible(2, 11, 0)
    }

    /// Whether the counts in answers to batches are exact (2.12 and later). 2.11 counts one message too many where the
    /// batch begins in a hole (seen with 2.11.11).
    pub(super) fn counts_exactly(&self) -> bool {
        self.client.is_server_compatible(2, 12, 0)
    }

    /// Changes whenever the connection came back after a loss.
    pub(super) fn epochs(&self) -> watch::Receiver<u64> {
        self.signals.epoch.subscribe()
    }

    /// The subject of replies to which the server has forbidden to subscribe; the server reports that once on a connection.
    pub(super) fn reply_denied(&self) -> Option<String> {
        self.signals.reply_denied.get().cloned()
    }

    /// Receives the server's texts of permissions violations from now on.
    pub(super) fn forbidden(&self) -> broadcast::Receiver<String> {
        self.signals.forbidden.subscribe()
    }
}

impl Signals {
    fn take(&self, event: Event) {
        match event {
            Event::Connected if self.was_up.swap(true, Ordering::Relaxed) => {
                self.epoch.send_modify(|epoch| *epoch += 1);
                stats::RECONNECTS.add(1);
                log::warning(format!("{}: the connection came back", self.label));
            }
            Event::Connected => {}
            Event::Disconnected => log::warning(format!("{}: the connection was lost", self.label)),
            Event::LameDuckMode => log::info(format!("{}: the server says that it is about to stop", self.label)),
            Event::ServerError(ServerError::Other(text)) => {
                if let Some(Failure::ReplyDenied(inbox)) = refusal(&text, "") {
                    self.reply_denied.get_or_init(|| inbox);
                }
                // A failed send means that no task waits for the event.
                let _ = self.forbidden.send(text);
            }
            _ => {}
        }
    }
}

/// The options in the form of the library.
fn configure(
    options: &ConnectOptions,
    credentials: &Credentials,
    signals: &Arc<Signals>,
) -> Result<async_nats::ConnectOptions> {
    let mut connect = async_nats::ConnectOptions::new();
    match &options.authentication {
        Authentication::Password { user, password } => {
            connect = connect.user_and_password(user.clone(), password.0.clone());
        }
        Authentication::Token(token) => connect = connect.token(token.0.clone()),
        _ => {}
    }
    if let Some(seed) = &credentials.seed {
        connect = connect.nkey(seed.clone());
    }
    if let Some(creds) = &credentials.creds {
        // The file was checked when it was read; the library's error may quote it.
        connect = connect.credentials(creds).map_err(|_| Error::new("malformed credentials file"))?;
    }
    if let Some(ca) = &options.tls.ca {
        connect = connect.add_root_certificates(ca.path.clone());
    }
    if let (Some(cert), Some(key)) = (&options.tls.cert, &options.tls.key) {
        connect = connect.add_client_certificate(cert.path.clone(), key.path.clone());
    }
    if options.tls.first {
        connect = connect.tls_first();
    }
    if options.is_websocket() {
        // The library would read the addresses that a server sends to WebSocket clients as those of plain NATS.
        connect = connect.ignore_discovered_servers();
    }
    let count = options.servers.len().max(1);
    // Each server in the list gets its turn within the timeout.
    let turn = options.timeout / u32::try_from(count).unwrap_or(u32::MAX);
    let receiver = Arc::clone(signals);
    Ok(connect
        .name("nats_js")
        // After `fork`, parent and child make the same random names, and would receive each other's answers.
        .custom_inbox_prefix(format!("{}.{}", options.inbox_prefix, std::process::id()))
        .require_tls(options.demands_tls())
        .connection_timeout(turn)
        .request_timeout(Some(options.timeout))
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(move |attempt| if attempt <= count { Duration::ZERO } else { RECONNECT_DELAY })
        .max_reconnects(reconnects(count, options.timeout))
        .event_callback(move |event| {
            receiver.take(event);
            async {}
        }))
}

/// The number of attempts to restore a lost connection: those of one timeout, and a few for servers learnt from the cluster. Without a limit the
/// library tries for ever, even after the connection is no longer used.
fn reconnects(servers: usize, timeout: Duration) -> usize {
    let by_time = timeout.as_millis() / RECONNECT_DELAY.as_millis();
    servers + 16 + usize::try_from(by_time).unwrap_or(usize::MAX).min(100_000)
}

fn connect_error(error: &async_nats::ConnectError, options: &ConnectOptions) -> Error {
    let cause = Error::foreign("cannot connect", error).cause().to_owned();
    let (kind, advice) = match error.kind() {
        ConnectErrorKind::Dns => (Kind::Unreachable, "check the host name in the url"),
        ConnectErrorKind::ServerParse => (Kind::Misuse, "write the url as nats://host:port"),
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            let advice = match options.authentication {
                Authentication::None => {
                    "the server wants to know who connects: give user and password, token, creds or nkey"
                }
                _ => "check the credentials for this server",
            };
            (Kind::Denied, advice)
        }
        other if other == ConnectErrorKind::Tls || is_about_tls(error, &cause) => {
            (Kind::Unreachable, "check the url's scheme and host name, and the tls_ca, tls_cert and tls_key parameters")
        }
        _ => (Kind::Unreachable, "check the url, and that a NATS server listens there"),
    };
    Error::of(kind, cause).advice(advice)
}

/// Whether a failure comes from TLS. The library reports a failed handshake as an I/O error.
fn is_about_tls(error: &(dyn std::error::Error + 'static), cause: &str) -> bool {
    let mut source = Some(error);
    while let Some(current) = source {
        let inner = current.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<async_nats::rustls::Error>())
            || current.is::<async_nats::rustls::Error>()
        {
            return true;
        }
        source = current.source();
    }
    cause.contains("certificate")
}
