//! What a registry asks for schemas.

use std::fmt;

use crate::codec::Reference;
use crate::error::Result;

/// What a place has of a number.
pub(super) struct SourceEntry {
    /// The schema, or an answer that holds it.
    pub bytes: Vec<u8>,
    /// The schemas that it refers to, as an [`Entry`](crate::codec::Entry) has them.
    pub references: Vec<Reference>,
}

impl From<Vec<u8>> for SourceEntry {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, references: Vec::new() }
    }
}

/// A place with schemas.
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// The entry of a number, or None when the place has none.
    ///
    /// # Errors
    /// The place could not be asked: whether it has the schema is not known.
    fn find(&self, number: u32) -> Result<Option<SourceEntry>>;

    /// The place in words.
    fn place(&self) -> String;
}

/// The names of files that may hold the schema of a number.
pub(super) fn file_names(number: u32) -> [String; 3] {
    ["avsc", "json", "proto"].map(|ending| format!("{number}.{ending}"))
}
