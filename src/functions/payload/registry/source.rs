//! What a registry asks for schemas.

use std::fmt;

use crate::error::Result;

/// A place with schemas.
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// The entry of a number, or None when the place has none.
    ///
    /// # Errors
    /// The place could not be asked: whether it has the schema is not known.
    fn find(&self, number: u32) -> Result<Option<Vec<u8>>>;

    /// The place in words.
    fn place(&self) -> String;
}
