//! The reasons why a document cannot be read.

use std::fmt;

use serde::de::{self, IgnoredAny};

/// The fault of a document. The type is small, because every result of a walk has room for it.
#[derive(Debug)]
pub(super) enum JsonError {
    /// The text is not JSON.
    Syntax,
    /// An object or a list, which begins at a byte, stands too deep to be stepped into.
    TooDeep {
        /// The position of its first byte.
        at: usize,
    },
    /// The walk ended with this error.
    Because(Box<str>),
}

impl JsonError {
    /// The fault in words, with its place in the document.
    pub fn explain(self, document: &str) -> String {
        match self {
            // serde_json words the fault. It reads the document from its beginning, which happens once for each faulty document.
            JsonError::Syntax => match serde_json::from_str::<IgnoredAny>(document) {
                Err(error) => error.to_string(),
                Ok(_) => JsonError::Syntax.to_string(),
            },
            JsonError::TooDeep { at } => {
                let before = document.as_bytes().get(..at).unwrap_or_default();
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
                format!("{} at line {line} column {column}", JsonError::TooDeep { at })
            }
            JsonError::Because(cause) => cause.into_string(),
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Syntax => f.write_str("the text is not JSON"),
            JsonError::TooDeep { .. } => f.write_str("recursion limit exceeded"),
            JsonError::Because(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    #[cold]
    fn custom<T: fmt::Display>(cause: T) -> Self {
        JsonError::Because(cause.to_string().into_boxed_str())
    }
}
