//! Sends requests and receives replies. The three transports have one contract: each reply of each request arrives once and in the order in which the
//! server sent it, or the transport reports that the connection was lost and came back.

mod client;
mod consumer;
mod request;
mod several;
mod socket;

use std::sync::Arc;

use self::client::ClientTransport;
use self::consumer::ConsumerTransport;
pub(super) use self::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest};
use self::several::SeveralTransport;
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::wire::{Socket, Want};
use crate::log;

pub(super) enum ReadTransport {
    Several(SeveralTransport),
    Client(ClientTransport),
    Consumer(Box<ConsumerTransport>),
}

impl ReadTransport {
    /// So many sockets of the read's own for Direct Get, or fewer, where that is possible; else the shared client.
    pub async fn open(connection: &Arc<Connection>, count: usize) -> Result<Self> {
        if Socket::suits(connection.options()) {
            match SeveralTransport::open(connection, count).await {
                Ok(transport) => return Ok(ReadTransport::Several(transport)),
                Err(error) => log::info(format!(
                    "{}: a read gets no connection of its own and takes the shared one, which is slower: {error}",
                    connection.label()
                )),
            }
        }
        Self::client(connection).await
    }

    /// The shared client.
    pub async fn client(connection: &Arc<Connection>) -> Result<Self> {
        ClientTransport::open(connection).await.map(ReadTransport::Client)
    }

    /// A consumer of the read's own.
    pub async fn consumer(connection: &Arc<Connection>, stream: &str, filter: Option<&str>) -> Result<Self> {
        if !Socket::suits(connection.options()) {
            return Err(Error::of(
                Kind::Unsupported,
                "a read by a consumer needs a connection by TCP or TLS, not WebSocket",
            )
            .advice("leave via := 'consumer' out, or connect by nats:// or tls://"));
        }
        let transport = ConsumerTransport::open(connection, stream, filter).await?;
        Ok(ReadTransport::Consumer(Box::new(transport)))
    }

    /// Has a consumer deliver from a sequence on; its messages are the replies to a request with this token.
    pub async fn deliver(&mut self, token: u64, from: u64, want: Want) {
        if let ReadTransport::Consumer(transport) = self {
            transport.deliver(token, from, want).await;
        }
    }

    /// From now on this many sockets of the read's own share the requests.
    pub fn share(&mut self, count: usize) {
        if let ReadTransport::Several(transport) = self {
            transport.share(count);
        }
    }

    /// Says that the reader has room: what comes without being asked for may go on.
    pub fn permit(&mut self) {
        if let ReadTransport::Consumer(transport) = self {
            transport.permit();
        }
    }

    /// Sends requests.
    pub async fn send(&mut self, requests: Vec<WireRequest>) -> Result<()> {
        match self {
            ReadTransport::Several(transport) => {
                transport.send(requests).await;
                Ok(())
            }
            ReadTransport::Client(transport) => transport.send(requests).await,
            ReadTransport::Consumer(transport) => {
                transport.send(&requests).await;
                Ok(())
            }
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        match self {
            ReadTransport::Several(transport) => transport.receive(format, out).await,
            ReadTransport::Client(transport) => transport.receive(format, out).await,
            ReadTransport::Consumer(transport) => transport.receive(format, out).await,
        }
    }

    /// Whether it serves this read alone.
    pub fn is_own(&self) -> bool {
        matches!(self, ReadTransport::Several(_))
    }

    /// Whether the connection is up now.
    pub fn is_up(&self) -> bool {
        match self {
            ReadTransport::Several(transport) => transport.is_up(),
            ReadTransport::Client(transport) => transport.is_up(),
            ReadTransport::Consumer(transport) => transport.is_up(),
        }
    }

    /// Says why a read by a consumer cannot go on when the server refuses a part of it, in these words.
    pub fn refused(&self, words: &str) -> Option<Error> {
        match self {
            ReadTransport::Consumer(transport) => transport.refused(words),
            _ => None,
        }
    }

    /// The read is over: what it has on the server is removed, within what one request may take.
    pub async fn remove(self) {
        if let ReadTransport::Consumer(transport) = self {
            transport.finish().await;
        }
    }

    /// The read is over, and no answer is owed: the transport may serve another.
    pub fn finish(self) {
        match self {
            ReadTransport::Several(transport) => transport.finish(),
            ReadTransport::Client(_) | ReadTransport::Consumer(_) => {}
        }
    }
}
