//! The error of a payload that is not the message of the schema.

use std::fmt;

use serde::de;

use crate::codec::path;

/// A fault of the wire format, with the place when it is known. Boxed, so that results stay small.
#[derive(Debug)]
pub(super) struct PayloadError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    path: String,
    cause: String,
}

impl PayloadError {
    /// A fault by its cause.
    pub fn new(cause: impl Into<String>) -> Self {
        Self(Box::new(Parts { path: String::new(), cause: cause.into() }))
    }

    /// Puts a field in front of the fault's path.
    pub fn under(mut self, field: &str) -> Self {
        let dot = if self.0.path.is_empty() { "" } else { "." };
        self.0.path = format!("{}{dot}{}", path::quoted(field), self.0.path);
        self
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.path.as_str() {
            "" => write!(f, "malformed protobuf: {}", self.0.cause),
            path => write!(f, "malformed protobuf in field '{path}': {}", self.0.cause),
        }
    }
}

impl std::error::Error for PayloadError {}

impl de::Error for PayloadError {
    fn custom<T: fmt::Display>(cause: T) -> Self {
        Self::new(cause.to_string())
    }
}
