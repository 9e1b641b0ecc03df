//! A socket of the read's own as a transport of reads; connects again when it is lost.

use std::sync::Arc;

use tokio::time::Instant;

use super::request::{Reading, Replied, TransportEvent, WireRequest, read_msg_get, reply_token};
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::reply::Answer;
use crate::jetstream::wire::{Fault, Frames, RETRY_PAUSE, Received, Socket};
use crate::stats;

pub struct SocketTransport {
    connection: Arc<Connection>,
    /// None while the connection is lost.
    socket: Option<Socket>,
    lost_at: Option<Instant>,
    frames: Frames,
}

impl SocketTransport {
    pub async fn open(connection: &Arc<Connection>) -> Result<Self> {
        let mut socket = match connection.idle_socket() {
            Some(socket) => socket,
            None => Socket::open(connection.options(), connection.client.new_inbox()).await?,
        };
        socket.begin();
        Ok(Self { connection: Arc::clone(connection), socket: Some(socket), lost_at: None, frames: Frames::default() })
    }

    pub async fn send(&mut self, requests: &[WireRequest]) -> Result<()> {
        // While the connection is lost nothing is sent: when it is back, everything is asked for again.
        if let Some(socket) = &mut self.socket {
            for request in requests {
                socket.request(&request.subject, &request.mark(), &request.body);
            }
            if socket.flush().await.is_err() {
                self.lose();
            }
        }
        Ok(())
    }

    pub async fn receive(&mut self, reading: Reading, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        let Some(socket) = &mut self.socket else { return self.reconnect().await };
        match socket.receive(&mut self.frames).await {
            Ok(received) => {
                for frame in self.frames.iter() {
                    let Some((token, access)) = reply_token(frame.mark(), reading.access) else { continue };
                    let answer = match access {
                        Access::Direct => Ok(frame.direct(reading.batch, reading.want)?),
                        Access::MsgGet if frame.is_no_responders() => Ok(Answer::NoResponders),
                        Access::MsgGet => read_msg_get(frame.payload(), reading.want),
                    };
                    out.push(Replied { token, access, answer });
                }
                self.frames.clear();
                Ok(match received {
                    Received::Replies => TransportEvent::Replies,
                    Received::Refused(words) => TransportEvent::Refused(words),
                })
            }
            Err(Fault::Lost) => {
                self.lose();
                self.reconnect().await
            }
            Err(Fault::Malformed(error)) => Err(error),
        }
    }

    fn lose(&mut self) {
        self.socket = None;
        self.frames.clear();
        self.lost_at.get_or_insert_with(Instant::now);
    }

    /// Tries to connect until it works or the timeout is over.
    async fn reconnect(&mut self) -> Result<TransportEvent> {
        loop {
            if let Ok(mut socket) = Socket::open(self.connection.options(), self.connection.client.new_inbox()).await {
                socket.begin();
                self.socket = Some(socket);
                self.lost_at = None;
                stats::RECONNECTS.add(1);
                return Ok(TransportEvent::Reconnected);
            }
            if self.lost_at.is_some_and(|since| since.elapsed() >= self.connection.timeout) {
                return Err(Error::of(
                    Kind::Unreachable,
                    "the connection was lost while reading and did not come back in time",
                )
                .advice("check the server, and run the statement again"));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    pub fn is_up(&self) -> bool {
        self.socket.is_some()
    }

    pub fn finish(self) {
        if let Some(socket) = self.socket {
            self.connection.keep_socket(socket);
        }
    }
}
