//! A reply to Direct Get, read in place (ADR-31).

use std::ops::Range;

use bytes::Bytes;

use super::delivery::DeliveryFrame;
use super::reply_headers::{Digits, ReplyHeaders, read_reply_headers};
use super::want::Want;
use crate::error::{Error, Kind, Result};
use crate::jetstream::reply::{Answer, check_subject, header_block, is_added};
use crate::jetstream::time::parse_utc;
use crate::plan::Reply;
use crate::record::{Headers, Record};

/// The number of headers that the server adds to the reply to a request for one message, and to one of a batch.
const ADDED_TO_SINGLE: usize = 4;
const ADDED_TO_BATCHED: usize = 6;

/// The messages that one read of the socket brought: where they lie in its buffer.
#[derive(Debug, Default)]
pub struct Frames {
    places: Vec<Place>,
    buffer: Bytes,
}

/// Where a message lies in the buffer.
#[derive(Debug)]
pub(super) struct Place {
    pub source: SubscriptionKind,
    pub headers: Range<usize>,
    pub payload: Range<usize>,
}

/// The subscription that brought a message.
#[derive(Debug)]
pub(super) enum SubscriptionKind {
    /// That of replies: the last token of the subject tells them apart.
    Reply { reply_token: Range<usize> },
    /// That of a consumer, by its number.
    Delivery { subscription: u64, subject: Range<usize>, reply: Range<usize> },
}

/// One message of [`Frames`].
pub enum Arrival<'a> {
    /// A reply to a request.
    Reply(ReplyFrame<'a>),
    /// A delivery of a consumer.
    Delivery(DeliveryFrame<'a>),
}

impl Frames {
    /// Notes where a message lies in the buffer that [`Frames::freeze`] will bring.
    pub(super) fn push(&mut self, place: Place) {
        self.places.push(place);
    }

    /// Brings the buffer.
    pub(super) fn freeze(&mut self, buffer: Bytes) {
        self.buffer = buffer;
    }

    /// Forgets the replies and lets the buffer go.
    pub fn clear(&mut self) {
        self.places.clear();
        self.buffer = Bytes::new();
    }

    /// The messages, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Arrival<'_>> {
        let buffer = &self.buffer;
        self.places.iter().map(move |place| match &place.source {
            SubscriptionKind::Reply { reply_token } => {
                Arrival::Reply(ReplyFrame { place, reply_token: reply_token.clone(), buffer })
            }
            SubscriptionKind::Delivery { subscription, subject, reply } => Arrival::Delivery(DeliveryFrame {
                subscription: *subscription,
                subject: subject.clone(),
                reply: reply.clone(),
                headers: place.headers.clone(),
                payload: place.payload.clone(),
                buffer,
            }),
        })
    }

    /// The replies among them.
    pub fn replies(&self) -> impl Iterator<Item = ReplyFrame<'_>> {
        self.iter().filter_map(|arrival| match arrival {
            Arrival::Reply(reply) => Some(reply),
            Arrival::Delivery(_) => None,
        })
    }
}

/// One reply in the buffer of the socket.
pub struct ReplyFrame<'a> {
    place: &'a Place,
    reply_token: Range<usize>,
    buffer: &'a Bytes,
}

impl ReplyFrame<'_> {
    /// The last token of its subject.
    pub fn reply_token(&self) -> &[u8] {
        &self.buffer[self.reply_token.clone()]
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.buffer[self.place.payload.clone()]
    }

    /// Whether it says that nobody listens.
    pub fn is_no_responders(&self) -> bool {
        read_reply_headers(self.buffer, self.place.headers.clone()).status == Some(503)
    }

    /// Its content as a reply to Direct Get. `batch` says that a batch was asked for from a server that knows batches.
    pub fn direct(&self, batch: bool, want: Want) -> Result<Answer> {
        let located =
            Located { headers: read_reply_headers(self.buffer, self.place.headers.clone()), place: self.place };
        located.answer(self.buffer, batch, want)
    }
}

struct Located<'a> {
    headers: ReplyHeaders,
    place: &'a Place,
}

impl Located<'_> {
    fn answer(&self, buffer: &Bytes, batch: bool, want: Want) -> Result<Answer> {
        let headers = &self.headers;
        let Some(sequence) = &headers.sequence else { return self.status(buffer) };
        let sequence = number(buffer, sequence, "Nats-Sequence")?;
        let previous = match headers.previous.as_ref().filter(|_| batch) {
            Some(digits) => Some(number(buffer, digits, "Nats-Last-Sequence")?),
            None => None,
        };
        let pending = match headers.pending.as_ref().filter(|_| previous == Some(0)) {
            Some(digits) => Some(number(buffer, digits, "Nats-Num-Pending")?),
            None => None,
        };
        let slice = |range: &Option<Range<usize>>, name: &str| match range {
            Some(range) => Ok(range.clone()),
            None => Err(missing(name).sequence(sequence)),
        };
        let time_ns = if want.time {
            let time = &buffer[slice(&headers.time, "Nats-Time-Stamp")?];
            parse_utc(time).ok_or_else(|| malformed("Nats-Time-Stamp", time).sequence(sequence))?
        } else {
            0
        };
        if want.subject || want.payload {
            check_subject(&buffer[slice(&headers.subject, "Nats-Subject")?], sequence)?;
        }
        let subject = if want.subject { buffer.slice(slice(&headers.subject, "Nats-Subject")?) } else { Bytes::new() };
        let added = if previous.is_some() { ADDED_TO_BATCHED } else { ADDED_TO_SINGLE };
        let headers = if want.headers && headers.count > added {
            self.stored_headers(buffer, previous.is_some())
        } else {
            Headers::default()
        };
        let payload = if want.payload { buffer.slice(self.place.payload.clone()) } else { Bytes::new() };
        let size = self.place.payload.len();
        let record = Record { subject, sequence, time_ns, headers, payload, part: None };
        Ok(Answer::Reply(Reply::Message { record, previous, pending, size }))
    }

    fn status(&self, buffer: &Bytes) -> Result<Answer> {
        let headers = &self.headers;
        let count = |digits: &Option<Digits>, name: &'static str| match digits {
            Some(digits) => number(buffer, digits, name),
            None => Err(missing(name)),
        };
        match headers.status {
            Some(204) => Ok(Answer::Reply(Reply::End {
                pending: count(&headers.pending, "Nats-Num-Pending")?,
                last: count(&headers.previous, "Nats-Last-Sequence")?,
            })),
            Some(404) => Ok(Answer::Reply(Reply::Nothing)),
            Some(503) => Ok(Answer::NoResponders),
            Some(status) => {
                let words = String::from_utf8_lossy(&buffer[headers.description.clone()]).into_owned();
                Ok(Answer::Refused { status, words })
            }
            None => Err(missing("Nats-Sequence")),
        }
    }

    /// The headers of the stored message: of each name that the server adds, all but the last value.
    fn stored_headers(&self, buffer: &Bytes, batch: bool) -> Headers {
        let mut headers = header_block(&buffer[self.place.headers.clone()]);
        let mut seen: Vec<String> = Vec::new();
        let mut kept: Vec<(String, String)> = Vec::with_capacity(headers.0.len());
        for (name, value) in headers.0.drain(..).rev() {
            if is_added(&name, batch) && !seen.contains(&name) {
                seen.push(name);
            } else {
                kept.push((name, value));
            }
        }
        kept.reverse();
        Headers(kept)
    }
}

fn number(buffer: &[u8], digits: &Digits, name: &str) -> Result<u64> {
    digits.number.ok_or_else(|| malformed(name, &buffer[digits.at.clone()]))
}

fn missing(name: &str) -> Error {
    Error::of(Kind::Protocol, format!("a reply without the header {name}"))
}

fn malformed(name: &str, value: &[u8]) -> Error {
    Error::of(Kind::Protocol, format!("malformed header {name} in a reply: '{}'", String::from_utf8_lossy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Want = Want { subject: true, time: true, headers: true, payload: true };

    fn answer(block: &str, payload: &str, batch: bool) -> Result<Answer> {
        let buffer = Bytes::from(format!("{block}{payload}"));
        let mut frames = Frames::default();
        frames.push(Place {
            source: SubscriptionKind::Reply { reply_token: 0..0 },
            headers: 0..block.len(),
            payload: block.len()..buffer.len(),
        });
        frames.freeze(buffer);
        frames.replies().next().unwrap().direct(batch, ALL)
    }

    const ADDED: &str = "Nats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\n\
                         Nats-Time-Stamp: 1970-01-01T00:00:01Z\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 5\r\n\r\n";

    #[test]
    fn a_message_with_an_empty_payload_is_a_message() {
        let Ok(Answer::Reply(Reply::Message { record, previous, .. })) =
            answer(&format!("NATS/1.0\r\n{ADDED}"), "", true)
        else {
            unreachable!()
        };
        assert_eq!((&record.subject[..], record.sequence, record.time_ns), (&b"a.b"[..], 7, 1_000_000_000));
        assert_eq!((record.payload.len(), record.headers, previous), (0, Headers::default(), Some(5)));
    }

    #[test]
    fn of_several_values_the_last_is_the_servers() {
        let block = format!("NATS/1.0 404 lie\r\nNats-Sequence: 1\r\nX: a\r\nX: b\r\nNats-Num-Pending: 9\r\n{ADDED}");
        let Ok(Answer::Reply(Reply::Message { record, .. })) = answer(&block, "p", true) else { unreachable!() };
        assert_eq!(record.sequence, 7);
        let stored: Vec<(&str, &str)> = record.headers.0.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(stored, [("Nats-Num-Pending", "9"), ("Nats-Sequence", "1"), ("X", "a"), ("X", "b")]);
    }

    #[test]
    fn numbers_of_a_batch_are_the_messages_own_where_none_was_asked_for() {
        let Ok(Answer::Reply(Reply::Message { record, previous, .. })) =
            answer(&format!("NATS/1.0\r\n{ADDED}"), "", false)
        else {
            unreachable!()
        };
        assert_eq!(previous, None);
        assert_eq!(record.headers.0.len(), 2);
    }

    #[test]
    fn statuses_are_told_apart() {
        let end = "NATS/1.0 204 EOB\r\nNats-Num-Pending: 4\r\nNats-Last-Sequence: 9\r\n\r\n";
        assert!(matches!(answer(end, "", true), Ok(Answer::Reply(Reply::End { pending: 4, last: 9 }))));
        let nothing = "NATS/1.0 404 Message Not Found\r\n\r\n";
        assert!(matches!(answer(nothing, "", true), Ok(Answer::Reply(Reply::Nothing))));
        assert!(matches!(answer("NATS/1.0 503\r\n\r\n", "", true), Ok(Answer::NoResponders)));
        let refused = answer("NATS/1.0 408 Bad Request\r\n\r\n", "", true);
        assert!(matches!(refused, Ok(Answer::Refused { status: 408, words }) if words == "Bad Request"));
        assert!(answer("NATS/1.0\r\n\r\n", "", true).is_err());
    }
}
