//! What a server sent, and what it might have sent: it is read alike in whatever parts it comes, in bounded memory, and by this
//! reader as by the general client.

use async_nats::{HeaderMap, Message as ClientMessage, StatusCode};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::frame::{self, Frame};
use super::intake::{Intake, Taken};
use super::reply::{Arrival, Frames, Place, SubscriptionKind};
use super::reply_headers::{Digits, read_reply_headers};
use super::want::Want;
use crate::jetstream::ack_subject::AckSubject;
use crate::jetstream::reply::{Answer, direct, header_block};
use crate::jetstream::wire::Delivered;
use crate::testing::{cases, corpus, damaged};

const TELLING: &[u8] = b"\r\n: 0123459MSGHINFOPPING-ERR+OKNATS/1.0\t'\xff";
const ALL: Want = Want { subject: true, time: true, headers: true, payload: true };
/// The results of reading the corpus' replies.
const PREFIX: &str = "_I.7.";

/// The frames of an intake, as texts that can be compared.
#[derive(Debug, Default, PartialEq)]
struct Trace {
    messages: Vec<String>,
    pings: usize,
    refused: Vec<String>,
    broken: bool,
}

impl Trace {
    fn note(&mut self, frames: &mut Frames, taken: Taken) {
        self.pings += taken.pings;
        self.refused.extend(taken.refused);
        self.messages.extend(frames.iter().map(|arrival| match arrival {
            Arrival::Reply(reply) => {
                format!("{:?} {:?} {}", reply.reply_token().to_vec(), reply.payload(), said(&reply.direct(true, ALL)))
            }
            Arrival::Delivery(delivery) => format!("{} {}", delivery.subscription, delivered(&delivery.read(ALL))),
        }));
        frames.clear();
    }
}

fn said(answer: &crate::error::Result<Answer>) -> String {
    match answer {
        Ok(Answer::Reply(reply)) => format!("{reply:?}"),
        Ok(Answer::NoResponders) => "nobody".to_owned(),
        Ok(Answer::Refused { status, words }) => format!("{status} {words}"),
        Err(error) => error.to_string(),
    }
}

fn delivered(delivered: &crate::error::Result<Delivered>) -> String {
    match delivered {
        Ok(Delivered::Message { record, consumer_sequence, pending, size }) => {
            format!("{record:?} {consumer_sequence} {pending} {size}")
        }
        Ok(Delivered::FlowControl { reply }) => format!("flow {reply}"),
        Ok(Delivered::Heartbeat { consumer_sequence, stalled }) => format!("{consumer_sequence} {stalled:?}"),
        Ok(Delivered::Other) => "other".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Room is made for what came and for one message; not for what a server says that it will send.
const MOST_ROOM: usize = 9 * 1024 * 1024;

/// What is trace when the bytes come in these parts.
fn trace<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Result<Trace, TestCaseError> {
    let (mut intake, mut frames, mut trace) = (Intake::default(), Frames::default(), Trace::default());
    for part in parts {
        intake.make_room();
        prop_assert!(intake.bytes.capacity() <= 2 * intake.bytes.len() + MOST_ROOM, "{}", intake.bytes.capacity());
        intake.bytes.extend_from_slice(part);
        match intake.take(PREFIX, &mut frames) {
            Ok(taken) => trace.note(&mut frames, taken),
            Err(_) => {
                trace.broken = true;
                break;
            }
        }
    }
    Ok(trace)
}

fn in_parts<'a>(bytes: &'a [u8], cuts: &[Index]) -> impl Iterator<Item = &'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    (1..places.len()).map(move |at| &bytes[places[at - 1]..places[at]])
}

/// Frames as a server writes them, around blocks and payloads of any bytes.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = || vec(any::<u8>(), 0..60);
    let lines =
        prop_oneof![any_bytes(), damaged("frames", TELLING).prop_map(|bytes| bytes[..bytes.len().min(300)].to_vec())];
    let message = (
        "[a-z]{1,4}(\\.[a-z]{1,4}){0,2}",
        1..4_u8,
        prop::option::of("[a-z.]{1,9}"),
        prop::option::of(any_bytes()),
        lines,
    );
    let message = message.prop_map(|(subject, subscription, reply, headers, payload)| {
        let subject = if subscription == 1 { format!("{PREFIX}{subject}") } else { subject };
        let reply = reply.map(|reply| format!(" {reply}")).unwrap_or_default();
        let head = match &headers {
            Some(block) => {
                format!("HMSG {subject} {subscription}{reply} {} {}\r\n", block.len(), block.len() + payload.len())
            }
            None => format!("MSG {subject} {subscription}{reply} {}\r\n", payload.len()),
        };
        [head.as_bytes(), &headers.unwrap_or_default(), &payload, b"\r\n"].concat()
    });
    let other = prop::sample::select(vec!["PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR 'no'\r\n", "INFO {}\r\n"]);
    vec(prop_oneof![4 => message, 1 => other.prop_map(|line| line.as_bytes().to_vec())], 0..12)
        .prop_map(|frames| frames.concat())
}

/// A reply's status, its headers by name, and which of them the server added.
/// And whether it is one of a batch: then the server has added the numbers of the batch.
fn reply_head() -> impl Strategy<Value = (Option<u16>, Vec<(String, String)>, bool)> {
    let number = || prop_oneof![any::<u64>().prop_map(|n| n.to_string()), Just("0".to_owned()), "[0-9x]{0,22}"];
    let added = (
        prop::option::weighted(0.9, number()),
        prop::option::weighted(0.9, "[a-z.]{1,9}"),
        any::<bool>(),
        prop::option::of((number(), number())),
    );
    let stored = vec(
        (
            prop::sample::select(vec![
                "X",
                "Nats-Sequence",
                "Nats-Num-Pending",
                "Nats-Last-Sequence",
                "Nats-Subject",
                "nats-sequence",
            ]),
            "[a-z0-9]{0,9}",
        ),
        0..4,
    );
    (prop::option::weighted(0.2, prop::sample::select(vec![204_u16, 404, 408, 503])), stored, added).prop_map(
        |(status, stored, (sequence, subject, time, batch))| {
            let mut headers: Vec<(String, String)> =
                stored.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            headers.push(("Nats-Stream".to_owned(), "S".to_owned()));
            headers.extend(subject.map(|subject| ("Nats-Subject".to_owned(), subject)));
            headers.extend(sequence.map(|sequence| ("Nats-Sequence".to_owned(), sequence)));
            headers.extend(time.then(|| ("Nats-Time-Stamp".to_owned(), "2024-01-15T10:32:45.5Z".to_owned())));
            let batched = batch.is_some();
            headers.extend(batch.into_iter().flat_map(|(pending, last)| {
                [("Nats-Num-Pending".to_owned(), pending), ("Nats-Last-Sequence".to_owned(), last)]
            }));
            (status, headers, batched)
        },
    )
}

fn block(status: Option<u16>, headers: &[(String, String)]) -> String {
    let status = status.map(|status| format!(" {status} Words")).unwrap_or_default();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("NATS/1.0{status}\r\n{lines}\r\n")
}

#[test]
fn the_corpus_is_heard_byte_by_byte_as_it_is_at_once() {
    let mut messages = 0;
    for bytes in corpus("frames") {
        let whole = trace([&bytes[..]].into_iter()).unwrap();
        assert!(!whole.broken && !whole.messages.is_empty(), "{}", String::from_utf8_lossy(&bytes));
        messages += whole.messages.len();
        assert_eq!(trace(bytes.chunks(1)).unwrap(), whole);
    }
    assert!(messages > 30, "{messages}");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_heard_does_not_depend_on_the_parts_it_came_in(
        bytes in prop_oneof![damaged("frames", TELLING), frames()], cuts in vec(any::<Index>(), 0..12),
    ) {
        let whole = trace([&bytes[..]].into_iter())?;
        let parts = trace(in_parts(&bytes, &cuts))?;
        prop_assert_eq!(parts.broken, whole.broken);
        if !whole.broken {
            prop_assert_eq!(parts, whole);
        }
    }

    #[test]
    fn frames_are_what_was_written(bytes in frames()) {
        let (mut at, mut written) = (0, Vec::new());
        while at < bytes.len() {
            let Ok((frame, end)) = frame::parse(&bytes, at) else { return Err(TestCaseError::fail(format!("{at} of {}", bytes.len()))) };
            let line = bytes[at..].split(|byte| *byte == b'\r').next().unwrap();
            match frame {
                Frame::Message(message) => {
                    let verb = if line.starts_with(b"HMSG") { format!("HMSG {} ", 0).len() - 2 } else { "MSG ".len() };
                    prop_assert!(line[verb..].starts_with(message.subject), "{}", String::from_utf8_lossy(line));
                    let body = &bytes[message.headers.start..message.payload.end];
                    written.extend_from_slice(&[line, b"\r\n", body, b"\r\n"].concat());
                }
                _ => written.extend_from_slice(&[line, b"\r\n"].concat()),
            }
            at = end;
        }
        prop_assert_eq!(written, bytes);
    }

    #[test]
    fn a_boast_takes_no_memory(size in any::<u64>(), headers in any::<u64>(), part in 100_000..300_000_usize) {
        let part = vec![b'x'; part];
        for line in [format!("MSG {PREFIX}a 1 {size}\r\n"), format!("HMSG {PREFIX}a 1 {headers} {size}\r\n"), format!("MSG {PREFIX}a 1 {}\r\n", size >> 33)] {
            trace([line.as_bytes(), &part, &part, &part, b""].into_iter())?;
        }
    }

    #[test]
    fn both_readers_of_replies_say_the_same((status, headers, batch) in reply_head(), payload in "[a-z]{0,9}") {
        let block = block(status, &headers);
        let mut map = HeaderMap::new();
        headers.iter().for_each(|(name, value)| map.append(name.as_str(), value.as_str()));
        let message = ClientMessage {
            subject: "_I".into(),
            reply: None,
            payload: payload.clone().into(),
            headers: Some(map),
            status: status.and_then(|status| StatusCode::from_u16(status).ok()),
            description: status.map(|_| "Words".to_owned()),
            length: 0,
        };
        let buffer = Bytes::from(format!("{block}{payload}"));
        let mut frames = Frames::default();
        frames.push(Place { source: SubscriptionKind::Reply { reply_token: 0..0 }, headers: 0..block.len(), payload: block.len()..buffer.len() });
        frames.freeze(buffer);
        let own = frames.replies().next().unwrap().direct(batch, ALL);
        let client = direct(message, batch, true);
        match (&own, &client) {
            // The words of an error differ in what they say beside the header.
            (Err(_), Err(_)) => {}
            _ => prop_assert_eq!(said(&own), said(&client), "{}", block),
        }
    }

    #[test]
    fn a_block_is_read_alike_wherever_it_stands(bytes in damaged("frames", TELLING), before in vec(any::<u8>(), 0..9), after in vec(any::<u8>(), 0..9)) {
        let begins = bytes.windows(8).enumerate().filter(|(_, part)| *part == b"NATS/1.0").map(|(at, _)| at);
        for begin in begins {
            let end = bytes[begin..].windows(4).position(|part| part == b"\r\n\r\n").map_or(bytes.len(), |at| begin + at + 4);
            let block = &bytes[begin..end];
            let moved = [&before[..], block, &after].concat();
            let (alone, among) = (read_reply_headers(block, 0..block.len()), read_reply_headers(&moved, before.len()..before.len() + block.len()));
            let shift = |range: &std::ops::Range<usize>| range.start + before.len()..range.end + before.len();
            prop_assert_eq!(alone.status, among.status);
            prop_assert_eq!(alone.count, among.count);
            for (alone, among) in [(&alone.subject, &among.subject), (&alone.time, &among.time)] {
                prop_assert_eq!(alone.as_ref().map(shift), among.clone());
            }
            for (alone, among) in [(alone.sequence, among.sequence), (alone.pending, among.pending), (alone.previous, among.previous)] {
                let moved = alone.map(|digits| Digits { at: shift(&digits.at), ..digits });
                prop_assert_eq!(moved, among);
            }
        }
    }

    #[test]
    fn headers_come_back(headers in vec(("[!-9;-~]{1,12}", "[ -~é]{0,20}"), 0..8)) {
        let block = block(None, &headers);
        let read = header_block(block.as_bytes());
        let mut expected: Vec<(String, String)> = headers.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        prop_assert_eq!(read.0, expected);
    }

    #[test]
    fn the_subject_of_an_acknowledgement_comes_back(numbers in any::<(u64, u64, u64, u64)>(), time_ns in 0..=i64::MAX, names in vec("[!-\\-/-~]{1,9}", 5)) {
        let (deliveries, stream_sequence, consumer_sequence, pending) = numbers;
        let places = format!("{}.{}.{deliveries}.{stream_sequence}.{consumer_sequence}.{time_ns}.{pending}", names[0], names[1]);
        for subject in [format!("$JS.ACK.{places}"), format!("$JS.ACK.{}.{}.{places}", names[2], names[3]), format!("$JS.ACK._.{}.{places}.{}", names[3], names[4])] {
            let start = subject.find(&places).unwrap_or_default() + names[0].len() + names[1].len() + 2;
            let numbers = start..start + places.len() - names[0].len() - names[1].len() - 2;
            let expected = AckSubject { deliveries, stream_sequence, consumer_sequence, time_ns, pending, numbers };
            prop_assert_eq!(AckSubject::read(subject.as_bytes()), Some(expected), "{}", subject);
        }
    }
}
