//! A consumer of the read's own as a transport: the server sends the messages of a range one after the other, without a request for each batch.
//!
//! It is an ordered consumer (ADR-17): ephemeral, in memory, on one server, without acknowledgements. The consumer counts its deliveries, so a
//! message that is lost on the way is a gap in its count; then another consumer is made, from the next message on. Flow control holds the server up
//! while the reader has no room: the answer to its request is kept back until then, and it sends no more than 32 MiB beyond that. Heartbeats
//! distinguish a consumer that has nothing to send from one that is gone.
//!
//! Nothing is left behind: the consumer is removed when the read ends, and the server removes it [`INACTIVE`] after the connection is
//! gone.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::request::{Lost, Replied, ReplyFormat, TransportEvent, WireRequest, parse_reply_token, read_msg_get};
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{ErrorNumber, Failure, decode, refusal};
use crate::jetstream::own_socket::{Happened, OwnSocket};
use crate::jetstream::reply::Answer;
use crate::jetstream::wire::{Arrival, Delivered, DeliveryFrame, Received, ReplyFrame, Want};
use crate::plan::Reply;

/// The time for which the server keeps a consumer without a subscriber.
const INACTIVE: Duration = Duration::from_secs(5);
/// The time between two heartbeats of a consumer without messages: the shortest one (the least that the server takes) and the longest one.
const HEARTBEATS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));

pub struct ConsumerTransport {
    own: OwnSocket,
    connection: Arc<Connection>,
    stream: String,
    /// The subject filter.
    filter: Option<String>,
    current: Option<Delivery>,
    /// The subject of an answer to flow control that is kept back.
    owed: Option<String>,
}

/// One consumer.
struct Delivery {
    /// The request for which it was made.
    token: u64,
    name: String,
    subscription: u64,
    /// The number of messages that it has delivered, by its own count.
    consumer_sequence: u64,
    /// The sequence of the last one in the stream.
    stream_sequence: u64,
    /// Whether something was lost: then nothing more is taken from it.
    broken: bool,
}

impl ConsumerTransport {
    pub async fn open(connection: &Arc<Connection>, stream: &str, filter: Option<&str>) -> Result<Self> {
        Ok(Self {
            own: OwnSocket::open(connection, 0).await?,
            connection: Arc::clone(connection),
            stream: stream.to_owned(),
            filter: filter.map(str::to_owned),
            current: None,
            owed: None,
        })
    }

    /// Makes a consumer that delivers from a sequence on, and replaces the one before.
    pub async fn deliver(&mut self, token: u64, from: u64, want: Want) {
        let gone = self.current.take().map(|delivery| (delivery.subscription, self.delete_subject(&delivery.name)));
        self.owed = None;
        let name = self.new_name();
        let subject = self.connection.api_subject(&format!("CONSUMER.CREATE.{}.{name}", self.stream));
        let mut config = json!({
            "name": name,
            "description": "a read of nats_js, which removes it when it ends",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": from,
            "ack_policy": "none",
            "max_deliver": 1,
            "flow_control": true,
            "idle_heartbeat": nanoseconds((self.connection.timeout / 4).clamp(HEARTBEATS.0, HEARTBEATS.1)),
            "inactive_threshold": nanoseconds(INACTIVE),
            "mem_storage": true,
            "num_replicas": 1,
            "headers_only": !want.payload && !want.headers,
        });
        if let Some(filter) = &self.filter {
            config["filter_subject"] = filter.as_str().into();
        }
        // While the connection is lost nothing is sent: when it is back, the messages are asked for again.
        let Some(socket) = self.own.get() else { return };
        if let Some((subscription, delete)) = gone {
            socket.unsubscribe(subscription);
            socket.request(&delete, UNREAD, "");
        }
        let (subscription, deliver_subject) = socket.subscribe();
        config["deliver_subject"] = deliver_subject.into();
        let body = json!({"stream_name": self.stream, "action": "create", "config": config}).to_string();
        socket.request(&subject, &token.to_string(), &body);
        let (consumer_sequence, stream_sequence, broken) = (0, 0, false);
        self.current = Some(Delivery { token, name, subscription, consumer_sequence, stream_sequence, broken });
        self.own.flush().await;
    }

    /// Sends requests to the stream's leader.
    pub async fn send(&mut self, requests: &[WireRequest]) {
        if let Some(socket) = self.own.get() {
            for request in requests {
                socket.request(&request.subject, &request.reply_token(), &request.body);
            }
            self.own.flush().await;
        }
    }

    /// The reader has room: an answer to flow control that was kept back goes out with the next call of
    /// [`ConsumerTransport::receive`].
    pub fn permit(&mut self) {
        if let Some(socket) = self.own.get()
            && let Some(reply) = self.owed.take()
        {
            socket.put(&reply, "");
        }
    }

    pub async fn receive(&mut self, format: ReplyFormat, out: &mut Vec<Replied>) -> Result<TransportEvent> {
        let Happened::Received(received) = self.own.receive().await? else {
            self.owed = None;
            return Ok(TransportEvent::Reconnected(Lost::All));
        };
        for arrival in self.own.frames().iter() {
            match arrival {
                Arrival::Reply(frame) => out.extend(answer(&frame, format)),
                Arrival::Delivery(frame) => {
                    let current = self.current.as_mut().filter(|delivery| delivery.subscription == frame.subscription);
                    if let Some(delivery) = current {
                        delivery.take(&frame, format.want, &mut self.owed, out)?;
                    }
                }
            }
        }
        self.own.clear();
        Ok(match received {
            Received::Replies => TransportEvent::Replies,
            Received::Refused(words) => TransportEvent::Refused(words),
        })
    }

    /// Says why the read cannot go on when the server refuses what it needs, in these words: to make the consumer, or to answer
    /// its flow control.
    pub fn refused(&self, words: &str) -> Option<Error> {
        let stream = &self.stream;
        let delivery = self.current.as_ref()?;
        let call = format!("CONSUMER.CREATE.{stream}.{}", delivery.name);
        let subject = if refusal(words, &self.connection.api_subject(&call)).is_some() {
            self.connection.api_subject(&format!("CONSUMER.CREATE.{stream}.>"))
        } else if words.contains(&format!("\"$JS.FC.{stream}.{}.", delivery.name)) {
            format!("$JS.FC.{stream}.>")
        } else {
            return None;
        };
        let error = Error::of(Kind::Denied, format!("no permission to publish to {subject}"));
        Some(error.advice("grant the user that subject, or leave via := 'consumer' out, which needs it"))
    }

    pub fn is_up(&self) -> bool {
        self.own.is_up()
    }

    /// The read is over: the consumer is removed. One round trip over the shared connection.
    pub async fn finish(mut self) {
        let Some(delivery) = self.current.take() else {
            self.own.finish();
            return;
        };
        if let Some(socket) = self.own.get() {
            socket.unsubscribe(delivery.subscription);
        }
        self.own.flush().await;
        let call = format!("CONSUMER.DELETE.{}.{}", self.stream, delivery.name);
        // Where that fails, the server removes it by itself.
        let removed = self.connection.api::<serde_json::Value>(&call, Bytes::new()).await;
        if removed.is_ok() {
            self.own.finish();
        }
    }

    fn delete_subject(&self, name: &str) -> String {
        self.connection.api_subject(&format!("CONSUMER.DELETE.{}.{name}", self.stream))
    }

    /// A name that no other consumer has, and that is short: it is a part of every message. Of the client's unique text the start
    /// is this process's own and the end is new each time.
    fn new_name(&self) -> String {
        let unique = self.connection.client.new_inbox();
        let unique = unique.rsplit('.').next().unwrap_or_default();
        match (unique.get(..6), unique.get(unique.len().saturating_sub(6)..)) {
            (Some(start), Some(end)) => format!("{start}{end}"),
            _ => unique.to_owned(),
        }
    }
}

/// The token of replies that nobody reads.
const UNREAD: &str = "-";

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Delivery {
    /// Reads a message of the consumer as a reply to the request for which the consumer was made.
    fn take(
        &mut self,
        frame: &DeliveryFrame<'_>,
        want: Want,
        owed: &mut Option<String>,
        out: &mut Vec<Replied>,
    ) -> Result<()> {
        if self.broken {
            return Ok(());
        }
        let token = self.token;
        let mut reply = |reply: Reply| {
            out.push(Replied { token, access: Access::Consumer, answer: Ok(Answer::Reply(reply)) });
        };
        // A gap in the consumer's count: it delivered a message behind the last one that came, at least.
        let lost = Reply::End { pending: 0, last: self.stream_sequence + 1 };
        match frame.read(want)? {
            Delivered::Message { record, consumer_sequence, pending, size } => {
                if consumer_sequence <= self.consumer_sequence {
                    return Ok(());
                }
                if consumer_sequence > self.consumer_sequence + 1 {
                    self.broken = true;
                    reply(lost);
                    return Ok(());
                }
                let previous = self.stream_sequence;
                (self.consumer_sequence, self.stream_sequence) = (consumer_sequence, record.sequence);
                reply(Reply::Message { record, previous: Some(previous), pending: Some(pending), size });
                if pending == 0 {
                    reply(Reply::End { pending: 0, last: self.stream_sequence });
                }
            }
            Delivered::FlowControl { reply } => *owed = Some(reply),
            Delivered::Heartbeat { consumer_sequence, .. } if consumer_sequence > self.consumer_sequence => {
                self.broken = true;
                reply(lost);
            }
            Delivered::Heartbeat { stalled: Some(reply), .. } => *owed = Some(reply),
            Delivered::Heartbeat { consumer_sequence, .. } if consumer_sequence == self.consumer_sequence => {
                reply(Reply::End { pending: 0, last: self.stream_sequence });
            }
            Delivered::Heartbeat { .. } | Delivered::Other => {}
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Created {
    /// The number of matching messages from the consumer's start on.
    #[serde(default)]
    num_pending: u64,
}

/// Reads a reply to the consumer's own requests; None when it only announces messages.
fn answer(frame: &ReplyFrame<'_>, format: ReplyFormat) -> Option<Replied> {
    let (token, access) = parse_reply_token(frame.reply_token(), format.access)?;
    let answer = match access {
        _ if frame.is_no_responders() => Ok(Answer::NoResponders),
        Access::MsgGet => read_msg_get(frame.payload(), format.want),
        Access::Direct | Access::Consumer => match decode::<Created>(frame.payload()) {
            Ok(Created { num_pending: 0 }) => Ok(Answer::Reply(Reply::Nothing)),
            Ok(_) => return None,
            Err(failure) if failure.is(ErrorNumber::UNAVAILABLE) => Ok(Answer::NoResponders),
            Err(failure) => Err::<Answer, Failure>(failure),
        },
    };
    Some(Replied { token, access, answer })
}
