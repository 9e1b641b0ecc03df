//! Where messages go out and their answers come in: a socket of the call's own, or the shared client where there is none.

use std::sync::Arc;

use tokio::time::Instant;

use super::ack::{AckReader, Outcome};
use super::message::Checked;
use crate::error::{Error, Kind, Result};
use crate::jetstream::client_inbox::{Arrived, ClientInbox, is_no_responders, token};
use crate::jetstream::connection::Connection;
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::wire::{Received, Socket, number};
use crate::log;

/// An event on the connection while answers are awaited.
pub(super) enum PublishEvent {
    /// Answers came, perhaps none.
    Answers,
    /// The connection was lost and is back: answers to earlier messages may never come.
    Reconnected,
    /// The server refused something, in these words.
    Refused(Vec<String>),
    Closed,
}

/// The answers that came, each with the number of its message.
pub(super) type Answers = Vec<(usize, Outcome)>;

pub(super) enum PublishTransport {
    Socket(SocketTransport),
    Client(ClientTransport),
}

impl PublishTransport {
    /// # Errors
    /// The connection does not take a subscription.
    pub async fn open(connection: &Arc<Connection>) -> Result<Self> {
        if Socket::suits(connection.options()) {
            match OwnSocket::open(connection, 0).await {
                Ok(own) => {
                    let acks = AckReader::default();
                    return Ok(PublishTransport::Socket(SocketTransport { own, block: Vec::new(), acks }));
                }
                Err(error) => log::info(format!(
                    "{}: publishing gets no connection of its own and takes the shared one, which is slower: {error}",
                    connection.label()
                )),
            }
        }
        ClientTransport::open(connection).await.map(PublishTransport::Client)
    }

    /// Whether the connection is up.
    pub fn is_up(&self) -> bool {
        match self {
            PublishTransport::Socket(transport) => transport.own.is_up(),
            PublishTransport::Client(transport) => transport.connection.is_up(),
        }
    }

    /// Whether messages can be handed over: the client keeps them while its connection is lost, a socket does not.
    pub fn takes(&self) -> bool {
        match self {
            PublishTransport::Socket(transport) => transport.own.is_up(),
            PublishTransport::Client(_) => true,
        }
    }

    /// Hands a message over, which goes out at the latest when an answer is waited for.
    ///
    /// # Errors
    /// It cannot be sent before the deadline.
    pub async fn send(&mut self, index: usize, message: &Checked, deadline: Instant) -> Result<()> {
        match self {
            PublishTransport::Socket(transport) => {
                transport.send(index, message);
                Ok(())
            }
            // It waits only for room in the client's own queue, which a lost connection does not empty.
            PublishTransport::Client(transport) => tokio::time::timeout_at(deadline, transport.send(index, message))
                .await
                .unwrap_or_else(|_| Err(lost(false))),
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    ///
    /// # Errors
    /// The bytes that came are not the NATS protocol, or the connection did not come back in time.
    pub async fn receive(&mut self, answers: &mut Answers) -> Result<PublishEvent> {
        match self {
            PublishTransport::Socket(transport) => transport.receive(answers).await,
            PublishTransport::Client(transport) => Ok(transport.receive(answers).await),
        }
    }

    /// Nothing more is sent or awaited: the socket may serve other work.
    pub fn finish(&mut self) {
        if let PublishTransport::Socket(transport) = self {
            transport.own.finish();
        }
    }
}

pub(super) struct SocketTransport {
    own: OwnSocket,
    /// The header block of the message that goes out.
    block: Vec<u8>,
    acks: AckReader,
}

impl SocketTransport {
    fn send(&mut self, index: usize, message: &Checked) {
        self.block.clear();
        message.write_headers(None, &mut self.block);
        if let Some(socket) = self.own.get() {
            socket.publish(&message.subject, index, &self.block, &message.payload);
        }
    }

    async fn receive(&mut self, answers: &mut Answers) -> Result<PublishEvent> {
        let Happened::Received(received) = self.own.receive().await? else { return Ok(PublishEvent::Reconnected) };
        for frame in self.own.frames().replies() {
            let Some(index) = number(frame.reply_token()).and_then(|index| usize::try_from(index).ok()) else {
                continue;
            };
            // Only the status that nobody listens (503) has headers and no payload.
            let nobody = frame.payload().is_empty() && frame.is_no_responders();
            answers.push((index, self.acks.read(nobody, frame.payload())));
        }
        self.own.clear();
        Ok(match received {
            Received::Replies => PublishEvent::Answers,
            Received::Refused(words) => PublishEvent::Refused(words),
        })
    }
}

pub(super) struct ClientTransport {
    connection: Arc<Connection>,
    inbox: ClientInbox,
    acks: AckReader,
}

impl ClientTransport {
    async fn open(connection: &Arc<Connection>) -> Result<Self> {
        let inbox = ClientInbox::open(connection, "acknowledgements").await?;
        Ok(Self { connection: Arc::clone(connection), inbox, acks: AckReader::default() })
    }

    async fn send(&mut self, index: usize, message: &Checked) -> Result<()> {
        let (subject, payload) = (message.subject.clone(), message.payload.clone());
        let reply = self.inbox.reply_to(index);
        let client = &self.connection.client;
        let sent = match message.headers() {
            None => client.publish_with_reply(subject, reply, payload).await,
            Some(headers) => client.publish_with_reply_and_headers(subject, reply, headers, payload).await,
        };
        sent.map_err(|error| Error::foreign("cannot send", &error).kind_or(Kind::Unreachable))
    }

    async fn receive(&mut self, answers: &mut Answers) -> PublishEvent {
        let mut next = match self.inbox.receive().await {
            Arrived::Answer(answer) => Some(answer),
            Arrived::Reconnected => return PublishEvent::Reconnected,
            Arrived::Refused(words) => return PublishEvent::Refused(words.into_iter().collect()),
            Arrived::Closed => return PublishEvent::Closed,
        };
        while let Some(answer) = next {
            if let Some(index) = token(&answer).and_then(|token| token.parse().ok()) {
                answers.push((index, self.acks.read(is_no_responders(&answer), &answer.payload)));
            }
            next = self.inbox.at_hand();
        }
        PublishEvent::Answers
    }
}

/// The connection was lost before the answer to a message.
pub(super) fn lost(may_be_stored: bool) -> Error {
    if may_be_stored {
        Error::of(
            Kind::Unreachable,
            "the connection was lost before the acknowledgement, so it is not known whether it is stored",
        )
        .advice("with a Nats-Msg-Id header it would have been sent again, safely")
    } else {
        Error::of(Kind::Unreachable, "the connection was lost, so it was not sent")
            .advice("check the server, and run the statement again")
    }
}
