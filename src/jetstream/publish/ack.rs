//! The server's answer to a published message.
//!
//! Source: ADR-1 (PubAck), ADR-7 (errors) and ADR-49 (counters).

use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::jetstream::failure::{ApiError, ErrorNumber};
use crate::jetstream::wire::some_digits;

/// A stored message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The stream that stored it.
    pub stream: Arc<str>,
    /// Its sequence there; of the first one for a duplicate.
    pub sequence: u64,
    /// Whether the stream had a message with the same `Nats-Msg-Id` already, and so did not store this one.
    pub duplicate: bool,
    /// The counter of its subject behind this message, in a stream with `allow_msg_counter`: a whole number of any size.
    pub value: Option<String>,
}

/// An acknowledgement.
#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(default, rename = "val")]
    value: Option<String>,
    error: Option<ApiError>,
}

/// The fate of one message.
pub(super) enum Outcome {
    Stored(Published),
    /// Nobody listens on the subject: it was not stored.
    NoStream,
    /// The stream is busy: it was not stored.
    Busy,
    /// The servers are electing, or otherwise not ready.
    Unavailable(Error),
    /// The stream refused it.
    Refused(Error),
}

/// Reads answers. Nearly all name the stream of the one before, whose name is shared.
#[derive(Default)]
pub(super) struct AckReader {
    stream: Arc<str>,
}

impl AckReader {
    /// Reads the payload of an answer; `nobody` is whether the answer is the status that nobody listens (503).
    pub fn read(&mut self, nobody: bool, payload: &[u8]) -> Outcome {
        if nobody {
            return Outcome::NoStream;
        }
        if let Some((stream, sequence)) = plain(payload) {
            return Outcome::Stored(Published { stream: self.share(stream), sequence, ..Published::default() });
        }
        let Ok(ack) = serde_json::from_slice::<PubAck>(payload) else { return Outcome::Refused(not_an_ack()) };
        match ack.error {
            Some(error) if error.is(ErrorNumber::TOO_MANY_REQUESTS) => Outcome::Busy,
            Some(error) if error.is(ErrorNumber::UNAVAILABLE) => Outcome::Unavailable(describe(&error)),
            Some(error) => Outcome::Refused(describe(&error)),
            None if ack.stream.is_empty() || ack.seq == 0 => Outcome::Refused(not_an_ack()),
            None => Outcome::Stored(Published {
                stream: self.share(&ack.stream),
                sequence: ack.seq,
                duplicate: ack.duplicate,
                value: ack.value,
            }),
        }
    }

    fn share(&mut self, stream: &str) -> Arc<str> {
        if *self.stream != *stream {
            self.stream = stream.into();
        }
        Arc::clone(&self.stream)
    }
}

/// The stream and the sequence of an acknowledgement as the server writes nearly every one: `{"stream":"S", "seq":7}`. Of any
/// other, None; serde reads both alike.
fn plain(payload: &[u8]) -> Option<(&str, u64)> {
    let rest = payload.strip_prefix(br#"{"stream":""#)?;
    let (stream, rest) = rest.split_at(memchr::memchr2(b'"', b'\\', rest)?);
    let rest = rest.strip_prefix(br#"", "seq":"#)?;
    // A JSON number has no leading zeros, and no sequence is 0.
    let (sequence, rest) = some_digits(rest).filter(|_| !rest.starts_with(b"0"))?;
    let stream = std::str::from_utf8(stream).ok()?;
    let is_plain = rest == b"}" && !stream.is_empty() && stream.bytes().all(|byte| byte >= b' ');
    is_plain.then_some((stream, sequence))
}

/// Something other than a stream answered a message.
fn not_an_ack() -> Error {
    Error::of(Kind::Protocol, "something other than a stream answered, so it is not known to be stored")
        .advice("a service listens on the subject; publish to a subject that only a stream captures")
}

/// A refusal, with the advice of its number.
pub(in crate::jetstream) fn describe(error: &ApiError) -> Error {
    error.error().within("the stream refused it")
}

/// Nobody listens on the subject of a message.
pub(super) fn no_stream() -> Error {
    Error::of(Kind::NotFound, "no stream captures the subject, so it is not stored").advice(
        "SELECT stream, subjects FROM nats_streams() shows what streams capture; make one with nats_stream_ensure",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::cases;

    /// What [`AckReader::read`] is to agree with.
    fn by_serde(payload: &[u8]) -> Option<(String, u64, bool, Option<String>)> {
        let ack: PubAck = serde_json::from_slice(payload).ok()?;
        let is_stored = ack.error.is_none() && !ack.stream.is_empty() && ack.seq != 0;
        is_stored.then_some((ack.stream, ack.seq, ack.duplicate, ack.value))
    }

    fn agrees(payload: &[u8]) {
        let read = match AckReader::default().read(false, payload) {
            Outcome::Stored(Published { stream, sequence, duplicate, value }) => {
                Some((stream.to_string(), sequence, duplicate, value))
            }
            _ => None,
        };
        assert_eq!(read, by_serde(payload), "{}", String::from_utf8_lossy(payload));
    }

    #[test]
    fn only_plain_acknowledgements_are_read_as_such() {
        assert_eq!(plain(br#"{"stream":"S", "seq":7}"#), Some(("S", 7)));
        assert_eq!(
            plain(r#"{"stream":"é", "seq":9999999999999999999}"#.as_bytes()),
            Some(("é", 9_999_999_999_999_999_999))
        );
        for other in [
            &br#"{"stream":"", "seq":7}"#[..],
            br#"{"stream":"S", "seq":0}"#,
            br#"{"stream":"S", "seq":07}"#,
            br#"{"stream":"S", "seq":7.5}"#,
            br#"{"stream":"S", "seq":-7}"#,
            br#"{"stream":"S", "seq":18446744073709551615}"#,
            br#"{"stream":"S", "seq":7,"duplicate": true}"#,
            br#"{"stream":"S", "seq":7} "#,
            br#"{"stream":"S", "seq":7}}"#,
            br#"{"stream":"S\u0041", "seq":7}"#,
            b"{\"stream\":\"S\x01\", \"seq\":7}",
            b"{\"stream\":\"S\xff\", \"seq\":7}",
            br#"{"stream":"S","seq":7}"#,
            b"{",
            b"",
        ] {
            assert_eq!(plain(other), None, "{}", String::from_utf8_lossy(other));
            agrees(other);
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn acknowledgements_are_read_as_by_serde(
            stream in r#"(?s:.{0,3}|[A-Z"\\\\\x00-\x20]{1,8})"#,
            sequence in prop_oneof![any::<u64>().prop_map(|n| n.to_string()), "[0-9]{1,21}", "-?[0-9]{0,2}[.eE]?[0-9]{0,2}"],
            space in prop_oneof![Just(" "), Just(""), Just("  ")],
            more in prop_oneof![
                Just(""), Just(r#","duplicate": true"#), Just(r#","domain":"D""#), Just(r#","val":"12""#),
                Just(r#","batch":"b","count":3"#), Just(r#","error":{"code":400}"#), Just(","),
            ],
            change in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
            escaped in any::<bool>(),
        ) {
            let name = if escaped { serde_json::to_string(&stream).unwrap() } else { format!("\"{stream}\"") };
            let mut payload = format!("{{\"stream\":{name},{space}\"seq\":{sequence}{more}}}").into_bytes();
            agrees(&payload);
            if let Some((at, byte)) = change {
                let at = at.index(payload.len());
                payload[at] = byte;
                agrees(&payload);
            }
        }
    }
}
