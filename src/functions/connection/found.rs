//! A value of a connection option, and where it was found.

use std::fmt;
use std::time::Duration;

use super::home;
use crate::error::{Error, Result};
use crate::jetstream::NamedFile;
use crate::plan::check_publish_subject;
use crate::value::{Arguments, Value};

/// The sources of values. An earlier one goes before a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Parameter,
    Url,
    Setting,
    Context,
    Environment,
}

/// A value and its source.
#[derive(Clone)]
pub struct Found {
    pub value: Value,
    pub rank: Rank,
    /// The name by which the user gave it: `creds`, `setting nats_creds`, `NATS_CREDS`.
    pub origin: String,
}

impl Found {
    /// The value as text. An error does not show it.
    ///
    /// # Errors
    /// The value is no text.
    pub fn text(&self) -> Result<&str> {
        match &self.value {
            Value::Text(text) => Ok(text),
            other => Err(Error::new(format!("{} must be VARCHAR, not {}", self.origin, other.kind()))),
        }
    }

    /// The value as a yes or no.
    ///
    /// # Errors
    /// The value is no BOOLEAN, nor a text that is one.
    pub fn flag(&self) -> Result<bool> {
        match &self.value {
            Value::Boolean(flag) => Ok(*flag),
            other => Err(Error::new(format!("{} must be BOOLEAN, not {}", self.origin, other.kind()))),
        }
    }

    /// The value as a length of time above zero; `name` is the name of the option.
    ///
    /// # Errors
    /// The value is no length of time above zero.
    pub fn duration(&self, name: &'static str) -> Result<Duration> {
        let arguments = Arguments { named: vec![(name, self.value.clone())], ..Arguments::default() };
        let duration = arguments.duration(name)?.unwrap_or_default();
        if duration.is_zero() {
            return Err(Error::new(format!("{name} must be longer than zero"))
                .advice(format!("write {name} := INTERVAL '5 seconds'")));
        }
        Ok(duration)
    }

    /// The value as the path of a file; `~/` at its beginning is the user's home folder.
    ///
    /// # Errors
    /// The value is no text, or an empty one.
    pub fn file(&self) -> Result<NamedFile> {
        let text = self.text()?;
        if text.is_empty() {
            return Err(Error::new(format!("{} is empty; it needs the path of a file", self.origin)));
        }
        Ok(NamedFile { origin: self.origin.clone(), path: home::path(text) })
    }

    /// The value as a JetStream domain.
    ///
    /// # Errors
    /// The value is no name of a domain.
    pub fn domain(&self) -> Result<String> {
        let domain = self.text()?;
        let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>');
        if domain.is_empty() || domain.contains(wrong) {
            return Err(Error::new(format!("{}: '{domain}' is not a JetStream domain", self.origin))
                .advice("a domain is one token of a subject: not empty, and without white space, '.', '*' and '>'"));
        }
        Ok(domain.to_owned())
    }
}

impl Found {
    /// The value as a prefix of subjects: tokens without wildcards. `example` is one.
    ///
    /// # Errors
    /// The value is empty, or has a wildcard, white space or an empty token.
    pub fn prefix(&self, example: &str) -> Result<String> {
        let text = self.text()?;
        // The clients of NATS write the dot that follows, or leave it out.
        let prefix = text.strip_suffix('.').unwrap_or(text);
        match check_publish_subject(prefix) {
            Ok(()) => Ok(prefix.to_owned()),
            Err(_) => Err(Error::new(format!("{}: '{text}' is not the beginning of subjects", self.origin)).advice(
                format!("write tokens with dots between them, without wildcards and white space, such as {example}"),
            )),
        }
    }
}

/// Shows the source of a value, and never the value.
impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({})", self.origin)
    }
}
