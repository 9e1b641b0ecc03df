//! Several sockets as one transport: each request goes over the one that has the fewest under way, and the answers of all come
//! together.
//!
//! The sockets begin with different servers of the list, and of the cluster where one alone is given. A server that takes no
//! more connections leaves the read with those that there are.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;

use super::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest};
use super::socket::SocketTransport;
use crate::error::Result;
use crate::jetstream::connection::Connection;
use crate::jetstream::reply::Answer;
use crate::plan::Reply;

pub struct SeveralTransport {
    lanes: Vec<Lane>,
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

impl SeveralTransport {
    /// At most so many sockets, and at least one.
    pub async fn open(connection: &Arc<Connection>, count: usize) -> Result<Self> {
        let lane = |transport| Lane { transport, open: Vec::new(), replies: Vec::new() };
        let mut lanes = vec![lane(SocketTransport::open(connection, 0).await?)];
        for place in 1..count {
            match SocketTransport::open(connection, place).await {
                Ok(transport) => lanes.push(lane(transport)),
                Err(_) => break,
            }
        }
        Ok(Self { lanes, next: 0 })
    }

    pub async fn send(&mut self, requests: Vec<WireRequest>) {
        let mut shares: Vec<Vec<WireRequest>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for request in requests {
            let least = self.lanes.iter_mut().zip(&mut shares).min_by_key(|(lane, _)| {
                // What is lost for the moment is taken last.
                (!lane.transport.is_up(), lane.open.len())
            });
            if let Some((lane, share)) = least {
                lane.open.push(request.token);
                share.push(request);
            }
        }
        for (lane, share) in self.lanes.iter_mut().zip(&shares).filter(|(_, share)| !share.is_empty()) {
            lane.transport.send(share).await;
        }
    }

    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        self.next = (self.next + 1) % self.lanes.len();
        let (front, back) = self.lanes.split_at_mut(self.next);
        let lanes = back.iter_mut().chain(front);
        let waiting =
            lanes.map(|lane| async { (lane.transport.receive(format, &mut lane.replies).await, lane) }.boxed());
        let ((event, lane), _, _) = select_all(waiting).await;
        for replied in lane.replies.drain(..) {
            if ends_request(&replied) {
                lane.open.retain(|token| *token != replied.token);
            }
            out.push(replied);
        }
        Ok(match event? {
            TransportEvent::Reconnected(_) => TransportEvent::Reconnected(Lost::These(std::mem::take(&mut lane.open))),
            event => event,
        })
    }

    pub fn is_up(&self) -> bool {
        self.lanes.iter().any(|lane| lane.transport.is_up())
    }

    pub fn finish(self) {
        self.lanes.into_iter().for_each(|lane| lane.transport.finish());
    }
}

/// Whether nothing follows in answer to the request.
fn ends_request(replied: &Replied) -> bool {
    !matches!(&replied.answer, Ok(Answer::Reply(Reply::Message { previous: Some(_), .. })))
}
