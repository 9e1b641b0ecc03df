//! A socket of the read's own as a transport of requests.

use std::sync::Arc;

use super::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest, parse_reply_token, read_msg_get};
use crate::error::Result;
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::Failure;
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::reply::Answer;
use crate::jetstream::wire::Received;

pub struct SocketTransport {
    own: OwnSocket,
}

impl SocketTransport {
    /// `place` is which of the servers comes first.
    pub async fn open(connection: &Arc<Connection>, place: usize) -> Result<Self> {
        Ok(Self { own: OwnSocket::open(connection, place).await? })
    }

    pub async fn send(&mut self, requests: &[WireRequest]) {
        // While the connection is lost nothing is sent: when it is back, everything is asked for again.
        if let Some(socket) = self.own.get() {
            for request in requests {
                socket.request(&request.subject, &request.reply_token(), &request.body);
            }
            self.own.flush().await;
        }
    }

    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        let Happened::Received(received) = self.own.receive().await? else {
            return Ok(TransportEvent::Reconnected(Lost::All));
        };
        for frame in self.own.frames().replies() {
            let Some((token, access)) = parse_reply_token(frame.reply_token(), format.access) else { continue };
            let answer = match access {
                Access::MsgGet if frame.is_no_responders() => Ok(Answer::NoResponders),
                Access::MsgGet => read_msg_get(frame.payload(), format.want),
                Access::Direct | Access::Consumer => frame.direct(format.batch, format.want).map_err(Failure::Other),
            };
            out.push(Replied { token, access, answer });
        }
        self.own.clear();
        Ok(match received {
            Received::Replies => TransportEvent::Replies,
            Received::Refused(words) => TransportEvent::Refused(words),
        })
    }

    pub fn is_up(&self) -> bool {
        self.own.is_up()
    }

    pub fn finish(mut self) {
        self.own.finish();
    }
}
