//! A message that a push consumer delivered, read in place: the subject is that of the stored message, the headers are its own,
//! and the subject of the acknowledgement, which is not sent, says where it stands.
//!
//! Source: <https://docs.nats.io/nats-concepts/jetstream/consumers>, ADR-17 (ordered consumers),
//! and for flow control and heartbeats <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.

use std::ops::Range;

use bytes::Bytes;

use super::frame;
use super::reply_headers::{ReplyHeaders, read_reply_headers};
use super::want::Want;
use crate::error::{Error, Kind, Result};
use crate::jetstream::ack_subject::AckSubject;
use crate::jetstream::reply::{check_subject, header_block};
use crate::record::{Headers, Record};

/// One message in the buffer of the socket that a consumer delivered.
pub struct DeliveryFrame<'a> {
    /// The number of the subscription that it came on.
    pub subscription: u64,
    pub(super) subject: Range<usize>,
    pub(super) reply: Range<usize>,
    pub(super) headers: Range<usize>,
    pub(super) payload: Range<usize>,
    pub(super) buffer: &'a Bytes,
}

/// The deliveries of a consumer.
pub enum Delivered {
    /// A stored message.
    Message {
        record: Record,
        /// The consumer's own count of its deliveries, from 1.
        consumer_sequence: u64,
        /// The number of matching messages that are left behind it.
        pending: u64,
        /// The length of its payload in bytes, also when the payload was not wanted.
        size: usize,
    },
    /// The server waits for an empty message to this subject before it sends much more.
    FlowControl { reply: String },
    /// Nothing is sent at the moment.
    Heartbeat {
        /// The consumer's count of its deliveries so far.
        consumer_sequence: u64,
        /// Where an answer to flow control is owed, which holds the consumer up.
        stalled: Option<String>,
    },
    /// Something that is of no interest.
    Other,
}

impl DeliveryFrame<'_> {
    /// The subject that it came on.
    pub fn subject(&self) -> &[u8] {
        &self.buffer[self.subject.clone()]
    }

    /// The subject of an answer; empty where none is expected.
    pub fn reply(&self) -> &[u8] {
        &self.buffer[self.reply.clone()]
    }

    /// The header block; empty without headers.
    pub fn headers(&self) -> &[u8] {
        &self.buffer[self.headers.clone()]
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[self.payload.clone()]
    }

    /// The status of a message that is not a stored one, and its description; None without a status.
    pub fn status(&self) -> Option<(u16, String)> {
        let ReplyHeaders { status, description, .. } = read_reply_headers(self.buffer, self.headers.clone());
        Some((status?, String::from_utf8_lossy(&self.buffer[description]).into_owned()))
    }

    /// Whether it says that nobody listens.
    pub fn is_no_responders(&self) -> bool {
        self.payload.is_empty() && self.buffer[self.headers.clone()].starts_with(b"NATS/1.0 503")
    }

    /// Its content.
    pub fn read(&self, want: Want) -> Result<Delivered> {
        let reply = self.reply();
        if !reply.starts_with(ACK) {
            return self.read_status(reply);
        }
        let place = AckSubject::read(reply).ok_or_else(|| malformed("acknowledgement", reply))?;
        let AckSubject { consumer_sequence, pending, .. } = place;
        let record = self.record(&place, want)?;
        Ok(Delivered::Message { record, consumer_sequence, pending, size: self.payload.len() })
    }

    /// The stored message, whose place the subject of its acknowledgement names.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for a subject that no message can have.
    pub fn record(&self, place: &AckSubject, want: Want) -> Result<Record> {
        let block = self.headers();
        if want.subject || want.payload {
            check_subject(&self.buffer[self.subject.clone()], place.stream_sequence)?;
        }
        Ok(Record {
            subject: if want.subject { self.buffer.slice(self.subject.clone()) } else { Bytes::new() },
            sequence: place.stream_sequence,
            time_ns: place.time_ns,
            headers: if want.headers && !block.is_empty() { header_block(block) } else { Headers::default() },
            payload: if want.payload { self.buffer.slice(self.payload.clone()) } else { Bytes::new() },
            part: None,
        })
    }

    /// Status 100 is a heartbeat, or flow control, which has a subject to answer to.
    fn read_status(&self, reply: &[u8]) -> Result<Delivered> {
        let block = self.headers();
        if !block.starts_with(b"NATS/1.0 100") {
            return Ok(Delivered::Other);
        }
        if !reply.is_empty() {
            return Ok(Delivered::FlowControl { reply: String::from_utf8_lossy(reply).into_owned() });
        }
        let headers = header_block(block);
        let Some(last) = headers.get("Nats-Last-Consumer") else { return Ok(Delivered::Other) };
        let consumer_sequence =
            frame::number(last.as_bytes()).ok_or_else(|| malformed("Nats-Last-Consumer", last.as_bytes()))?;
        let stalled = headers.get("Nats-Consumer-Stalled").map(str::to_owned);
        Ok(Delivered::Heartbeat { consumer_sequence, stalled })
    }
}

const ACK: &[u8] = b"$JS.ACK.";

fn malformed(what: &str, value: &[u8]) -> Error {
    Error::of(Kind::Protocol, format!("malformed {what} of a consumer: '{}'", String::from_utf8_lossy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(block: &str, reply: &str) -> Result<Delivered> {
        let buffer = Bytes::from(format!("a.b{reply}{block}payload"));
        let (reply_end, end) = (3 + reply.len(), 3 + reply.len() + block.len());
        let frame = DeliveryFrame {
            subscription: 2,
            subject: 0..3,
            reply: 3..reply_end,
            headers: reply_end..end,
            payload: end..buffer.len(),
            buffer: &buffer,
        };
        frame.read(Want { subject: true, time: true, headers: true, payload: true })
    }

    #[test]
    fn a_message_has_its_own_headers_and_a_status_none_of_a_message() {
        let lie = "NATS/1.0\r\nNats-Sequence: 1\r\n\r\n";
        let Ok(Delivered::Message { record, pending, size, .. }) = read(lie, "$JS.ACK.S.c.1.7.3.42.9") else {
            unreachable!()
        };
        assert_eq!((&record.subject[..], record.sequence, record.time_ns, pending, size), (&b"a.b"[..], 7, 42, 9, 7));
        assert_eq!((record.headers.get("Nats-Sequence"), &record.payload[..]), (Some("1"), &b"payload"[..]));
        let heartbeat = "NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 4\r\nNats-Last-Stream: 6\r\n";
        let stalled = format!("{heartbeat}Nats-Consumer-Stalled: $JS.FC.S.c.x\r\n\r\n");
        assert!(matches!(read(heartbeat, ""), Ok(Delivered::Heartbeat { consumer_sequence: 4, stalled: None })));
        assert!(
            matches!(read(&stalled, ""), Ok(Delivered::Heartbeat { stalled: Some(reply), .. }) if reply == "$JS.FC.S.c.x")
        );
        let flow = read("NATS/1.0 100 FlowControl Request\r\n\r\n", "$JS.FC.S.c.x");
        assert!(matches!(flow, Ok(Delivered::FlowControl { reply }) if reply == "$JS.FC.S.c.x"));
        assert!(matches!(read("NATS/1.0 409 Consumer Deleted\r\n\r\n", ""), Ok(Delivered::Other)));
        assert!(read("", "$JS.ACK.S.c.1.7").is_err());
    }
}
