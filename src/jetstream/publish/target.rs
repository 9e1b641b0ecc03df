//! The stream that messages are for, where it is not the subject alone that decides.

use std::sync::Arc;

use super::ack::Published;
use super::message::{EXPECTED_STREAM, PublishRequest};
use crate::error::{Error, Kind};
use crate::jetstream::connection::Connection;
use crate::jetstream::info_reply::{self, Details};
use crate::jetstream::options::ConnectOptions;
use crate::plan::subject_matches;

/// A stream, and the subjects that are known to lead into it.
pub(super) struct Target {
    stream: String,
    /// The subjects that it captures, as filters; empty where they are not known.
    captured: Vec<String>,
}

impl Target {
    /// Asks which subjects the stream captures. One round trip.
    ///
    /// No subject is known to lead into it where the user may not ask, where the stream transforms subjects, and behind another
    /// prefix of the API: there, a stream of this account may capture what the other stream captures, too.
    pub(super) async fn look(connection: &Arc<Connection>, stream: &str) -> Self {
        let own = connection.options().api_prefix == ConnectOptions::DEFAULT_API_PREFIX;
        let reply = if own { info_reply::ask(connection, stream, Details::None).await.ok() } else { None };
        let captured = reply.and_then(|reply| reply.captures()).unwrap_or_default();
        Self { stream: stream.to_owned(), captured }
    }

    /// Puts the stream's name into the headers, unless the subject leads into no other stream: two streams of an account do not
    /// capture one subject. A server stores the header, and every reader sees it.
    pub(super) fn put_name(&self, message: &mut PublishRequest) {
        if !self.captured.iter().any(|filter| subject_matches(message.subject.as_bytes(), filter)) {
            message.headers.0.insert(0, (EXPECTED_STREAM.to_owned(), self.stream.clone()));
        }
    }

    /// The error of a message that another stream has stored: the subjects of streams changed meanwhile, or the server maps them.
    pub(super) fn error(&self, published: &Published) -> Option<Error> {
        (*published.stream != *self.stream).then(|| {
            Error::of(
                Kind::Conflict,
                format!("stream '{}' stored it, as sequence {}", published.stream, published.sequence),
            )
            .advice("check the subjects of both streams, and the mappings of the server; then remove that message")
        })
    }
}
