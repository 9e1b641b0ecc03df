//! The text of a type becomes a [`Type`], by DuckDB's own grammar, through the door that was opened.

use std::sync::OnceLock;

use crate::column::Type;
use crate::error::{Error, Result};

/// How a door reads the texts of types.
type TypeParser = fn(&[&str]) -> Result<Vec<Type>>;

static OPENED: OnceLock<TypeParser> = OnceLock::new();

/// A door was opened that reads types so; the first one stays.
pub(super) fn opened(parser: TypeParser) {
    OPENED.get_or_init(|| parser);
}

/// Reads the texts of types, such as `DECIMAL(18,2)`, `int8`, `STRUCT(a INTEGER, b VARCHAR[])`. Beside DuckDB's own,
/// `BASE64` is a BLOB that documents hold as base64 text.
///
/// # Errors
/// A text is no type of DuckDB, or one that no column of this extension can have; no DuckDB has loaded the extension.
pub fn parse_types(texts: &[&str]) -> Result<Vec<Type>> {
    let parse = OPENED.get().ok_or_else(|| Error::new("internal error: no DuckDB has loaded the extension"))?;
    parse(texts)
}
