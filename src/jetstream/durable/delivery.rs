//! A message as a consumer delivers it: with the subject on which it is acknowledged (ADR-15).

use std::sync::Arc;

use async_nats::Message;
use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::jetstream::ack_subject::AckSubject;
use crate::jetstream::reply::{all_headers, check_subject};
use crate::jetstream::wire::{DeliveryFrame, Want};
use crate::plan::{AckNames, AckPlace};
use crate::record::Record;
use crate::stats;

/// A durable's messages are wanted whole: one that fails is published to the dead letters.
const WHOLE: Want = Want { subject: true, time: true, headers: true, payload: true };

/// One message as the consumer delivered it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The message.
    pub record: Record,
    /// The number of its deliveries, this one included.
    pub delivered: u64,
    /// The rest of the subject of an acknowledgement of this delivery.
    pub place: AckPlace,
}

impl Delivery {
    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let headers = self.record.headers.0.iter().map(|(name, value)| name.len() + value.len() + 48).sum::<usize>();
        self.record.payload.len() + self.record.subject.len() + headers + size_of::<Self>()
    }
}

/// Reads deliveries. Those of one consumer share the names in the subjects of their acknowledgements.
#[derive(Debug, Default)]
pub(super) struct DeliveryReader {
    /// The names of the last one.
    names: Arc<AckNames>,
}

impl DeliveryReader {
    /// Reads a message of the client library.
    pub(super) fn read_message(&mut self, message: Message) -> Result<Delivery> {
        let place = read_place(message.reply.as_deref().unwrap_or_default().as_bytes())?;
        check_subject(message.subject.as_bytes(), place.stream_sequence)?;
        let record = Record {
            subject: Bytes::copy_from_slice(message.subject.as_bytes()),
            sequence: place.stream_sequence,
            time_ns: place.time_ns,
            headers: message.headers.as_ref().map(all_headers).unwrap_or_default(),
            payload: message.payload,
            part: None,
        };
        Ok(self.delivery(record, &place, message.reply.as_deref().unwrap_or_default().as_bytes()))
    }

    /// Reads a message of a socket of the read's own.
    pub(super) fn read_frame(&mut self, frame: &DeliveryFrame<'_>) -> Result<Delivery> {
        let place = read_place(frame.reply())?;
        Ok(self.delivery(frame.record(&place, WHOLE)?, &place, frame.reply()))
    }

    fn delivery(&mut self, record: Record, place: &AckSubject, reply: &[u8]) -> Delivery {
        if place.deliveries > 1 {
            stats::REDELIVERED.add(1);
        }
        let (before, behind) = (&reply[..place.numbers.start], &reply[place.numbers.end..]);
        if self.names.before.as_bytes() != before || self.names.behind.as_bytes() != behind {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            self.names = Arc::new(AckNames { before: text(before), behind: text(behind) });
        }
        let AckSubject { deliveries, consumer_sequence, time_ns, pending, .. } = *place;
        let place = AckPlace { names: Arc::clone(&self.names), consumer_sequence, time_ns, pending };
        Delivery { record, delivered: deliveries, place }
    }
}

fn read_place(reply: &[u8]) -> Result<AckSubject> {
    AckSubject::read(reply).ok_or_else(|| Error::of(Kind::Protocol, "a message without a JetStream reply subject"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Given;
    use crate::record::Headers;

    fn record(sequence: u64) -> Record {
        let (subject, payload) = (Bytes::new(), Bytes::new());
        Record { subject, sequence, time_ns: 0, headers: Headers::default(), payload, part: None }
    }

    #[test]
    fn an_acknowledgement_goes_to_the_subject_that_the_server_named() {
        let mut reader = DeliveryReader::default();
        for reply in [
            "$JS.ACK.S.c.1.7.3.42.9",
            "$JS.ACK.S.c.2.8.4.43.0",
            "$JS.ACK.hub.Axyz.S.c.1.7.3.42.9",
            "$JS.ACK._.Axyz.S.c.1.7.3.42.9.one",
            "$JS.ACK._.Axyz.S.c.1.7.3.42.9.other.token",
        ] {
            let place = read_place(reply.as_bytes()).unwrap();
            let sequence = place.stream_sequence;
            let Delivery { delivered, place, .. } = reader.delivery(record(sequence), &place, reply.as_bytes());
            let given = Given { sequence, delivered, place, ..Given::default() };
            assert_eq!(given.ack_subject().to_string(), reply);
        }
        assert!(read_place(b"$JS.ACK.S.c").is_err());
    }
}
