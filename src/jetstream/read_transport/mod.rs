//! Where requests go out and replies come in. Two ways, one contract: each reply of each request arrives once and in the
//! order in which the server sent it, or the transport says that it was lost and came back.

mod client;
mod socket;

use std::sync::Arc;

use self::client::ClientTransport;
use self::socket::SocketTransport;
use crate::error::Result;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::get::Access;
use crate::jetstream::reply::{Answer, msg_get};
use crate::jetstream::wire::{Socket, Want, number};

/// What was heard while waiting.
pub(super) enum Heard {
    /// Replies, perhaps none of interest.
    Replies,
    /// The connection came back after a loss: what was under way will not be answered.
    Reconnected,
    /// Besides, the server refused something, in these words.
    Refused(Vec<String>),
}

/// How replies are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub access: Access,
    /// Whether batches were asked for from a server that knows them.
    pub batch: bool,
    pub want: Want,
}

/// A request on its way out.
pub(super) struct Outgoing {
    pub token: u64,
    /// Whether it goes to the stream's leader, as `MSG.GET`; that is so as well when [`Reading::access`] says so.
    pub leader: bool,
    pub subject: String,
    pub body: String,
}

impl Outgoing {
    /// The last token of the reply's subject.
    pub fn mark(&self) -> String {
        let leader = if self.leader { LEADER } else { "" };
        format!("{leader}{}", self.token)
    }
}

/// What stands before the token in the reply subject of a question to the stream's leader.
const LEADER: &str = "leader-";

/// The token in a reply's subject, and how the request was made.
pub(super) fn read_mark(mark: &[u8], access: Access) -> Option<(u64, Access)> {
    match mark.strip_prefix(LEADER.as_bytes()) {
        Some(token) => Some((number(token)?, Access::MsgGet)),
        None => Some((number(mark)?, access)),
    }
}

/// A reply.
pub(super) struct Replied {
    pub token: u64,
    /// How the request was made.
    pub access: Access,
    /// What it says, or why it says nothing.
    pub answer: std::result::Result<Answer, Failure>,
}

pub(super) enum ReadTransport {
    Socket(SocketTransport),
    Client(ClientTransport),
}

impl ReadTransport {
    /// A socket of the read's own where that is possible, else the shared client.
    pub async fn open(connection: &Arc<Connection>, access: Access) -> Result<Self> {
        if access == Access::Direct
            && Socket::suits(connection.options())
            && let Ok(transport) = SocketTransport::open(connection).await
        {
            return Ok(ReadTransport::Socket(transport));
        }
        Self::client(connection).await
    }

    /// The shared client.
    pub async fn client(connection: &Arc<Connection>) -> Result<Self> {
        ClientTransport::open(connection).await.map(ReadTransport::Client)
    }

    /// Sends requests.
    pub async fn send(&mut self, requests: Vec<Outgoing>) -> Result<()> {
        match self {
            ReadTransport::Socket(transport) => transport.send(&requests).await,
            ReadTransport::Client(transport) => transport.send(requests).await,
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    pub async fn receive(&mut self, reading: Reading, out: &mut Vec<Replied>) -> Result<Heard> {
        match self {
            ReadTransport::Socket(transport) => transport.receive(reading, out).await,
            ReadTransport::Client(transport) => transport.receive(reading, out).await,
        }
    }

    /// Whether it serves this read alone.
    pub fn is_own(&self) -> bool {
        matches!(self, ReadTransport::Socket(_))
    }

    /// Whether the connection is up now.
    pub fn is_up(&self) -> bool {
        match self {
            ReadTransport::Socket(transport) => transport.is_up(),
            ReadTransport::Client(transport) => transport.is_up(),
        }
    }

    /// The read is over, and no answer is owed: the transport may serve another.
    pub fn finish(self) {
        if let ReadTransport::Socket(transport) = self {
            transport.finish();
        }
    }
}

/// Reads the body of a reply to `STREAM.MSG.GET`.
pub(super) fn read_msg_get(body: &[u8], want: Want) -> std::result::Result<Answer, Failure> {
    msg_get(body, want.headers).map(Answer::Reply)
}
