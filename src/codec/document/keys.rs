//! Keys of objects: looked up among those wanted, or read as the keys of a MAP.
//!
//! A key that is a number, which formats other than JSON have, is looked up by its text.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::slot::Slot;
use super::trie::Node;
use super::visit::visit_scalars;
use crate::codec::scalar::Scalar;
use crate::column::{Buffer, Field, Type, Values};

/// Implements the reader of a key for a type with a method `find`; a key that is neither text nor an integer is never found.
macro_rules! key_lookup {
    ($name:ident) => {
        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = Option<usize>;

            fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Option<usize>, D::Error> {
                key.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_> {
            type Value = Option<usize>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, key: &str) -> Result<Option<usize>, E> {
                Ok(self.find(key))
            }

            fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Option<usize>, E> {
                Ok(std::str::from_utf8(key).ok().and_then(|key| self.find(key)))
            }

            fn visit_i64<E: de::Error>(self, key: i64) -> Result<Option<usize>, E> {
                Ok(self.find(&key.to_string()))
            }

            fn visit_u64<E: de::Error>(self, key: u64) -> Result<Option<usize>, E> {
                Ok(self.find(&key.to_string()))
            }

            fn visit_i128<E: de::Error>(self, key: i128) -> Result<Option<usize>, E> {
                Ok(self.find(&key.to_string()))
            }

            fn visit_u128<E: de::Error>(self, key: u128) -> Result<Option<usize>, E> {
                Ok(self.find(&key.to_string()))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Option<usize>, E> {
                Ok(None)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Option<usize>, E> {
                Ok(None)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Option<usize>, E> {
                Ok(None)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, key: D) -> Result<Option<usize>, D::Error> {
                IgnoredAny::deserialize(key).map(|_| None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, key: A) -> Result<Option<usize>, A::Error> {
                IgnoredAny.visit_seq(key).map(|_| None)
            }

            fn visit_map<A: MapAccess<'de>>(self, key: A) -> Result<Option<usize>, A::Error> {
                IgnoredAny.visit_map(key).map(|_| None)
            }
        }
    };
}

/// Finds the child of a node of the trie.
pub(super) struct FindKey<'a>(pub &'a Node);

impl FindKey<'_> {
    fn find(&self, key: &str) -> Option<usize> {
        self.0.find(key)
    }
}

key_lookup!(FindKey);

/// Finds the member of a STRUCT.
pub(super) struct FindField<'a>(pub &'a [Field]);

impl FindField<'_> {
    fn find(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|field| field.name == key)
    }
}

key_lookup!(FindField);

/// Reads the key of a MAP's entry.
pub(super) struct ReadKey<'a>(pub Slot<'a>);

impl ReadKey<'_> {
    fn key<E: de::Error>(self, key: Scalar<'_>) -> Result<(), E> {
        if key == Scalar::Null { Err(self.0.fail("a key of a MAP is null")) } else { self.0.push(key) }
    }
}

impl<'de> DeserializeSeed<'de> for ReadKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<(), D::Error> {
        key.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ReadKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    visit_scalars!(key);
}

/// The first key from `start` on that stands there twice, as error texts show it.
pub(super) fn first_duplicate(keys: &Buffer, ty: &Type, start: usize) -> Option<String> {
    let mut seen = HashSet::new();
    (start..keys.len()).find(|i| !seen.insert(key_bytes(keys, *i))).map(|i| shown(keys, ty, i))
}

pub(super) fn shown(keys: &Buffer, ty: &Type, i: usize) -> String {
    if let (Type::Enum(known), Some(index)) = (ty, keys.enum_index(i)) {
        return crate::codec::quote(known.values().get(index).map_or("", String::as_str));
    }
    crate::codec::quote(&String::from_utf8_lossy(&key_bytes(keys, i)))
}

/// A key's value as text.
fn key_bytes(keys: &Buffer, i: usize) -> Cow<'_, [u8]> {
    macro_rules! text {
        ($values:expr) => {
            $values.get(i).map(|v| Cow::Owned(format!("{v:?}").into_bytes())).unwrap_or_default()
        };
    }
    match &keys.values {
        Values::Text(v) => Cow::Borrowed(v.get(i)),
        Values::Bool(v) => text!(v),
        Values::I8(v) => text!(v),
        Values::I16(v) => text!(v),
        Values::I32(v) => text!(v),
        Values::I64(v) => text!(v),
        Values::I128(v) => text!(v),
        Values::U8(v) => text!(v),
        Values::U16(v) => text!(v),
        Values::U32(v) => text!(v),
        Values::U64(v) => text!(v),
        Values::U128(v) => text!(v),
        Values::F32(v) => text!(v),
        Values::F64(v) => text!(v),
        Values::Interval(v) => text!(v),
        // A nested type takes no key.
        Values::List(_) | Values::Struct(_) => Cow::Borrowed(&[]),
    }
}
