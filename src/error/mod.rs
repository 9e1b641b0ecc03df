//! The one error type of the crate, and the only place that formats an error's text.

mod kind;

use std::fmt;

pub use kind::Kind;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// The cause of a failure, its place, and advice.
///
/// Printed as `stream 'ORDERS', sequence 42, server nats://host:4222: <cause>; <advice>`, without the parts that are
/// not known. [`Error::report`] adds the name of the SQL function in front and the [`Kind`] at the end. No field may
/// hold a secret: a server is named without the userinfo of its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Option<Kind>,
    stream: Option<String>,
    sequence: Option<u64>,
    server: Option<String>,
    cause: String,
    advice: Option<String>,
}

impl Error {
    /// An error of the statement itself, [`Kind::Misuse`], unless [`Error::kind_or`] names another kind.
    pub fn new(cause: impl Into<String>) -> Self {
        Self { kind: None, stream: None, sequence: None, server: None, cause: cause.into(), advice: None }
    }

    /// An error of a kind.
    pub fn of(kind: Kind, cause: impl Into<String>) -> Self {
        Self { kind: Some(kind), ..Self::new(cause) }
    }

    /// Flattens a foreign error with all its sources into one cause; each text stands in it once.
    pub fn foreign(what: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        Self::new(format!("{what}: {text}"))
    }

    /// Names the kind, unless one is named already.
    #[must_use]
    pub fn kind_or(mut self, kind: Kind) -> Self {
        self.kind.get_or_insert(kind);
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Misuse)
    }

    /// The text that the user is shown: `<function>: <error> [<kind>]`. Counts the error for `nats_stats()`.
    #[must_use]
    pub fn report(&self, function: &str) -> String {
        self.kind().count();
        format!("{function}: {self} [{}]", self.kind())
    }

    /// Names the stream, unless one is named already.
    #[must_use]
    pub fn stream(mut self, stream: &str) -> Self {
        self.stream.get_or_insert_with(|| stream.to_owned());
        self
    }

    /// Names the stream sequence, unless one is named already.
    #[must_use]
    pub fn sequence(mut self, sequence: u64) -> Self {
        self.sequence.get_or_insert(sequence);
        self
    }

    /// Names the server (a URL without userinfo), unless one is named already.
    #[must_use]
    pub fn server(mut self, server: &str) -> Self {
        self.server.get_or_insert_with(|| server.to_owned());
        self
    }

    /// Adds advice, unless there is some already.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// Puts the thing that the cause is about in front of it: `consumer 'c': <cause>`.
    #[must_use]
    pub fn within(mut self, thing: &str) -> Self {
        self.cause = format!("{thing}: {}", self.cause);
        self
    }

    /// Adds to the end of the cause.
    #[must_use]
    pub fn ending(mut self, addition: &str) -> Self {
        self.cause.push_str(addition);
        self
    }

    /// The cause alone, without place and advice.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(stream) = &self.stream {
            write!(f, "stream '{stream}'")?;
            separator = ", ";
        }
        if let Some(sequence) = self.sequence {
            write!(f, "{separator}sequence {sequence}")?;
            separator = ", ";
        }
        if let Some(server) = &self.server {
            write!(f, "{separator}server {server}")?;
            separator = ", ";
        }
        if !separator.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.cause)?;
        match &self.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::{Error, Kind};

    #[test]
    fn parts_that_are_not_known_are_not_printed() {
        assert_eq!(Error::new("no").to_string(), "no");
        assert_eq!(
            Error::new("bad JSON").stream("S").sequence(42).server("nats://h:1").advice("use on_error").to_string(),
            "stream 'S', sequence 42, server nats://h:1: bad JSON; use on_error"
        );
    }

    #[test]
    fn the_first_word_on_a_place_wins() {
        assert_eq!(Error::new("x").stream("inner").stream("outer").to_string(), "stream 'inner': x");
    }

    #[test]
    fn a_report_ends_in_the_kind_and_counts_it() {
        let before = Kind::Gap.reported();
        let error = Error::of(Kind::Gap, "messages are gone").kind_or(Kind::Damaged).stream("S").advice("read on");
        assert_eq!(error.report("nats_scan"), "nats_scan: stream 'S': messages are gone; read on [gap]");
        assert_eq!(Kind::Gap.reported(), before + 1);
        assert_eq!(Error::new("no").kind(), Kind::Misuse);
        assert_eq!(Error::new("no").kind_or(Kind::Denied).kind(), Kind::Denied);
    }

    #[test]
    fn a_foreign_source_is_said_once() {
        let inner = std::io::Error::other("refused");
        let outer = std::io::Error::other(inner);
        assert_eq!(Error::foreign("connecting", &outer).to_string(), "connecting: refused");
    }
}
