//! The state that the readers of one payload share: how strict they are, the types of the columns, the first error.

use std::cell::Cell;

use serde::de;

use crate::codec::decode::DecodeError;
use crate::codec::path;
use crate::column::Type;

/// Whether a document without the wanted shape is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::codec) enum Strictness {
    /// It is an error.
    Strict,
    /// It gives NULL where the shape differs.
    Lenient,
}

/// The state that the readers of one payload share.
pub(in crate::codec) struct Context<'a> {
    pub strictness: Strictness,
    /// The type of each output.
    pub types: &'a [&'a Type],
    /// The first conversion error. It is kept here, because the error of the deserializer may hold only text.
    error: Cell<Option<DecodeError>>,
}

impl<'a> Context<'a> {
    /// The state at the beginning of a payload.
    pub fn new(strictness: Strictness, types: &'a [&'a Type]) -> Self {
        Self { strictness, types, error: Cell::new(None) }
    }

    /// The conversion error that was noted.
    pub fn into_error(self) -> Option<DecodeError> {
        self.error.into_inner()
    }

    /// Whether a shape that differs is an error.
    pub fn is_strict(&self) -> bool {
        self.strictness == Strictness::Strict
    }

    /// Notes a conversion error, and returns the error that ends the walk.
    pub fn fail<E: de::Error>(&self, cause: impl Into<String>) -> E {
        self.error.set(Some(DecodeError { path: None, cause: cause.into() }));
        E::custom("conversion error")
    }

    /// Notes a conversion error of a part that had a context of its own.
    pub fn note(&self, error: DecodeError) {
        self.error.set(Some(error));
    }

    /// Returns the error that ends the walk after a replay has failed: the noted conversion error, else the cause.
    pub fn fail_unless_noted<E: de::Error>(&self, cause: String) -> E {
        match self.error.take() {
            Some(error) => {
                self.error.set(Some(error));
                E::custom("conversion error")
            }
            None => self.fail(cause),
        }
    }

    /// Puts a step in front of the path of the noted conversion error, if there is one.
    pub fn under(&self, step: &str) {
        self.error.set(self.error.take().map(|mut error| {
            let path = error.path.unwrap_or_default();
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            error.path = Some(format!("{step}{dot}{path}"));
            error
        }));
    }

    pub fn under_key(&self, key: &str) {
        self.under(&path::quoted(key));
    }

    pub fn under_index(&self, index: usize) {
        self.under(&format!("[{index}]"));
    }
}
