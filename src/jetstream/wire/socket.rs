//! The socket: greeting, requests out, replies in.

use std::fmt::{self, Write as _};
use std::time::Duration;

use bytes::BytesMut;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::{self, Frame, FrameError};
use super::intake::{Intake, Taken};
use super::reply::Frames;
use super::transport::{Transport, connect, encrypt};
use crate::error::{Error, Result};
use crate::jetstream::credentials::Credentials;
use crate::jetstream::options::{Authentication, ConnectOptions};
use crate::jetstream::server_url::ServerUrl;

/// A connection that reads replies in place. One read at a time.
pub struct Socket {
    stream: Transport,
    incoming: Intake,
    outgoing: BytesMut,
    inbox: String,
    /// The number of the current read.
    read: u64,
    /// The prefix of the subjects of its replies; replies to an earlier read are dropped.
    prefix: String,
    /// The number of the last subscription; that of replies is the first.
    subscriptions: u64,
    /// The number of PINGs that went out, or will, and of those that the server has answered, since CONNECT.
    pings: u64,
    pongs: u64,
}

/// The most that the line of a message takes beside its subjects: the verb, three numbers, blanks and ends of lines.
const PUBLISH_LINE: usize = 80;

/// Why a socket cannot go on.
#[derive(Debug)]
pub enum SocketError {
    /// The connection is gone; another may do.
    Lost,
    /// The bytes are not those of the NATS protocol.
    Malformed(Error),
}

/// The result of one call of [`Socket::receive`].
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    /// Replies, or nothing of interest.
    Replies,
    /// Besides, the server refused something, in these words.
    Refused(Vec<String>),
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    tls_required: bool,
    /// The challenge that a client with a key has to sign.
    #[serde(default)]
    nonce: String,
}

impl Socket {
    /// Whether these options can be served here. WebSocket goes through async-nats.
    pub fn suits(options: &ConnectOptions) -> bool {
        !options.is_websocket()
    }

    /// Connects to the first of these servers that answers.
    pub async fn open(options: &ConnectOptions, servers: &[ServerUrl], inbox: String) -> Result<Self> {
        let mut outcome = Err(Error::new("no server to connect to"));
        // Each server in the list gets its turn within the timeout.
        let turn = options.timeout / u32::try_from(servers.len().max(1)).unwrap_or(u32::MAX);
        for server in servers {
            outcome = match tokio::time::timeout(turn, Self::greet(server, options, &inbox)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Error::new("no connection in time")),
            };
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn greet(server: &ServerUrl, options: &ConnectOptions, inbox: &str) -> Result<Self> {
        let credentials = Credentials::read(options)?;
        let tls_first = options.tls.first;
        let mut stream = connect(server).await?;
        if tls_first {
            stream = encrypt(stream, server, credentials.client_config()?).await?;
        }
        let mut socket = Self {
            stream,
            incoming: Intake::default(),
            outgoing: BytesMut::new(),
            inbox: inbox.to_owned(),
            read: 0,
            prefix: String::new(),
            subscriptions: 1,
            pings: 0,
            pongs: 0,
        };
        let info = socket.info().await?;
        let encrypted = tls_first || info.tls_required || options.demands_tls();
        if encrypted && !tls_first {
            // Bytes that came in the clear behind the greeting may come from anybody.
            socket.incoming.bytes.clear();
            socket.stream = encrypt(socket.stream, server, credentials.client_config()?).await?;
        }
        let connect = connect_line(options, encrypted, &credentials.proof(&info.nonce)?);
        socket.outgoing.extend_from_slice(format!("{connect}SUB {inbox}.*.* 1\r\nPING\r\n").as_bytes());
        socket.flush().await?;
        socket.pong().await?;
        Ok(socket)
    }

    /// Starts a new read: replies to requests of an earlier one are dropped from here on.
    pub fn begin(&mut self) {
        self.read += 1;
        self.prefix = format!("{}.{}.", self.inbox, self.read);
    }

    /// Puts a request into the buffer of what goes out.
    ///
    /// The reply's subject ends in `reply_token`.
    pub fn request(&mut self, subject: &str, reply_token: &str, body: &str) {
        let head = format!("PUB {subject} {}{reply_token} {}\r\n", self.prefix, body.len());
        self.outgoing.extend_from_slice(head.as_bytes());
        self.outgoing.extend_from_slice(body.as_bytes());
        self.outgoing.extend_from_slice(b"\r\n");
    }

    /// Puts a message into the buffer of what goes out, with its header block if it has one (ADR-4).
    ///
    /// The subject of its acknowledgement ends in `reply_token`.
    pub fn publish(&mut self, subject: &str, reply_token: usize, block: &[u8], payload: &[u8]) {
        self.outgoing.reserve(block.len() + payload.len() + subject.len() + self.prefix.len() + PUBLISH_LINE);
        put_message(&mut self.outgoing, subject, format_args!("{}{reply_token}", self.prefix), block, payload);
    }

    /// The same with a subject of its own for answers, below that of [`Socket::subscribe_below`].
    pub fn publish_for(&mut self, subject: &str, reply: &str, block: &[u8], payload: &[u8]) {
        self.outgoing.reserve(block.len() + payload.len() + subject.len() + reply.len() + PUBLISH_LINE);
        put_message(&mut self.outgoing, subject, format_args!("{reply}"), block, payload);
    }

    /// Puts a message without headers, for which no answer is expected, into the buffer of what goes out.
    pub fn put(&mut self, subject: impl fmt::Display, payload: &str) {
        // Writing into a buffer in memory does not fail.
        let _ = write!(self.outgoing, "PUB {subject} {}\r\n{payload}\r\n", payload.len());
    }

    /// Puts a subscription into the buffer of what goes out: its number, and its subject, which nobody else has.
    pub fn subscribe(&mut self) -> (u64, String) {
        self.subscribe_to("")
    }

    /// Puts a subscription to all that is below a subject into the buffer of what goes out: its number, and that subject. What has one token
    /// below it comes as a reply, too.
    pub fn subscribe_below(&mut self) -> (u64, String) {
        self.subscribe_to(".>")
    }

    /// A subject of one token behind the inbox, and what belongs to it; replies have two tokens.
    fn subscribe_to(&mut self, below: &str) -> (u64, String) {
        self.subscriptions += 1;
        let (number, subject) = (self.subscriptions, format!("{}.{}", self.inbox, self.subscriptions));
        self.outgoing.extend_from_slice(format!("SUB {subject}{below} {number}\r\n").as_bytes());
        (number, subject)
    }

    /// Puts the end of a subscription into the buffer of what goes out.
    pub fn unsubscribe(&mut self, number: u64) {
        self.outgoing.extend_from_slice(format!("UNSUB {number}\r\n").as_bytes());
    }

    /// Puts a PING into the buffer of what goes out. The server answers it when it has read all that went out before, and behind all that this
    /// brought; [`Socket::is_read`] tells.
    pub fn ping(&mut self) {
        self.pings += 1;
        self.outgoing.extend_from_slice(b"PING\r\n");
    }

    /// Whether the server has answered every PING.
    pub fn is_read(&self) -> bool {
        self.pongs >= self.pings
    }

    /// Sends what goes out. May be cancelled: what has gone out does not go out again.
    pub async fn flush(&mut self) -> Result<()> {
        while !self.outgoing.is_empty() {
            let sent = self.stream.write_buf(&mut self.outgoing).await;
            sent.map_err(|error| Error::foreign("the connection is lost", &error))?;
        }
        self.stream.flush().await.map_err(|error| Error::foreign("the connection is lost", &error))
    }

    /// Sends what goes out, waits for bytes and hands on every whole message among them. May be cancelled while it waits.
    pub async fn receive(&mut self, out: &mut Frames) -> std::result::Result<Received, SocketError> {
        if !self.outgoing.is_empty() {
            self.flush().await.map_err(|_| SocketError::Lost)?;
        }
        self.incoming.make_room();
        self.fill().await.map_err(|_| SocketError::Lost)?;
        let Taken { pings, pongs, refused } = self.incoming.take(&self.prefix, out).map_err(SocketError::Malformed)?;
        self.pongs += pongs;
        (0..pings).for_each(|_| self.outgoing.extend_from_slice(b"PONG\r\n"));
        self.flush().await.map_err(|_| SocketError::Lost)?;
        Ok(if refused.is_empty() { Received::Replies } else { Received::Refused(refused) })
    }

    async fn fill(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.incoming.bytes).await;
        match read.map_err(|error| Error::foreign("the connection is lost", &error))? {
            0 => Err(Error::new("the server closed the connection")),
            _ => Ok(()),
        }
    }

    /// The greeting of the server.
    async fn info(&mut self) -> Result<Info> {
        loop {
            match frame::parse(&self.incoming.bytes, 0) {
                Ok((Frame::Info(json), end)) => {
                    let info = serde_json::from_slice(json);
                    let info = info.map_err(|error| Error::foreign("malformed greeting", &error))?;
                    drop(self.incoming.bytes.split_to(end));
                    return Ok(info);
                }
                Ok(_) | Err(FrameError::Malformed) => return Err(Error::new("that is not a NATS server")),
                Err(FrameError::Incomplete(_)) => self.fill().await?,
            }
        }
    }

    /// Waits for the answer to a PING. What came before it is dropped: it belongs to an earlier read.
    pub async fn check_alive(&mut self) -> Result<()> {
        self.outgoing.extend_from_slice(b"PING\r\n");
        self.flush().await?;
        self.pong().await
    }

    /// Waits for the answer to a PING; to that behind CONNECT it says that the server has let us in.
    async fn pong(&mut self) -> Result<()> {
        loop {
            let (done, end) = match frame::parse(&self.incoming.bytes, 0) {
                Ok((Frame::Pong, end)) => (true, end),
                Ok((Frame::Error(words), _)) => {
                    return Err(Error::new(format!("the server refused: {}", String::from_utf8_lossy(words))));
                }
                Ok((_, end)) => (false, end),
                Err(FrameError::Malformed) => return Err(Error::new("that is not a NATS server")),
                Err(FrameError::Incomplete(_)) => {
                    self.fill().await?;
                    continue;
                }
            };
            drop(self.incoming.bytes.split_to(end));
            if done {
                return Ok(());
            }
        }
    }
}

/// Writes a message.
fn put_message(out: &mut BytesMut, subject: &str, reply: fmt::Arguments<'_>, block: &[u8], payload: &[u8]) {
    let total = block.len() + payload.len();
    // Writing into a buffer in memory does not fail.
    let _ = match block.len() {
        0 => write!(out, "PUB {subject} {reply} {total}\r\n"),
        head => write!(out, "HPUB {subject} {reply} {head} {total}\r\n"),
    };
    out.extend_from_slice(block);
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// The time for which a lost connection is tried again before the read fails: the timeout, in steps.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The CONNECT line.
fn connect_line(options: &ConnectOptions, encrypted: bool, proof: &[(&str, String)]) -> String {
    let mut fields = serde_json::json!({
        "verbose": false,
        "pedantic": false,
        "lang": "rust",
        "name": "nats_js",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": 1,
        "headers": true,
        "no_responders": true,
        "tls_required": encrypted,
    });
    match &options.authentication {
        Authentication::Password { user, password } => {
            fields["user"] = user.as_str().into();
            fields["pass"] = password.0.as_str().into();
        }
        Authentication::Token(token) => fields["auth_token"] = token.0.as_str().into(),
        Authentication::None | Authentication::NKey(_) | Authentication::Creds(_) | Authentication::Jwt { .. } => {}
    }
    for (field, value) in proof {
        fields[*field] = value.as_str().into();
    }
    format!("CONNECT {fields}\r\n")
}
