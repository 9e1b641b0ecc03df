//! A message as a consumer delivers it: with the subject on which it is acknowledged (ADR-15).

use async_nats::Message;
use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::jetstream::ack_subject::AckSubject;
use crate::jetstream::reply::all_headers;
use crate::record::Record;
use crate::stats;

/// One message as the consumer delivered it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub record: Record,
    /// The number of its deliveries, this one included.
    pub delivered: u64,
    /// The subject of an acknowledgement of this delivery.
    pub ack_subject: String,
}

impl Delivery {
    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let headers = self.record.headers.0.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>();
        self.record.payload.len() + self.record.subject.len() + headers + self.ack_subject.len() + size_of::<Self>()
    }
}

/// Reads a delivered message, whose reply subject holds its place in stream and consumer; with it comes the consumer's own count of its
/// deliveries, from 1.
pub(super) fn delivery(message: Message) -> Result<(Delivery, u64)> {
    let malformed = || Error::of(Kind::Protocol, "a message without a JetStream reply subject");
    let reply = message.reply.ok_or_else(malformed)?;
    let place = AckSubject::read(reply.as_bytes()).ok_or_else(malformed)?;
    if place.deliveries > 1 {
        stats::REDELIVERED.add(1);
    }
    let record = Record {
        subject: Bytes::copy_from_slice(message.subject.as_bytes()),
        sequence: place.stream_sequence,
        time_ns: place.time_ns,
        headers: message.headers.as_ref().map(all_headers).unwrap_or_default(),
        payload: message.payload,
        part: None,
    };
    let delivery = Delivery { record, delivered: place.deliveries, ack_subject: reply.to_string() };
    Ok((delivery, place.consumer_sequence))
}
