//! Where requests go out and replies come in. Two ways, one contract: each reply of each request arrives once and in the
//! order in which the server sent it, or the transport says that it was lost and came back.

mod client;
mod request;
mod socket;

use std::sync::Arc;

use self::client::ClientTransport;
pub(super) use self::request::{Reading, Replied, TransportEvent, WireRequest};
use self::socket::SocketTransport;
use crate::error::Result;
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::wire::Socket;

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
    pub async fn send(&mut self, requests: Vec<WireRequest>) -> Result<()> {
        match self {
            ReadTransport::Socket(transport) => transport.send(&requests).await,
            ReadTransport::Client(transport) => transport.send(requests).await,
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    pub async fn receive(&mut self, reading: Reading, out: &mut Vec<Replied>) -> Result<TransportEvent> {
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
