//! Replies with bytes changed, lost, doubled and put in: nothing panics, and what is accepted is what a plain reader of lines
//! reads in the same bytes.

use bytes::Bytes;

use super::frame::{self, Frame, Message, PlainReply};
use super::reply::{Frames, Place, SubscriptionKind};
use super::want::Want;
use crate::jetstream::reply::Answer;
use crate::jetstream::time::parse_utc;
use crate::plan::Reply;
use crate::testing::Numbers;

const CASES: u64 = 60_000;
const ALL: Want = Want { subject: true, time: true, headers: true, payload: true };

/// The replies that the server sends: messages with and without headers of their own, the end of a batch, and refusals.
const BLOCKS: [&str; 7] = [
    "NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 17\r\nNats-Time-Stamp: 2024-01-15T10:32:45.123Z\r\n\r\n",
    "NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 18446744073709551615\r\n\
     Nats-Time-Stamp: 1970-01-01T00:00:01Z\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 0\r\n\r\n",
    "NATS/1.0 404 lie\r\nNats-Sequence: 1\r\nX: a\r\nNats-Num-Pending: 9\r\nNats-Stream: S\r\nNats-Subject: a\r\n\
     Nats-Sequence: 7\r\nNats-Time-Stamp: 1970-01-01T00:00:01Z\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 5\r\n\r\n",
    "NATS/1.0 204 EOB\r\nNats-Num-Pending: 4\r\nNats-Last-Sequence: 9\r\n\r\n",
    "NATS/1.0 404 Message Not Found\r\n\r\n",
    "NATS/1.0 503\r\n\r\n",
    "NATS/1.0\r\nTwo Words: a\r\nno colon\r\nNats-Sequence: 7\r\n\r\n",
];

fn mutated(numbers: &mut Numbers, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..numbers.place(4) {
        if bytes.is_empty() {
            break;
        }
        let at = numbers.place(bytes.len());
        match numbers.place(6) {
            0 => bytes[at] ^= 1 << numbers.place(8),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"\r\n: 0\xff9-"[numbers.place(8)]),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + numbers.place(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = numbers.place(bytes.len());
                bytes.splice(to..to, part);
            }
            _ => bytes[at] = b"0123456789\r\n :N"[numbers.place(15)],
        }
    }
    bytes
}

/// The last value of a header, read line by line.
fn last<'a>(block: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let lines = block.split(|byte| *byte == b'\n').skip(1);
    let values = lines.filter_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':')?;
        (line[..colon] == *name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
    });
    values.last()
}

fn number(value: Option<&[u8]>) -> Option<u64> {
    let text = std::str::from_utf8(value?).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The number in the first line.
fn status(block: &[u8]) -> Option<u64> {
    let line = block.split(|byte| *byte == b'\n').next()?;
    let text = line.strip_suffix(b"\r").unwrap_or(line).strip_prefix(b"NATS/1.0 ")?;
    number(Some(&text[..text.len().min(3)]))
}

#[test]
fn what_is_accepted_is_what_the_lines_say() {
    let mut numbers = Numbers(5);
    let (mut accepted, mut refused) = (0, 0);
    for case in 0..CASES {
        let block = BLOCKS[numbers.place(BLOCKS.len())];
        let block = mutated(&mut numbers, block);
        let payload = b"payload";
        let buffer = Bytes::from([&block[..], payload].concat());
        let mut frames = Frames::default();
        frames.push(Place {
            source: SubscriptionKind::Reply { reply_token: 0..0 },
            headers: 0..block.len(),
            payload: block.len()..buffer.len(),
        });
        frames.freeze(buffer);
        let batch = case % 2 == 0;
        for frame in frames.replies() {
            match frame.direct(batch, ALL) {
                Ok(Answer::Reply(Reply::Message { record, previous, pending, .. })) => {
                    accepted += 1;
                    assert_eq!(Some(record.sequence), number(last(&block, "Nats-Sequence")), "{block:?}");
                    assert_eq!(Some(&record.subject[..]), last(&block, "Nats-Subject"), "{block:?}");
                    let time = last(&block, "Nats-Time-Stamp").and_then(parse_utc);
                    assert_eq!(Some(record.time_ns), time, "{block:?}");
                    assert_eq!(&record.payload[..], payload);
                    let said = number(last(&block, "Nats-Last-Sequence")).filter(|_| batch);
                    assert_eq!(previous, said, "{block:?}");
                    assert!(pending.is_none() || pending == number(last(&block, "Nats-Num-Pending")), "{block:?}");
                }
                Ok(Answer::Reply(Reply::End { pending, last: said })) => {
                    accepted += 1;
                    assert_eq!(status(&block), Some(204), "{block:?}");
                    assert_eq!(Some(pending), number(last(&block, "Nats-Num-Pending")), "{block:?}");
                    assert_eq!(Some(said), number(last(&block, "Nats-Last-Sequence")), "{block:?}");
                }
                Ok(Answer::Reply(Reply::Nothing)) => assert_eq!(status(&block), Some(404), "{block:?}"),
                Ok(Answer::NoResponders) => assert_eq!(status(&block), Some(503), "{block:?}"),
                Ok(Answer::Refused { status: said, .. }) => assert_eq!(status(&block), Some(said.into()), "{block:?}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > CASES / 10 && refused > CASES / 100, "{accepted} accepted, {refused} refused");
}

#[test]
fn frames_of_any_bytes_are_whole_or_refused() {
    let mut numbers = Numbers(9);
    let (mut whole, mut plain, mut deliveries) = (0, 0, 0);
    for _ in 0..CASES / 4 {
        let block = BLOCKS[numbers.place(BLOCKS.len())];
        let (size, total) = (block.len(), block.len() + 7);
        let text = format!(
            "PING\r\nHMSG _INBOX.a.7 1 {size} {total}\r\n{block}payload\r\nMSG i.8 2 $JS.ACK.S.c.1.7 2\r\nhi\r\n-ERR 'no'\r\n+OK\r\n"
        );
        let bytes = mutated(&mut numbers, &text);
        let mut at = 0;
        while at < bytes.len() {
            let reply = frame::parse_reply(&bytes, at, b"_INBOX.a.", b"1");
            if let Some(PlainReply { token, headers, payload, end }) = reply.clone() {
                let subject = [b"_INBOX.a.", &bytes[token]].concat();
                let message = Message { subject: &subject, subscription: b"1", reply: b"", headers, payload };
                assert_eq!(frame::parse(&bytes, at), Ok((Frame::Message(message), end)), "{bytes:?}");
                plain += 1;
            }
            if let Some((message, end)) = frame::parse_delivery(&bytes, at) {
                assert_eq!(frame::parse(&bytes, at), Ok((Frame::Message(message), end)), "{bytes:?}");
                deliveries += 1;
            }
            match frame::parse(&bytes, at) {
                Ok((frame, end)) => {
                    let is_written_so = bytes[at..].starts_with(&text.as_bytes()[6..32]);
                    assert!(reply.is_some() || !is_written_so, "{bytes:?}");
                    assert!(end > at && end <= bytes.len(), "{bytes:?}");
                    if let Frame::Message(Message { headers, payload, .. }) = frame {
                        assert!(headers.start <= headers.end && headers.end == payload.start, "{bytes:?}");
                        assert!(payload.end + 2 == end && bytes[payload.end..end] == *b"\r\n", "{bytes:?}");
                        whole += 1;
                    }
                    at = end;
                }
                Err(frame::FrameError::Incomplete(needed)) => {
                    assert!(needed > bytes.len(), "{bytes:?}");
                    break;
                }
                Err(frame::FrameError::Malformed) => break,
            }
        }
    }
    assert!(whole > CASES / 20, "{whole} messages");
    assert!(plain > CASES / 40 && deliveries > CASES / 40, "{plain} replies and {deliveries} deliveries are plain");
}
