//! The cursor as a serde deserializer, so that the walk of all document formats reads it.
//!
//! A value for a column of a type that is not nested is read as it is written: a number by its text. serde has no call for that.
//! [`Deserializer::deserialize_newtype_struct`] with the name [`TOKEN`] asks for it:
//!
//! | a value | comes as |
//! |---|---|
//! | null, true, false, a string without escapes | itself |
//! | a number | the bytes of its text |
//! | an object, a list, a string with escapes | a newtype around its text |

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::cursor::{Cursor, Token};
use super::error::JsonError;

/// The name that asks for a value as its token.
pub(super) const TOKEN: &str = "json token";

/// The value that stands next.
impl<'de> Deserializer<'de> for &mut Cursor<'de> {
    type Error = JsonError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek() {
            Some(b'{') => {
                let more = self.enter(b'}')?;
                let mut open = Members { cursor: self, close: b'}', first: true, more };
                let value = visitor.visit_map(&mut open)?;
                open.leave().map(|()| value)
            }
            Some(b'[') => {
                let more = self.enter(b']')?;
                let mut open = Members { cursor: self, close: b']', first: true, more };
                let value = visitor.visit_seq(&mut open)?;
                open.leave().map(|()| value)
            }
            _ => self.value()?.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if name == TOKEN { self.value()?.visit(visitor) } else { self.deserialize_any(visitor) }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier
    }
}

impl<'de> Token<'de> {
    /// Passes the token to the visitor, in the form that [`TOKEN`] describes.
    #[inline]
    fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Number(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            Token::Text(text) => visitor.visit_borrowed_str(text),
            Token::Escaped(raw) | Token::Nested(raw) => visitor.visit_newtype_struct(BorrowedStrDeserializer::new(raw)),
        }
    }
}

/// A value that was set aside.
impl<'de> Deserializer<'de> for Token<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Number(text) => {
                serde_json::Deserializer::from_str(text).deserialize_any(visitor).map_err(JsonError::custom)
            }
            Token::Text(text) => visitor.visit_borrowed_str(text),
            Token::Escaped(raw) => visitor.visit_string(unescape(raw)?),
            Token::Nested(raw) => Cursor::new(raw).deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        if name == TOKEN { self.visit(visitor) } else { self.deserialize_any(visitor) }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The text of a string with escapes.
pub(super) fn unescape(raw: &str) -> Result<String, JsonError> {
    serde_json::from_str(raw).map_err(JsonError::custom)
}

/// A number as error texts show it where another type is wanted; one beyond the range of a double is an error.
pub(super) fn number(text: &str) -> Result<String, JsonError> {
    serde_json::from_str::<serde_json::Number>(text)
        .map(|number| match (number.as_i64(), number.as_u64()) {
            (None, None) => number.as_f64().map_or_else(String::new, |number| format!("{number:?}")),
            _ => number.to_string(),
        })
        .map_err(JsonError::custom)
}

/// The members of an object or the elements of a list.
struct Members<'c, 'de> {
    cursor: &'c mut Cursor<'de>,
    close: u8,
    /// Whether the first one has not been read.
    first: bool,
    /// Whether another one may be left to read.
    more: bool,
}

impl Members<'_, '_> {
    /// Whether there is one more, which then stands next.
    #[inline]
    fn advance(&mut self) -> Result<bool, JsonError> {
        if !std::mem::take(&mut self.first) && self.more {
            self.more = self.cursor.another(self.close)?;
        }
        Ok(self.more)
    }

    /// Steps out; the visitor has read all members by then.
    fn leave(&mut self) -> Result<(), JsonError> {
        self.cursor.leave();
        if self.more { Err(JsonError::Syntax) } else { Ok(()) }
    }
}

impl<'de> MapAccess<'de> for &mut Members<'_, 'de> {
    type Error = JsonError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        if !self.advance()? {
            return Ok(None);
        }
        match self.cursor.string()? {
            Token::Text(key) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            Token::Escaped(raw) => seed.deserialize(StringDeserializer::new(unescape(raw)?)).map(Some),
            _ => Err(JsonError::Syntax),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, JsonError> {
        self.cursor.pass(b':')?;
        seed.deserialize(&mut *self.cursor)
    }
}

impl<'de> SeqAccess<'de> for &mut Members<'_, 'de> {
    type Error = JsonError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, JsonError> {
        if self.advance()? { seed.deserialize(&mut *self.cursor).map(Some) } else { Ok(None) }
    }
}
