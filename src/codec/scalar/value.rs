//! A scalar of any format, and the reasons why it does not fit a type.

use super::instant::Instant;
use crate::codec::quote::quote;

/// A value without members, as a format's reader passes it on.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i128),
    /// An unsigned number; any size that [`Scalar::Int`] holds as well may come as either.
    UInt(u128),
    Float(f64),
    /// A number by its text, in the grammar of JSON.
    Number(&'a str),
    Text(&'a str),
    Bytes(&'a [u8]),
    Timestamp(Instant),
    /// An object or a list by its JSON text, already compact. Not a scalar, but VARCHAR and JSON take it.
    Json(&'a str),
}

/// The reasons why a scalar is not a value of a type.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ConversionError {
    /// No scalar of this kind is a value of the type.
    Kind,
    /// The value is beyond the range of the type.
    Range,
    /// The text is not a value of the type, for this reason.
    Because(&'static str),
}

/// A scalar as error texts show it; at most 80 characters of the payload.
pub(in crate::codec) fn describe(scalar: &Scalar<'_>) -> String {
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(v) => v.to_string(),
        Scalar::Int(v) => v.to_string(),
        Scalar::UInt(v) => v.to_string(),
        Scalar::Float(v) => format!("{v:?}"),
        Scalar::Number(v) => quote(v),
        Scalar::Text(v) => format!("\"{}\"", quote(v)),
        Scalar::Bytes(v) => format!("a binary of {} bytes", v.len()),
        Scalar::Timestamp(v) => v.to_string(),
        Scalar::Json(v) if v.starts_with('{') => format!("the object {}", quote(v)),
        Scalar::Json(v) => format!("the list {}", quote(v)),
    }
}
