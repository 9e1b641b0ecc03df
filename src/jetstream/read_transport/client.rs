//! The shared client of async-nats as a transport of reads: every kind of authentication and transport.

use std::sync::Arc;

use async_nats::Message;
use bytes::Bytes;

use super::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest, parse_reply_token, read_msg_get};
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::client_inbox::{Arrived, ClientInbox, is_no_responders, token};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::reply::{self, Answer};

/// The most replies that are taken at once.
const AT_ONCE: usize = 1_024;

pub struct ClientTransport {
    connection: Arc<Connection>,
    inbox: ClientInbox,
}

impl ClientTransport {
    pub async fn open(connection: &Arc<Connection>) -> Result<Self> {
        Ok(Self { connection: Arc::clone(connection), inbox: ClientInbox::open(connection, "replies").await? })
    }

    pub async fn send(&mut self, requests: Vec<WireRequest>) -> Result<()> {
        for request in requests {
            let reply_to = self.inbox.reply_to(request.reply_token());
            let body = Bytes::from(request.body);
            let sent = self.connection.client.publish_with_reply(request.subject, reply_to, body).await;
            sent.map_err(|error| Error::foreign("cannot send a request", &error).kind_or(Kind::Unreachable))?;
        }
        Ok(())
    }

    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        match self.inbox.receive().await {
            Arrived::Answer(message) => Self::take(message, format, out)?,
            Arrived::Reconnected => return Ok(TransportEvent::Reconnected(Lost::All)),
            Arrived::Refused(words) => {
                return Ok(words.map_or(TransportEvent::Replies, |words| TransportEvent::Refused(vec![words])));
            }
            Arrived::Closed => return Err(Error::of(Kind::Unreachable, "the connection was closed while reading")),
        }
        while out.len() < AT_ONCE
            && let Some(message) = self.inbox.at_hand()
        {
            Self::take(message, format, out)?;
        }
        Ok(TransportEvent::Replies)
    }

    fn take(message: Message, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<()> {
        let reply_token =
            token(&message).and_then(|reply_token| parse_reply_token(reply_token.as_bytes(), format.access));
        let (token, access) =
            reply_token.ok_or_else(|| Error::of(Kind::Protocol, "a reply on a subject that nobody asked for"))?;
        let no_responders = is_no_responders(&message);
        let answer = match access {
            Access::MsgGet if no_responders => Ok(Answer::NoResponders),
            Access::MsgGet => read_msg_get(&message.payload, format.want),
            Access::Direct | Access::Consumer => {
                reply::direct(message, format.batch, format.want.headers).map_err(Failure::Other)
            }
        };
        out.push(Replied { token, access, answer });
        Ok(())
    }

    pub fn is_up(&self) -> bool {
        self.connection.is_up()
    }
}
