//! Values as serde deserializers, so that the walk of all document formats reads them.
//!
//! A message is a map by field names, with the fields that are not there left out; so are the well-known types, but
//! for `Struct`, `Value` and `ListValue`, which are the document that they hold. A value that goes into a column of a
//! type that is not nested is read as its scalar view ([`scalar_view`]): a moment for `Timestamp`, the scalar in a wrapper,
//! JSON for a message.

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::payload_error::PayloadError;
use super::scalar_view;
use super::schema::{Field, Kind};
use super::value::{Content, Fields, Value, integer};
use super::visit::visit_scalar;

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = PayloadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        let (value, content) = self.dynamic()?.split();
        match content {
            Content::Null => visitor.visit_unit(),
            Content::Number(number) => visitor.visit_f64(number),
            Content::Scalar(kind, wire) => visit_scalar(value.schema, (kind, wire), visitor),
            Content::Message(message, pieces) => {
                visitor.visit_map(Members { fields: value.fields(message, &pieces)?, next: None })
            }
            Content::List(kind, occurrences) => visitor.visit_seq(List(value.elements(kind, occurrences))),
            Content::Map(entry, occurrences) => {
                let entries = value.entries(entry, occurrences)?.into_iter();
                visitor.visit_map(Entries { entries, next: None })
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        match scalar_view::asked(name) {
            Some(as_number) => scalar_view::visit(self, as_number, visitor),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier
    }
}

/// The fields of a message.
struct Members<'a> {
    fields: Fields<'a>,
    next: Option<(&'a Field, Value<'a>)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        self.next = self.fields.next()?;
        match &self.next {
            Some((field, _)) => seed.deserialize(field.name.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, PayloadError> {
        let (field, value) = self.next.take().ok_or_else(unasked)?;
        seed.deserialize(value).map_err(|fault| fault.under(&field.name))
    }
}

/// The elements of a list.
struct List<N>(N);

impl<'a, 'de, N: FnMut() -> Result<Option<Value<'a>>, PayloadError>> SeqAccess<'de> for List<N> {
    type Error = PayloadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, PayloadError> {
        (self.0)()?.map(|value| seed.deserialize(value)).transpose()
    }
}

/// The entries of a map.
struct Entries<'a> {
    entries: std::vec::IntoIter<(Value<'a>, Value<'a>)>,
    next: Option<Value<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = PayloadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, PayloadError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.next = Some(value);
        match key.content {
            // By its word, so that a path can name it.
            Content::Scalar(Kind::Bool, wire) => {
                let word = if integer(Kind::Bool, wire) == 0 { "false" } else { "true" };
                seed.deserialize(word.into_deserializer()).map(Some)
            }
            _ => seed.deserialize(key).map(Some),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, PayloadError> {
        seed.deserialize(self.next.take().ok_or_else(unasked)?)
    }
}

/// serde asks for a value after its key, so this is never seen.
fn unasked() -> PayloadError {
    PayloadError::new("a value is asked for before its key")
}
