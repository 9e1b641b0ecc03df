//! The shared client of async-nats as a transport of reads: every kind of authentication and transport.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{broadcast, watch};

use super::request::{Lost, Reading, Replied, TransportEvent, WireRequest, read_msg_get, reply_token};
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::reply::{self, Answer};

/// How many replies are taken at once, when so many are at hand.
const AT_ONCE: usize = 1_024;

pub struct ClientTransport {
    connection: Arc<Connection>,
    inbox: String,
    replies: Subscriber,
    epochs: watch::Receiver<u64>,
    forbidden: broadcast::Receiver<String>,
}

impl ClientTransport {
    pub async fn open(connection: &Arc<Connection>) -> Result<Self> {
        let inbox = connection.client.new_inbox();
        let forbidden = connection.forbidden();
        let mut epochs = connection.epochs();
        epochs.mark_unchanged();
        let replies = connection.client.subscribe(format!("{inbox}.*")).await;
        let replies = replies
            .map_err(|error| Error::foreign("cannot subscribe for replies", &error).kind_or(Kind::Unreachable))?;
        Ok(Self { connection: Arc::clone(connection), inbox, replies, epochs, forbidden })
    }

    pub async fn send(&mut self, requests: Vec<WireRequest>) -> Result<()> {
        for request in requests {
            let reply_to = format!("{}.{}", self.inbox, request.mark());
            let body = Bytes::from(request.body);
            let sent = self.connection.client.publish_with_reply(request.subject, reply_to, body).await;
            sent.map_err(|error| Error::foreign("cannot send a request", &error).kind_or(Kind::Unreachable))?;
        }
        Ok(())
    }

    pub async fn receive(&mut self, reading: Reading, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        let closed = || Error::of(Kind::Unreachable, "the connection was closed while reading");
        tokio::select! {
            biased;
            message = self.replies.next() => Self::take(message.ok_or_else(closed)?, reading, out)?,
            changed = self.epochs.changed() => return changed.map(|()| TransportEvent::Reconnected(Lost::All)).map_err(|_| closed()),
            word = self.forbidden.recv() => return Ok(word.map_or(TransportEvent::Replies, |word| TransportEvent::Refused(vec![word]))),
        }
        while out.len() < AT_ONCE {
            // Unconstrained: the task gives way elsewhere, not in the middle of what is at hand.
            match tokio::task::unconstrained(self.replies.next()).now_or_never().flatten() {
                Some(message) => Self::take(message, reading, out)?,
                None => break,
            }
        }
        Ok(TransportEvent::Replies)
    }

    fn take(message: Message, reading: Reading, out: &mut Vec<Replied>) -> Result<()> {
        let mark = message.subject.rsplit('.').next().and_then(|mark| reply_token(mark.as_bytes(), reading.access));
        let (token, access) =
            mark.ok_or_else(|| Error::of(Kind::Protocol, "a reply on a subject that nobody asked for"))?;
        let no_responders = message.status.is_some_and(|status| status.as_u16() == 503);
        let answer = match access {
            Access::MsgGet if no_responders => Ok(Answer::NoResponders),
            Access::MsgGet => read_msg_get(&message.payload, reading.want),
            Access::Direct | Access::Consumer => Ok(reply::direct(message, reading.batch, reading.want.headers)?),
        };
        out.push(Replied { token, access, answer });
        Ok(())
    }

    pub fn is_up(&self) -> bool {
        self.connection.is_up()
    }
}
