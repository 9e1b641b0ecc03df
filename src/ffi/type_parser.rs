//! The text of a type becomes a [`Type`], by DuckDB's own grammar, through the door that was opened.

use std::sync::OnceLock;

use crate::column::Type;
use crate::error::{Error, Result};

/// Types of DuckDB that no payload is read as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unread {
    Union,
    Array,
    Bit,
    TimeTz,
    Variant,
    Other,
}

impl Unread {
    /// The reason, and the advice.
    pub(super) fn why(self) -> &'static str {
        match self {
            Unread::Union => {
                "no payload says which member of a UNION it has: read JSON, or a column for each alternative"
            }
            Unread::Array => "payloads have lists of any length: read a LIST, such as INTEGER[], and cast it",
            Unread::Bit => "no payload has a BIT: read VARCHAR, and cast it",
            Unread::TimeTz => "a time of day with an offset is no moment: read TIME, or VARCHAR and cast it",
            Unread::Variant => "no column of an extension is a VARIANT: read JSON, and cast it",
            Unread::Other => "no document fills a column of that type",
        }
    }
}

/// A door's reader of the texts of types.
type TypeParser = fn(&[&str]) -> Result<Vec<Type>>;

static OPENED: OnceLock<TypeParser> = OnceLock::new();

/// Sets the reader of types when a door is opened; the first one stays.
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
