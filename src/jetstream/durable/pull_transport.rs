//! Where the pull requests of a read go out and what they bring comes in: a socket of the read's own, or the shared client where there is none.
//!
//! A task reads the socket while the statement works, because nats-server ends a connection that does not read. No more waits here than was asked for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::delivery::{Delivery, DeliveryReader};
use crate::error::{Error, Kind, Result};
use crate::jetstream::client_inbox::{Arrived, ClientInbox};
use crate::jetstream::connection::Connection;
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::reply::header_block;
use crate::jetstream::wire::{Arrival, DeliveryFrame, Received, Socket, number};
use crate::log;

/// The header of a status with the number of messages of the pull that were not sent (ADR-13).
const PENDING_MESSAGES: &str = "Nats-Pending-Messages";

/// What came, in the order in which it came.
pub(super) enum Pulled {
    /// Messages of the stream.
    Deliveries(Vec<Delivery>),
    /// The end of a pull.
    Status(PullStatus),
}

/// The status by which the server ends a pull before it is filled.
pub(super) struct PullStatus {
    /// The number of the pull; None for a status that is on no pull of this read.
    pub(super) pull: Option<u64>,
    pub(super) code: u16,
    pub(super) description: String,
    /// The number of messages of the pull that were not sent, if the server says it.
    pub(super) pending: Option<u64>,
}

/// An event while messages are awaited.
pub(super) enum PullEvent {
    Pulled(Pulled),
    /// The connection was lost and is back: what was on its way for pulls with a number below `lost` may never come.
    Reconnected {
        lost: u64,
    },
    /// The server refused something, in these words.
    Refused(Vec<String>),
}

pub(super) enum PullTransport {
    Socket(SocketPulls),
    Client(Box<ClientPulls>),
}

impl PullTransport {
    /// # Errors
    /// The connection does not take a subscription.
    pub(super) async fn open(connection: &Arc<Connection>) -> Result<Self> {
        if Socket::suits(connection.options()) {
            match OwnSocket::open_alive(connection, 0).await {
                Ok(own) => return Ok(PullTransport::Socket(SocketPulls::start(own, connection.timeout))),
                Err(error) => log::info(format!(
                    "{}: a durable gets no connection of its own and takes the shared one, which is slower: {error}",
                    connection.label()
                )),
            }
        }
        let inbox = ClientInbox::open(connection, "messages").await?;
        let connection = Arc::clone(connection);
        Ok(PullTransport::Client(Box::new(ClientPulls { connection, inbox, reader: DeliveryReader::default() })))
    }

    /// Sends a pull request.
    ///
    /// # Errors
    /// The client does not take it.
    pub(super) async fn ask(&self, subject: String, pull: u64, body: String) -> Result<()> {
        match self {
            PullTransport::Socket(transport) => {
                // The task ends by an error, which is still to be read, or with this value.
                let _ = transport.asks.send(Ask::Pull { subject, pull, body });
                Ok(())
            }
            PullTransport::Client(transport) => {
                let reply_to = transport.inbox.reply_to(pull);
                let sent = transport.connection.client.publish_with_reply(subject, reply_to, Bytes::from(body)).await;
                sent.map_err(|error| Error::foreign("cannot send a pull request", &error).kind_or(Kind::Unreachable))
            }
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    ///
    /// # Errors
    /// The connection was lost for good, or brought something that no consumer delivers.
    pub(super) async fn next(&mut self) -> Result<PullEvent> {
        match self {
            PullTransport::Socket(transport) => transport.events.recv().await.ok_or_else(closed)?,
            PullTransport::Client(transport) => match transport.inbox.receive().await {
                Arrived::Answer(message) => transport.reader.read(message).map(PullEvent::Pulled),
                Arrived::Reconnected => Ok(PullEvent::Reconnected { lost: u64::MAX }),
                Arrived::Refused(words) => Ok(PullEvent::Refused(words.into_iter().collect())),
                Arrived::Closed => Err(closed()),
            },
        }
    }

    /// Ends the subscription: a pull that is still open brings nothing more. Without an answer of the server for pulls over the shared client:
    /// what settles their messages goes the same way, behind this.
    pub(super) async fn end(&mut self) {
        if let PullTransport::Socket(transport) = self {
            let _ = transport.asks.send(Ask::End);
            // A task that panicked has ended as well.
            let _ = (&mut transport.task).await;
        }
    }

    /// What has come and was not taken, without waiting.
    pub(super) fn remaining(&mut self) -> Vec<Pulled> {
        let pulled = |event| match event {
            Ok(PullEvent::Pulled(pulled)) => Some(pulled),
            _ => None,
        };
        match self {
            PullTransport::Socket(SocketPulls { events, .. }) => {
                std::iter::from_fn(|| events.try_recv().ok()).filter_map(pulled).collect()
            }
            PullTransport::Client(transport) => {
                let ClientPulls { inbox, reader, .. } = &mut **transport;
                std::iter::from_fn(|| inbox.at_hand()).map_while(|message| reader.read(message).ok()).collect()
            }
        }
    }

    /// Whether the connection is up, as far as this side knows.
    pub(super) fn is_up(&self) -> bool {
        match self {
            PullTransport::Socket(transport) => !transport.events.is_closed(),
            PullTransport::Client(transport) => transport.connection.is_up(),
        }
    }
}

fn closed() -> Error {
    Error::of(Kind::Unreachable, "the connection was closed while reading")
}

pub(super) struct ClientPulls {
    connection: Arc<Connection>,
    inbox: ClientInbox,
    reader: DeliveryReader,
}

impl DeliveryReader {
    /// A message of a stream has a reply subject, a status has none.
    fn read(&mut self, message: Message) -> Result<Pulled> {
        if message.reply.is_some() {
            return Ok(Pulled::Deliveries(vec![self.read_message(message)?]));
        }
        let pending = message.headers.as_ref().and_then(|headers| headers.get(PENDING_MESSAGES));
        Ok(Pulled::Status(PullStatus {
            pull: last_token(message.subject.as_bytes()),
            code: message.status.map_or(0, |status| status.as_u16()),
            description: message.description.unwrap_or_default(),
            pending: pending.and_then(|pending| pending.as_str().parse().ok()),
        }))
    }

    /// Reads a frame, and adds it to what came before.
    fn add(&mut self, frame: &DeliveryFrame<'_>, events: &mut Vec<Result<PullEvent>>) -> Result<()> {
        if !frame.reply().is_empty() {
            let delivery = self.read_frame(frame)?;
            match events.last_mut() {
                Some(Ok(PullEvent::Pulled(Pulled::Deliveries(deliveries)))) => deliveries.push(delivery),
                _ => events.push(Ok(PullEvent::Pulled(Pulled::Deliveries(vec![delivery])))),
            }
            return Ok(());
        }
        let (code, description) = frame.status().unwrap_or_default();
        let pending = header_block(frame.headers()).get(PENDING_MESSAGES).and_then(|pending| pending.parse().ok());
        let status = PullStatus { pull: last_token(frame.subject()), code, description, pending };
        events.push(Ok(PullEvent::Pulled(Pulled::Status(status))));
        Ok(())
    }
}

/// Statuses come on the pull's own subject, whose last token is its number.
fn last_token(subject: &[u8]) -> Option<u64> {
    number(subject.rsplit(|byte| *byte == b'.').next()?)
}

/// Work for the socket's task.
enum Ask {
    /// Sends a pull request.
    Pull { subject: String, pull: u64, body: String },
    /// Ends the subscription, and the task once the server has read that.
    End,
}

/// A socket that a task reads until this value is dropped.
pub(super) struct SocketPulls {
    asks: UnboundedSender<Ask>,
    /// What came. The task ends behind an error.
    events: UnboundedReceiver<Result<PullEvent>>,
    task: JoinHandle<()>,
}

impl SocketPulls {
    fn start(own: OwnSocket, timeout: Duration) -> Self {
        let (asks, to_send) = unbounded_channel();
        let (came, events) = unbounded_channel();
        Self { asks, events, task: tokio::spawn(serve(own, timeout, to_send, came)) }
    }
}

/// Sends what is asked for and passes on what comes, until it is ended or nobody asks any more.
async fn serve(
    mut own: OwnSocket,
    timeout: Duration,
    mut asks: UnboundedReceiver<Ask>,
    came: UnboundedSender<Result<PullEvent>>,
) {
    let mut reader = DeliveryReader::default();
    let subscribe = |own: &mut OwnSocket| own.get().map(Socket::subscribe_below).unwrap_or_default();
    let (mut subscription, mut inbox) = subscribe(&mut own);
    // The number of the next pull.
    let mut next = 0;
    // Known when the subscription has been ended: the time until which the server's answer is awaited.
    let mut until: Option<Instant> = None;
    while until.is_none() || own.get().is_some_and(|socket| !socket.is_read()) {
        let happened = tokio::select! {
            biased;
            ask = asks.recv(), if until.is_none() => {
                // While the connection is lost nothing is sent: when it is back, the reader hears of it.
                let socket = own.get();
                if let Some(Ask::Pull { pull, .. }) = &ask {
                    next = pull + 1;
                }
                match (ask, socket) {
                    (Some(Ask::Pull { subject, pull, body }), Some(socket)) => {
                        // One token more than the subjects of replies have, whose subscription would bring everything a second time.
                        socket.publish_for(&subject, &format!("{inbox}.pull.{pull}"), &[], body.as_bytes());
                    }
                    (Some(Ask::Pull { .. }), None) => {}
                    (Some(Ask::End) | None, Some(socket)) => {
                        socket.unsubscribe(subscription);
                        socket.ping();
                        until = Some(Instant::now() + timeout);
                    }
                    (Some(Ask::End) | None, None) => break,
                }
                own.flush().await;
                continue;
            }
            happened = own.receive() => happened,
            // A socket that is silent serves no other read.
            () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => return,
        };
        let events = match happened {
            Ok(Happened::Received(received)) => take(&mut own, subscription, &mut reader, received),
            Ok(Happened::Reconnected) if until.is_some() => break,
            Ok(Happened::Reconnected) => {
                (subscription, inbox) = subscribe(&mut own);
                vec![Ok(PullEvent::Reconnected { lost: next })]
            }
            Err(error) => vec![Err(error)],
        };
        let failed = events.iter().any(Result::is_err);
        for event in events {
            // Nobody listens any more when the statement has ended.
            let _ = came.send(event);
        }
        if failed {
            return;
        }
    }
    own.finish();
}

/// The events of one read of the socket, in the order in which they came: a status behind a message that cannot be read ends no read without its error.
fn take(
    own: &mut OwnSocket,
    subscription: u64,
    reader: &mut DeliveryReader,
    received: Received,
) -> Vec<Result<PullEvent>> {
    let mut events = Vec::new();
    for arrival in own.frames().iter() {
        let Arrival::Delivery(frame) = arrival else { continue };
        if frame.subscription == subscription
            && let Err(error) = reader.add(&frame, &mut events)
        {
            events.push(Err(error));
        }
    }
    own.clear();
    if let Received::Refused(words) = received {
        events.push(Ok(PullEvent::Refused(words)));
    }
    events
}
