//! Requests to the JetStream API, and what can become of them.
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>; error codes from ADR-7.

use std::sync::Arc;

use async_nats::{Message, RequestErrorKind};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::error::RecvError;

use super::connection::Connection;
use crate::error::Error;
use crate::stats;

/// No stream of that name (ADR-7, error 10059).
pub(super) const STREAM_NOT_FOUND: u32 = 10_059;
/// JetStream is not enabled on the server, or not for this account (ADR-7, errors 10076 and 10039).
const NOT_ENABLED: [u32; 2] = [10_076, 10_039];

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nobody listens on the subject.
    NoResponders,
    /// No answer within the timeout.
    TimedOut,
    /// The account may not publish to the subject.
    Forbidden,
    /// The account may not subscribe to this subject, on which the answer would come.
    Deaf(String),
    /// The JetStream API answered with an error.
    Api(ApiError),
    /// Anything else.
    Other(String),
}

/// An error in the body of a JetStream API answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ApiError {
    /// An HTTP-like status.
    pub code: u32,
    /// The error's own number (ADR-7).
    #[serde(default)]
    pub err_code: u32,
    /// The server's words.
    #[serde(default)]
    pub description: String,
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<ApiError>,
}

impl Connection {
    /// Sends one request and waits for its answer, at most for the timeout.
    pub(super) async fn request(&self, subject: &str, payload: Bytes) -> std::result::Result<Message, Failure> {
        let mut forbidden = self.forbidden();
        if let Some(inbox) = self.deaf() {
            return Err(Failure::Deaf(inbox));
        }
        let request = self.client.request(subject.to_owned(), payload);
        tokio::pin!(request);
        loop {
            tokio::select! {
                answer = &mut request => return answer.map_err(|error| match error.kind() {
                    RequestErrorKind::NoResponders => Failure::NoResponders,
                    RequestErrorKind::TimedOut => Failure::TimedOut,
                    _ => Failure::Other(Error::foreign("request failed", &error).cause().to_owned()),
                }),
                word = forbidden.recv() => match word {
                    Ok(word) => {
                        if let Some(failure) = refusal(&word, subject) {
                            return Err(failure);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(Failure::Other("the connection is closed".into())),
                }
            }
        }
    }

    /// Calls the JetStream API; `call` is what follows `$JS.API.` (or `$JS.<domain>.API.`), such as `STREAM.INFO.ORDERS`.
    pub(super) async fn api<T: DeserializeOwned>(&self, call: &str, payload: Bytes) -> std::result::Result<T, Failure> {
        stats::API_REQUESTS.add(1);
        let message = self.request(&self.api_subject(call), payload).await?;
        decode(&message.payload)
    }

    /// The subject of a JetStream API call.
    pub(super) fn api_subject(&self, call: &str) -> String {
        format!("{}.{call}", self.api_prefix())
    }

    /// A subject of a stream of ours, by which it is reached from outside its domain (ADR-8 has it for buckets).
    pub(super) fn domain_subject(&self, subject: &str) -> String {
        let reached = self.api_subject(subject);
        if reached.starts_with("$JS.API.") { subject.to_owned() } else { reached }
    }

    /// Says why a request about a stream failed, with the streams that have a similar name when there is none of it.
    pub(super) async fn explain(self: &Arc<Self>, failure: Failure, call: &str, stream: &str) -> Error {
        let error = match failure {
            Failure::Api(api) if api.err_code == STREAM_NOT_FOUND => self.no_such_stream(stream).await,
            other => self.failure(other, call),
        };
        error.stream(stream).server(self.label())
    }

    /// Says why an API call failed.
    pub(super) fn failure(self: &Arc<Self>, failure: Failure, call: &str) -> Error {
        let error = match failure {
            Failure::NoResponders => not_enabled(),
            Failure::Api(api) if NOT_ENABLED.contains(&api.err_code) => not_enabled(),
            Failure::Api(api) => Error::new(format!("{} (JetStream error {})", api.description, api.err_code)),
            Failure::Forbidden => {
                let subject = self.api_subject(call);
                Error::new(format!("no permission to publish to {subject}"))
                    .advice("grant the user that subject, or connect as another user")
            }
            Failure::Deaf(inbox) => {
                // The server says so once a connection.
                super::pool::discard(&Arc::downgrade(self));
                Error::new(format!("no permission to subscribe to {inbox}"))
                    .advice("grant the user that subject, or connect as another user")
            }
            Failure::TimedOut => {
                super::pool::discard(&Arc::downgrade(self));
                Error::new(format!("no answer to {call} within {:.1} s", self.timeout.as_secs_f64()))
                    .advice("check the server, or give it more time with timeout := INTERVAL '30 seconds'")
            }
            Failure::Other(cause) => Error::new(cause),
        };
        error.server(self.label())
    }

    async fn no_such_stream(&self, stream: &str) -> Error {
        #[derive(Deserialize)]
        struct Names {
            #[serde(default)]
            streams: Option<Vec<String>>,
        }
        let names = self.api::<Names>("STREAM.NAMES", Bytes::new()).await;
        let names = names.ok().and_then(|names| names.streams).unwrap_or_default();
        let mut alike: Vec<&String> = names.iter().filter(|name| looks_like(name, stream)).collect();
        alike.sort();
        alike.truncate(5);
        let error = Error::new("no such stream");
        match alike.as_slice() {
            [] => error.advice("FROM nats_streams() lists the streams of this server"),
            names => {
                let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                error.advice(format!("did you mean {}?", names.join(" or ")))
            }
        }
    }
}

fn not_enabled() -> Error {
    Error::new("JetStream is not enabled for this account").advice("start the server with -js, or enable the account")
}

/// Reads the body of an API answer: the error in it, or what was asked for.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> std::result::Result<T, Failure> {
    let malformed =
        |error: serde_json::Error| Failure::Other(format!("malformed answer of the JetStream API: {error}"));
    let envelope: Envelope = serde_json::from_slice(body).map_err(malformed)?;
    match envelope.error {
        Some(error) => Err(Failure::Api(error)),
        None => serde_json::from_slice(body).map_err(malformed),
    }
}

/// What the server's word on a violation means for a request to this subject: that it may not be sent, that no answer to
/// it can be heard, or nothing.
pub(super) fn refusal(word: &str, subject: &str) -> Option<Failure> {
    let (violation, rest) = word.split_once('"')?;
    let named = rest.split('"').next()?;
    match violation.trim_end().to_lowercase().as_str() {
        "permissions violation for publish to" if named.eq_ignore_ascii_case(subject) => Some(Failure::Forbidden),
        // Who may not hear advisories hears answers all the same.
        "permissions violation for subscription to" if !named.starts_with("$JS.EVENT.") => {
            Some(Failure::Deaf(named.to_owned()))
        }
        _ => None,
    }
}

/// Whether a name could have been meant: equal but for case and punctuation, one inside the other, or at most two
/// letters apart.
fn looks_like(name: &str, wanted: &str) -> bool {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (name, wanted) = (plain(name), plain(wanted));
    let (text, other): (String, String) = (name.iter().collect(), wanted.iter().collect());
    let contained = other.len() >= 3 && text.len() >= 3 && (text.contains(&other) || other.contains(&text));
    contained || edit_distance(&name, &wanted) <= 2.min(wanted.len() / 2)
}

fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_have_been_meant() {
        let cases = [
            ("ORDERS", "orders", true),
            ("ORDERS", "ORDER", true),
            ("MEDIA_EVENTS", "MEDIAEVENTS", true),
            ("MEDIA_EVENTS", "MEDIA_EVNETS", true),
            ("ORDERS", "PAYMENTS", false),
            ("A", "B", false),
        ];
        for (name, wanted, alike) in cases {
            assert_eq!(looks_like(name, wanted), alike, "{name} ~ {wanted}");
        }
    }

    #[test]
    fn a_violation_names_its_subject() {
        let word = "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.S\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), Some(Failure::Forbidden));
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO"), None);
        let word = "Permissions Violation for Subscription to \"_INBOX.x.*\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), Some(Failure::Deaf("_INBOX.x.*".into())));
        let word = "Permissions Violation for Subscription to \"_INBOX.x.*\" using queue \"q\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), Some(Failure::Deaf("_INBOX.x.*".into())));
        let advisory = "Permissions Violation for Subscription to \"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.d\"";
        assert_eq!(refusal(advisory, "$JS.API.STREAM.INFO.S"), None);
        assert_eq!(refusal("maximum connections exceeded", "a"), None);
    }

    #[test]
    fn an_error_in_the_body_is_a_failure() {
        let body = br#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        let outcome = decode::<serde_json::Value>(body);
        assert!(matches!(outcome, Err(Failure::Api(ApiError { err_code: STREAM_NOT_FOUND, .. }))));
        assert!(matches!(decode::<serde_json::Value>(b"<html>"), Err(Failure::Other(_))));
    }
}
