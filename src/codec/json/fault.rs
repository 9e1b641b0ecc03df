//! Why a document cannot be read.

use std::fmt;

use serde::de::{self, IgnoredAny};

/// What is wrong, in few bytes: a walk that succeeds carries it along.
#[derive(Debug)]
pub(super) enum Fault {
    /// The text is not JSON.
    Syntax,
    /// An object or a list, which begins at a byte, stands too deep to be stepped into.
    TooDeep {
        /// The position of its first byte.
        at: usize,
    },
    /// The walk ended for this reason.
    Because(Box<str>),
}

impl Fault {
    /// The fault in words, with its place in the document.
    pub fn explain(self, document: &str) -> String {
        match self {
            // serde_json says it well; that it reads the document from its beginning costs a document once.
            Fault::Syntax => match serde_json::from_str::<IgnoredAny>(document) {
                Err(error) => error.to_string(),
                Ok(_) => Fault::Syntax.to_string(),
            },
            Fault::TooDeep { at } => {
                let before = document.as_bytes().get(..at).unwrap_or_default();
                let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
                format!("{} at line {line} column {column}", Fault::TooDeep { at })
            }
            Fault::Because(cause) => cause.into_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Syntax => f.write_str("the text is not JSON"),
            Fault::TooDeep { .. } => f.write_str("recursion limit exceeded"),
            Fault::Because(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    #[cold]
    fn custom<T: fmt::Display>(cause: T) -> Self {
        Fault::Because(cause.to_string().into_boxed_str())
    }
}
