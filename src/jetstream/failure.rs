//! Failures of requests, and the numbers of the JetStream API's errors with their kinds and advice.
//!
//! This file knows no connection: it turns the text of a server into an [`Error`].

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::options::ConnectOptions;
use crate::error::{Error, Kind};

/// The reasons why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The subject has no responder.
    NoResponders,
    /// No answer within the timeout.
    TimedOut,
    /// The account may not publish to the subject.
    Forbidden,
    /// The account may not subscribe to this subject, on which the reply would come.
    ReplyDenied(String),
    /// The JetStream API answered with an error.
    Api(ApiError),
    /// The request could not be sent, or its answer could not be read.
    Other(Error),
}

impl Failure {
    /// An answer that breaks the protocol.
    pub(super) fn protocol(cause: impl Into<String>) -> Self {
        Failure::Other(Error::of(Kind::Protocol, cause))
    }

    /// A connection that is gone.
    pub(super) fn unreachable(cause: impl Into<String>) -> Self {
        Failure::Other(Error::of(Kind::Unreachable, cause))
    }

    /// Whether the JetStream API answered with the error of this number.
    pub(super) fn is(&self, number: ErrorNumber) -> bool {
        matches!(self, Failure::Api(api) if api.is(number))
    }
}

/// An error in the body of a JetStream API answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ApiError {
    /// An HTTP-like status.
    pub code: u32,
    /// The error's own number (ADR-7).
    #[serde(default)]
    pub err_code: u32,
    /// The server's text.
    #[serde(default)]
    pub description: String,
}

impl ApiError {
    /// Whether the error has this number.
    pub(super) fn is(&self, number: ErrorNumber) -> bool {
        self.err_code == number.0
    }

    /// The error as a user reads it, with the kind and the advice of its number.
    pub(super) fn error(&self) -> Error {
        let known = NUMBERS.iter().find(|known| self.is(known.number));
        let kind = known.map_or(Kind::Refused, |known| known.kind);
        let error = Error::of(kind, format!("{} (JetStream error {})", self.description, self.err_code));
        match known.map(|known| known.advice).filter(|advice| !advice.is_empty()) {
            Some(advice) => error.advice(advice),
            None => error,
        }
    }
}

/// The number of an error of the JetStream API: `err_code` in its body (ADR-7).
///
/// Source of the numbers: `server/errors.json` of nats-server, which names each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ErrorNumber(u32);

/// One number, with its kind and with advice.
struct Known {
    number: ErrorNumber,
    kind: Kind,
    /// Empty when the server's text is enough.
    advice: &'static str,
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $kind:ident, $advice:literal;)+) => {
        impl ErrorNumber {
            $($(#[doc = $doc])+ pub(super) const $name: ErrorNumber = ErrorNumber($number);)+
        }

        /// Every number that this extension knows.
        static NUMBERS: &[Known] = &[
            $(Known { number: ErrorNumber::$name, kind: Kind::$kind, advice: $advice },)+
        ];
    };
}

numbers! {
    /// The servers elect a leader, or are otherwise not ready (`JSClusterNotAvailErr`).
    UNAVAILABLE = 10_008, Unavailable, "run the statement again once the cluster has a leader";
    /// There is no consumer of that name (`JSConsumerNotFoundErr`).
    CONSUMER_NOT_FOUND = 10_014, NotFound, "FROM nats_consumers(stream) lists the consumers of a stream";
    /// There is no message that `STREAM.MSG.GET` was asked for (`JSNoMessageFoundErr`).
    NO_MESSAGE_FOUND = 10_037, NotFound, "";
    /// JetStream is not enabled for the account (`JSNotEnabledForAccountErr`).
    NOT_ENABLED_FOR_ACCOUNT = 10_039, Unavailable, "start the server with -js, or enable the account";
    /// The stream has no message of that sequence (`JSSequenceNotFoundErrF`).
    SEQUENCE_NOT_FOUND = 10_043, NotFound, "";
    /// The message is larger than the stream takes (`JSStreamMessageExceedsMaximumErr`).
    MESSAGE_TOO_LARGE = 10_054, Refused, "make it smaller, or raise max_msg_size of the stream";
    /// The message could not be removed; the text has the reason (`JSStreamMsgDeleteFailedF`).
    DELETE_FAILED = 10_057, Refused, "";
    /// A stream of that name exists with another configuration (`JSStreamNameExistErr`).
    STREAM_NAME_IN_USE = 10_058, Conflict, "";
    /// There is no stream of that name (`JSStreamNotFoundErr`).
    STREAM_NOT_FOUND = 10_059, NotFound, "FROM nats_streams() lists the streams of this server";
    /// The header `Nats-Expected-Stream` names another stream (`JSStreamNotMatchErr`).
    WRONG_STREAM = 10_060, Conflict, "check the header Nats-Expected-Stream; another stream captures the subject";
    /// Another stream captures what a stream is to capture (`JSStreamSubjectOverlapErr`).
    SUBJECTS_OVERLAP = 10_065, Refused,
        "a subject goes into one stream: name others, or change that stream; SELECT stream, subjects FROM nats_streams()";
    /// The header `Nats-Expected-Last-Msg-Id` names another message (`JSStreamWrongLastMsgIDErrF`).
    WRONG_LAST_MSG_ID = 10_070, Conflict, "check the header Nats-Expected-Last-Msg-Id";
    /// A header that expects a last sequence names another (`JSStreamWrongLastSequenceErrF`).
    WRONG_LAST_SEQUENCE = 10_071, Conflict,
        "another message came first; read again, and publish with the new sequence";
    /// JetStream is not enabled on the server (`JSNotEnabledErr`).
    NOT_ENABLED = 10_076, Unavailable, "start the server with -js, or enable the account";
    /// The stream cannot store the message: a limit with `discard` new, or a full disk (`JSStreamStoreFailedF`).
    STORE_FAILED = 10_077, Refused, "the stream is full or sealed; see its limits in FROM nats_streams()";
    /// As [`ErrorNumber::WRONG_LAST_SEQUENCE`], without the sequence in the text
    /// (`JSStreamWrongLastSequenceConstantErr`).
    WRONG_LAST_SEQUENCE_UNSAID = 10_164, Conflict,
        "another message came first; read again, and publish with the new sequence";
    /// The stream takes no more messages for now (`JSStreamTooManyRequests`).
    TOO_MANY_REQUESTS = 10_167, Unavailable, "check the stream, publish less at a time, or give it more time with timeout";
    /// The stream does not allow atomic batches (`JSAtomicPublishDisabledErr`, ADR-50).
    ATOMIC_NOT_ALLOWED = 10_174, Unsupported, "nats_stream_ensure(stream, allow_atomic := true) allows them";
    /// The stream does not allow fast batches (`JSBatchPublishDisabledErr`).
    FAST_NOT_ALLOWED = 10_205, Unsupported, "nats_stream_ensure(stream, allow_batched := true) allows them";
    /// The stream does not know the fast batch (`JSBatchPublishUnknownBatchIDErr`).
    UNKNOWN_BATCH = 10_208, Unavailable, "run the statement again";
    /// The stream, or the server, has as many fast batches as it takes (`JSBatchPublishTooManyInflight`).
    TOO_MANY_BATCHES = 10_211, Unavailable, "publish from fewer places at once, or run the statement again";
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<ApiError>,
}

/// Reads the body of an API answer: the error in it, or the value.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8]) -> std::result::Result<T, Failure> {
    let malformed =
        |error: serde_json::Error| Failure::protocol(format!("malformed answer of the JetStream API: {error}"));
    let envelope: Envelope = serde_json::from_slice(body).map_err(malformed)?;
    match envelope.error {
        Some(error) => Err(Failure::Api(error)),
        None => serde_json::from_slice(body).map_err(malformed),
    }
}

/// Reads the server's text of a permissions violation for a request to this subject: the request may not be sent, its reply cannot be received, or
/// the text concerns neither.
pub(super) fn refusal(words: &str, subject: &str) -> Option<Failure> {
    let (violation, rest) = words.split_once('"')?;
    let named = rest.split('"').next()?;
    match violation.trim_end().to_lowercase().as_str() {
        "permissions violation for publish to" if named.eq_ignore_ascii_case(subject) => Some(Failure::Forbidden),
        // A user without advisories receives replies all the same.
        "permissions violation for subscription to" if !named.starts_with("$JS.EVENT.") => {
            Some(Failure::ReplyDenied(named.to_owned()))
        }
        _ => None,
    }
}

/// A user without a permission; `action` names it: `publish to a.b`.
pub(super) fn no_permission(action: &str) -> Error {
    Error::of(Kind::Denied, format!("no permission to {action}"))
        .advice("grant the user that subject, or connect as another user")
}

/// A user who may not subscribe to the subject on which answers come.
pub(super) fn no_reply(inbox: &str) -> Error {
    Error::of(Kind::Denied, format!("no permission to subscribe to {inbox}, where answers come"))
        .advice("grant the user that subject, or name one that it may subscribe to with inbox_prefix := '...'")
}

/// The prefix of JetStream's API has no responder.
pub(super) fn nobody_answers(api_prefix: &str) -> Error {
    if api_prefix == ConnectOptions::DEFAULT_API_PREFIX {
        return not_enabled();
    }
    Error::of(Kind::Unavailable, format!("JetStream does not answer at {api_prefix}")).advice(
        "check domain, or api_prefix: no server of that domain is reached, or the account has no JetStream there",
    )
}

/// JetStream is not enabled.
pub(super) fn not_enabled() -> Error {
    Error::of(Kind::Unavailable, "JetStream is not enabled for this account")
        .advice("start the server with -js, or enable the account")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_its_subject() {
        let word = "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.S\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), Some(Failure::Forbidden));
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO"), None);
        let denied = Some(Failure::ReplyDenied("_INBOX.x.*".into()));
        let word = "Permissions Violation for Subscription to \"_INBOX.x.*\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), denied);
        let word = "Permissions Violation for Subscription to \"_INBOX.x.*\" using queue \"q\"";
        assert_eq!(refusal(word, "$JS.API.STREAM.INFO.S"), denied);
        let advisory = "Permissions Violation for Subscription to \"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.d\"";
        assert_eq!(refusal(advisory, "$JS.API.STREAM.INFO.S"), None);
        assert_eq!(refusal("maximum connections exceeded", "a"), None);
    }

    #[test]
    fn an_error_in_the_body_is_a_failure() {
        let body = br#"{"error":{"code":404,"err_code":10059,"description":"stream not found"}}"#;
        let failure = decode::<serde_json::Value>(body).unwrap_err();
        assert!(failure.is(ErrorNumber::STREAM_NOT_FOUND) && !failure.is(ErrorNumber::CONSUMER_NOT_FOUND));
        assert!(matches!(decode::<serde_json::Value>(b"<html>"), Err(Failure::Other(_))));
    }

    #[test]
    fn a_number_has_a_kind_and_an_advice_and_an_unknown_one_is_a_refusal() {
        let error = |err_code| ApiError { code: 400, err_code, description: "words".into() }.error();
        assert_eq!(error(10_059).kind(), Kind::NotFound);
        assert_eq!(
            error(10_054).to_string(),
            "words (JetStream error 10054); make it smaller, or raise max_msg_size of the stream"
        );
        assert_eq!((error(1).kind(), error(1).to_string()), (Kind::Refused, "words (JetStream error 1)".into()));
    }

    #[test]
    fn no_number_stands_twice() {
        let mut numbers: Vec<u32> = NUMBERS.iter().map(|known| known.number.0).collect();
        assert!(numbers.is_sorted(), "the table is sorted by number");
        numbers.dedup();
        assert_eq!(numbers.len(), NUMBERS.len());
    }
}
