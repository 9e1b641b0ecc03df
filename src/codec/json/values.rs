//! Values go into columns by their text, which keeps numbers exact and objects as they were written.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::compact;
use super::cursor::Token;
use super::read::{TOKEN, unescape};
use crate::codec::document::{Slot, Values};
use crate::codec::quote;
use crate::codec::scalar::Scalar;
use crate::column::Type;

/// The reader of JSON's values.
pub(super) struct JsonValues;

impl Values for JsonValues {
    #[inline]
    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> Result<(), D::Error> {
        push(value.deserialize_newtype_struct(TOKEN, TakeToken)?, slot)
    }
}

/// Appends a value to a column of a type that is not nested.
#[inline(always)]
pub(super) fn push<E: de::Error>(token: Token<'_>, slot: Slot<'_>) -> Result<(), E> {
    match token {
        Token::Null => slot.push(Scalar::Null),
        Token::Bool(value) => slot.push(Scalar::Bool(value)),
        Token::Number(text) => slot.push(Scalar::Number(text)),
        Token::Text(text) => slot.push(Scalar::Text(text)),
        Token::Nested(raw) if slot.takes_json() => compacted(raw, slot),
        Token::Nested(raw) => slot.push(Scalar::Json(raw)),
        Token::Escaped(raw) if matches!(slot.ty, Type::Json) => compacted(raw, slot),
        Token::Escaped(raw) => match unescape(raw) {
            Ok(text) => slot.push(Scalar::Text(&text)),
            Err(fault) => Err(slot.fail(format!("malformed JSON: {fault}: {}", quote(raw)))),
        },
    }
}

/// Takes a token through serde.
struct TakeToken;

impl<'de> Visitor<'de> for TakeToken {
    type Value = Token<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token of JSON")
    }

    #[inline]
    fn visit_unit<E: de::Error>(self) -> Result<Token<'de>, E> {
        Ok(Token::Null)
    }

    #[inline]
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Token<'de>, E> {
        Ok(Token::Bool(value))
    }

    #[inline]
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Token<'de>, E> {
        Ok(Token::Text(text))
    }

    #[inline]
    fn visit_borrowed_bytes<E: de::Error>(self, number: &'de [u8]) -> Result<Token<'de>, E> {
        std::str::from_utf8(number).map(Token::Number).map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, raw: D) -> Result<Token<'de>, D::Error> {
        let raw = <&str>::deserialize(raw)?;
        Ok(if raw.starts_with('"') { Token::Escaped(raw) } else { Token::Nested(raw) })
    }
}

fn compacted<E: de::Error>(raw: &str, slot: Slot<'_>) -> Result<(), E> {
    match slot.buffer.push_bytes_with(|out| compact::write(raw, out)) {
        Ok(()) => Ok(()),
        Err(cause) => Err(slot.fail(format!("malformed JSON: {cause}: {}", quote(raw)))),
    }
}
