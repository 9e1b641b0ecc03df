//! A request to publish a message, and the checks before it is sent: a server closes the connection of a client that sends
//! it something malformed or too large, so nothing of the kind is sent.

use std::str::FromStr;

use async_nats::HeaderMap;
use async_nats::header::{HeaderName, HeaderValue};
use bytes::Bytes;

use crate::error::{Error, Result};
use crate::plan::check_publish_subject;
use crate::record::Headers;

/// The longest subject in bytes: a server reads protocol lines of 4096 bytes (`max_control_line`), which hold the reply
/// subject and two lengths as well.
const MAX_SUBJECT: usize = 3_900;
/// Subjects below this are requests to the server, not messages.
const API_PREFIX: &str = "$JS.";
/// The header that makes every stream but the one that it names refuse the message.
pub const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
/// The header that makes a server drop the second of two equal messages.
const MSG_ID: &str = "Nats-Msg-Id";

/// A message to publish.
#[derive(Debug, Clone, Default)]
pub struct PublishRequest {
    /// Where to.
    pub subject: String,
    /// Its headers, in any order.
    pub headers: Headers,
    /// Its payload.
    pub payload: Bytes,
}

/// A message that may be sent.
pub(in crate::jetstream) struct Checked {
    pub subject: String,
    /// As names and values that were looked through.
    headers: Headers,
    pub payload: Bytes,
    /// Whether sending it twice stores it once.
    pub idempotent: bool,
}

impl Checked {
    /// The headers, if there are any, as the client library takes them.
    pub fn headers(&self) -> Option<HeaderMap> {
        // Names and values were parsed by `check_header`.
        let parsed = |(name, value): &(String, String)| {
            Some((HeaderName::from_str(name).ok()?, HeaderValue::from_str(value).ok()?))
        };
        let mut map = HeaderMap::new();
        self.headers.0.iter().filter_map(parsed).for_each(|(name, value)| map.append(name, value));
        (!map.is_empty()).then_some(map)
    }

    /// Writes the header block (ADR-4) with a header more, nothing if there are no headers.
    pub(super) fn write_headers(&self, added: Option<(&str, &str)>, block: &mut Vec<u8>) {
        if self.headers.0.is_empty() && added.is_none() {
            return;
        }
        block.extend_from_slice(b"NATS/1.0\r\n");
        let own = self.headers.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in added.into_iter().chain(own) {
            for part in [name, ": ", value, "\r\n"] {
                block.extend_from_slice(part.as_bytes());
            }
        }
        block.extend_from_slice(b"\r\n");
    }
}

impl PublishRequest {
    /// As [`PublishRequest::check`], for a request: some services listen below `$JS.` and `$SYS.`, which are asked in the same way.
    pub(in crate::jetstream) fn check_request(self, max_payload: usize) -> Result<Checked> {
        check_publish_subject(&self.subject)?;
        self.check_content(max_payload)
    }

    /// Checks subject, headers and size. `max_payload` is the server's limit in bytes, headers included.
    pub(super) fn check(self, max_payload: usize) -> Result<Checked> {
        check_publish_subject(&self.subject)?;
        if self.subject.len() > MAX_SUBJECT {
            return Err(Error::new(format!("the subject has {} bytes, at most {MAX_SUBJECT} fit", self.subject.len())));
        }
        // `$JS.<domain>.API.$KV.` and `.$O.` lead to a bucket or a store of another domain: messages.
        let foreign = [".API.$KV.", ".API.$O."].iter().any(|part| self.subject.contains(part));
        if self.subject.starts_with(API_PREFIX) && !foreign {
            return Err(Error::new("the subject is a request to JetStream, not a message")
                .advice("the nats_stream_ and nats_consumer_ functions make such requests"));
        }
        self.check_content(max_payload)
    }

    fn check_content(self, max_payload: usize) -> Result<Checked> {
        self.headers.0.iter().try_for_each(|(name, value)| check_header(name, value))?;
        let size = self.payload.len() + header_bytes(&self.headers);
        if size > max_payload {
            return Err(Error::new(format!("{size} bytes with headers, the server takes at most {max_payload}"))
                .advice("make the payload smaller, or raise max_payload in the server's configuration"));
        }
        let idempotent = self.headers.get(MSG_ID).is_some_and(|id| !id.is_empty());
        Ok(Checked { subject: self.subject, headers: self.headers, payload: self.payload, idempotent })
    }
}

fn check_header(name: &str, value: &str) -> Result<()> {
    let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    HeaderName::from_str(name).ok().filter(|_| name_ok).ok_or_else(|| {
        Error::new(format!("'{}' is not a header's name", name.escape_debug()))
            .advice("a name has printable ASCII characters without blanks and ':'")
    })?;
    HeaderValue::from_str(value).ok().filter(|_| !value.contains('\0')).ok_or_else(|| {
        Error::new(format!("the header {name} has a line break or a NUL in its value"))
            .advice("a header's value is one line of text")
    })?;
    Ok(())
}

/// The bytes of a header block: `NATS/1.0\r\n`, one `name: value\r\n` for each, `\r\n` (ADR-4).
fn header_bytes(headers: &Headers) -> usize {
    if headers.0.is_empty() {
        return 0;
    }
    12 + headers.0.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: &str, headers: &[(&str, &str)], size: usize) -> PublishRequest {
        PublishRequest {
            subject: subject.into(),
            headers: Headers(headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()),
            payload: vec![b'x'; size].into(),
        }
    }

    #[test]
    fn what_a_server_would_not_take_is_not_sent() {
        let long = "a".repeat(MAX_SUBJECT + 1);
        let cases = [
            (message("a.b", &[], 100), None),
            (message("a.b", &[], 101), Some("101 bytes")),
            (message("a.b", &[("A", "b")], 82), None),
            (message("a.b", &[("A", "b")], 83), Some("101 bytes")),
            (message("a.*", &[], 0), Some("wildcard")),
            (message("a.>", &[], 0), Some("wildcard")),
            (message("", &[], 0), Some("empty")),
            (message(&long, &[], 0), Some("3901 bytes")),
            (message("$JS.API.STREAM.DELETE.S", &[], 0), Some("request to JetStream")),
            (message("a", &[("a b", "c")], 0), Some("header's name")),
            (message("a", &[("", "c")], 0), Some("header's name")),
            (message("a", &[("A", "b\r\nC: d")], 0), Some("line break")),
        ];
        for (message, fault) in cases {
            let subject = message.subject.clone();
            match (message.check(100), fault) {
                (Ok(_), None) => {}
                (Err(error), Some(fault)) => assert!(error.to_string().contains(fault), "{error}"),
                (Ok(_), Some(fault)) => panic!("{subject}: {fault} expected"),
                (Err(error), None) => panic!("{subject}: {error}"),
            }
        }
    }

    #[test]
    fn a_message_id_makes_a_message_idempotent() {
        assert!(message("a", &[(MSG_ID, "1")], 0).check(100).is_ok_and(|m| m.idempotent));
        assert!(message("a", &[(MSG_ID, "")], 0).check(100).is_ok_and(|m| !m.idempotent));
    }
}
