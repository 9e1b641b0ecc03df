//! One socket of the read's own or several as one transport: each request goes over the one that has the fewest under way, and
//! the answers of all come together.
//!
//! The sockets begin with different servers of the list, and of the cluster where one alone is given. A server that takes no
//! more connections leaves the read with those that there are. Their number may change while the read goes on.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::task::JoinHandle;

use super::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest};
use super::socket::SocketTransport;
use crate::error::Result;
use crate::jetstream::connection::Connection;
use crate::jetstream::reply::Answer;
use crate::plan::Reply;

pub struct SeveralTransport {
    connection: Arc<Connection>,
    lanes: Vec<Lane>,
    /// The number of sockets that shall share the requests. The others get no more, and close when theirs are answered.
    wanted: usize,
    /// The attempt to open one more, beside the read.
    opening: Option<JoinHandle<Result<SocketTransport>>>,
    /// Whether the servers take no more connections.
    refused: bool,
    /// The one that is looked at first: each in turn.
    next: usize,
}

/// One socket.
struct Lane {
    transport: SocketTransport,
    /// The tokens of the requests that it has under way.
    open: Vec<u64>,
    replies: Vec<Replied>,
}

impl Lane {
    fn new(transport: SocketTransport) -> Self {
        Self { transport, open: Vec::new(), replies: Vec::new() }
    }

    /// Waits until something arrives, which `replies` then has.
    async fn receive(&mut self, format: ReplyFormat) -> (Result<TransportEvent>, &mut Self) {
        (self.transport.receive(format, &mut self.replies).await, self)
    }

    /// Takes note of the requests that these replies end.
    fn answered(open: &mut Vec<u64>, replies: &[Replied]) {
        for replied in replies.iter().filter(|replied| ends_request(replied)) {
            open.retain(|token| *token != replied.token);
        }
    }

    /// The meaning of an event of its socket for the read: a connection that came back lost only its own requests.
    fn event(open: &mut Vec<u64>, event: TransportEvent) -> TransportEvent {
        match event {
            TransportEvent::Reconnected(_) => TransportEvent::Reconnected(Lost::These(std::mem::take(open))),
            event => event,
        }
    }
}

impl SeveralTransport {
    /// At most so many sockets, and at least one.
    pub async fn open(connection: &Arc<Connection>, count: usize) -> Result<Self> {
        let mut lanes = vec![Lane::new(SocketTransport::open(connection, 0).await?)];
        for place in 1..count {
            match SocketTransport::open(connection, place).await {
                Ok(transport) => lanes.push(Lane::new(transport)),
                Err(_) => break,
            }
        }
        let (connection, wanted) = (Arc::clone(connection), lanes.len());
        Ok(Self { connection, lanes, wanted, opening: None, refused: false, next: 0 })
    }

    /// From now on this many sockets share the requests: the missing ones are opened one after the other beside the read.
    pub fn share(&mut self, count: usize) {
        self.wanted = count.max(1);
        self.open_next();
    }

    fn open_next(&mut self) {
        let place = self.lanes.len();
        if place < self.wanted && self.opening.is_none() && !self.refused {
            let connection = Arc::clone(&self.connection);
            self.opening = Some(tokio::spawn(async move { SocketTransport::open(&connection, place).await }));
        }
    }

    /// Closes the surplus sockets that owe no answer.
    fn retire(&mut self) {
        while self.lanes.len() > self.wanted.max(1)
            && let Some(lane) = self.lanes.pop_if(|lane| lane.open.is_empty())
        {
            lane.transport.finish();
        }
    }

    pub async fn send(&mut self, requests: Vec<WireRequest>) {
        let active = self.wanted.min(self.lanes.len());
        let lanes = &mut self.lanes[..active];
        let mut shares: Vec<Vec<WireRequest>> = lanes.iter().map(|_| Vec::new()).collect();
        for request in requests {
            let least = lanes.iter_mut().zip(&mut shares).min_by_key(|(lane, _)| {
                // A socket with a lost connection is taken last.
                (!lane.transport.is_up(), lane.open.len())
            });
            if let Some((lane, share)) = least {
                lane.open.push(request.token);
                share.push(request);
            }
        }
        for (lane, share) in lanes.iter_mut().zip(&shares).filter(|(_, share)| !share.is_empty()) {
            lane.transport.send(share).await;
        }
    }

    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        loop {
            self.retire();
            if let ([lane], None) = (&mut self.lanes[..], &self.opening) {
                let before = out.len();
                let event = lane.transport.receive(format, out).await?;
                Lane::answered(&mut lane.open, &out[before..]);
                return Ok(Lane::event(&mut lane.open, event));
            }
            self.next = (self.next + 1) % self.lanes.len();
            let (front, back) = self.lanes.split_at_mut(self.next);
            let waiting = back.iter_mut().chain(front).map(|lane| lane.receive(format).boxed());
            let opened = tokio::select! {
                ((event, lane), _, _) = select_all(waiting) => {
                    Lane::answered(&mut lane.open, &lane.replies);
                    out.append(&mut lane.replies);
                    return Ok(Lane::event(&mut lane.open, event?));
                }
                opened = async { Some(self.opening.as_mut()?.await) }, if self.opening.is_some() => opened,
            };
            self.opening = None;
            match opened {
                Some(Ok(Ok(transport))) => self.lanes.push(Lane::new(transport)),
                _ => self.refused = true,
            }
            self.open_next();
        }
    }

    pub fn is_up(&self) -> bool {
        self.lanes.iter().any(|lane| lane.transport.is_up())
    }

    pub fn finish(self) {
        if let Some(opening) = self.opening {
            opening.abort();
        }
        self.lanes.into_iter().for_each(|lane| lane.transport.finish());
    }
}

/// Whether nothing follows in answer to the request.
fn ends_request(replied: &Replied) -> bool {
    !matches!(&replied.answer, Ok(Answer::Reply(Reply::Message { previous: Some(_), .. })))
}
