//! Requests to the JetStream API.
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.

use std::sync::Arc;

use async_nats::{Message, RequestErrorKind};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::error::RecvError;

use super::connection::Connection;
use super::failure::{ErrorNumber, Failure, decode, no_permission, no_reply, nobody_answers, not_enabled, refusal};
use super::object;
use super::options::ConnectOptions;
use super::pool;
use crate::error::{Error, Kind};
use crate::plan::kv;
use crate::stats;

impl Connection {
    /// Sends one request and waits for its answer, at most for the timeout.
    pub(super) async fn request(&self, subject: &str, payload: Bytes) -> std::result::Result<Message, Failure> {
        let mut forbidden = self.forbidden();
        if let Some(inbox) = self.reply_denied() {
            return Err(Failure::ReplyDenied(inbox));
        }
        let request = self.client.request(subject.to_owned(), payload);
        tokio::pin!(request);
        loop {
            tokio::select! {
                answer = &mut request => return answer.map_err(|error| match error.kind() {
                    RequestErrorKind::NoResponders => Failure::NoResponders,
                    RequestErrorKind::TimedOut => Failure::TimedOut,
                    _ => Failure::Other(Error::foreign("request failed", &error).kind_or(Kind::Unreachable)),
                }),
                word = forbidden.recv() => match word {
                    Ok(word) => {
                        if let Some(failure) = refusal(&word, subject) {
                            return Err(failure);
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(Failure::unreachable("the connection is closed")),
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

    /// A stream's subject as it is reached from outside the stream's domain or account (ADR-8 describes it for buckets).
    pub(super) fn domain_subject(&self, subject: &str) -> String {
        match self.options().api_prefix.as_str() {
            ConnectOptions::DEFAULT_API_PREFIX => subject.to_owned(),
            _ => self.api_subject(subject),
        }
    }

    /// The error for a failed request about a stream; it names streams with a similar name when the stream does not exist.
    pub(super) async fn explain(self: &Arc<Self>, failure: Failure, call: &str, stream: &str) -> Error {
        let error = match failure {
            failure if failure.is(ErrorNumber::STREAM_NOT_FOUND) => self.no_such_stream(stream).await,
            other => self.failure(other, call),
        };
        error.stream(stream).server(self.label())
    }

    /// The error for a failed API call.
    pub(super) fn failure(self: &Arc<Self>, failure: Failure, call: &str) -> Error {
        // The server reports denied replies only once on a connection, and a connection without an answer may be dead.
        if matches!(failure, Failure::ReplyDenied(_) | Failure::TimedOut) {
            pool::discard(&Arc::downgrade(self));
        }
        let error = match failure {
            Failure::NoResponders => nobody_answers(&self.options().api_prefix),
            Failure::Api(api) if api.is(ErrorNumber::NOT_ENABLED) => not_enabled(),
            Failure::Api(api) if api.is(ErrorNumber::NOT_ENABLED_FOR_ACCOUNT) => not_enabled(),
            Failure::Api(api) => api.error(),
            Failure::Forbidden => no_permission(&format!("publish to {}", self.api_subject(call))),
            Failure::ReplyDenied(inbox) => no_reply(&inbox),
            Failure::TimedOut => {
                let cause = format!("no answer to {call} within {:.1} s", self.timeout.as_secs_f64());
                Error::of(Kind::TimedOut, cause)
                    .advice("check the server, or give it more time with timeout := INTERVAL '30 seconds'")
            }
            Failure::Other(error) => error,
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
        let sort = Sort::of(stream);
        let wanted = stream.strip_prefix(sort.prefix).unwrap_or(stream);
        let names = names.iter().filter_map(|name| name.strip_prefix(sort.prefix));
        let mut alike: Vec<&str> = names.filter(|name| looks_like(name, wanted)).collect();
        alike.sort_unstable();
        alike.truncate(5);
        let error = Error::of(Kind::NotFound, sort.absent(wanted));
        match alike.as_slice() {
            [] => error.advice(format!("FROM {}() lists the {} of this server", sort.list, sort.plural)),
            names => {
                let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
                error.advice(format!("did you mean {}?", names.join(" or ")))
            }
        }
    }
}

/// The purpose of a stream, by the beginning of its name.
struct Sort {
    prefix: &'static str,
    /// None for a plain stream.
    singular: Option<&'static str>,
    plural: &'static str,
    /// The function that lists the existing ones.
    list: &'static str,
}

const SORTS: [Sort; 3] = [
    Sort { prefix: kv::STREAM_PREFIX, singular: Some("key-value bucket"), plural: "buckets", list: "nats_kv_buckets" },
    Sort {
        prefix: object::STREAM_PREFIX,
        singular: Some("object store"),
        plural: "stores",
        list: "nats_object_stores",
    },
    Sort { prefix: "", singular: None, plural: "streams", list: "nats_streams" },
];

impl Sort {
    fn of(stream: &str) -> &'static Sort {
        SORTS.iter().find(|sort| stream.starts_with(sort.prefix)).unwrap_or(&SORTS[SORTS.len() - 1])
    }

    fn absent(&self, name: &str) -> String {
        match self.singular {
            Some(word) => format!("no such stream: there is no {word} '{name}'"),
            None => "no such stream".to_owned(),
        }
    }
}

/// Whether a name is similar enough to be the intended one: equal but for case and punctuation, one inside the other, or at most two
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
}
