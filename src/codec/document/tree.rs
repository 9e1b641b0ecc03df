//! A document, or a part of one, held in memory: for formats that are not walked as they are read, for values that are
//! read twice, and for objects and lists on the way to JSON text.

use serde::de::{self, Deserializer, Visitor, value};
use serde::forward_to_deserialize_any;

use super::extension;
use super::slot::Slot;
use crate::codec::scalar::{Instant, Scalar, write_json};

/// A value of any document format.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::codec) enum Tree {
    Null,
    Bool(bool),
    Int(i128),
    UInt(u128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Timestamp(Instant),
    List(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
}

impl Tree {
    /// A UUID by its bytes, as text.
    pub fn uuid(bytes: [u8; 16]) -> Self {
        let mut text = format!("{:032x}", u128::from_be_bytes(bytes));
        [20, 16, 12, 8].into_iter().for_each(|at| text.insert(at, '-'));
        Tree::Text(text)
    }

    /// A decimal number as text, from its digits and the number of digits behind the point.
    pub fn decimal(unscaled: i128, scale: usize) -> Self {
        Self::decimal_of_digits(&unscaled.unsigned_abs().to_string(), unscaled < 0, scale)
    }

    /// As [`Tree::decimal`], of a number of any size by its digits and its sign.
    pub fn decimal_of_digits(digits: &str, negative: bool, scale: usize) -> Self {
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let minus = if negative { "-" } else { "" };
        let point = if scale > 0 { "." } else { "" };
        Tree::Text(format!("{minus}{whole}{point}{fraction}"))
    }

    /// The value as a scalar; None for a list or a map.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Tree::Null => Scalar::Null,
            Tree::Bool(v) => Scalar::Bool(*v),
            Tree::Int(v) => Scalar::Int(*v),
            Tree::UInt(v) => Scalar::UInt(*v),
            Tree::Float(v) => Scalar::Float(*v),
            Tree::Text(v) => Scalar::Text(v),
            Tree::Bytes(v) => Scalar::Bytes(v),
            Tree::Timestamp(v) => Scalar::Timestamp(*v),
            Tree::List(_) | Tree::Map(_) => return None,
        })
    }

    /// Writes the value as compact JSON; a key that is not text is written as text.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Tree::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    out.extend_from_slice(if i == 0 { b"" } else { b"," });
                    item.write_json(out);
                }
                out.push(b']');
            }
            Tree::Map(entries) => {
                out.push(b'{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    out.extend_from_slice(if i == 0 { b"" } else { b"," });
                    write_key(key, out);
                    out.push(b':');
                    value.write_json(out);
                }
                out.push(b'}');
            }
            scalar => write_json(scalar.scalar().unwrap_or(Scalar::Null), out),
        }
    }

    /// Appends the value to a column of a type that is not nested.
    pub(super) fn push<E: de::Error>(&self, slot: Slot<'_>) -> Result<(), E> {
        match self.scalar() {
            Some(scalar) => slot.push(scalar),
            None => {
                let mut json = Vec::new();
                self.write_json(&mut json);
                slot.push(Scalar::Json(&String::from_utf8_lossy(&json)))
            }
        }
    }
}

fn write_key(key: &Tree, out: &mut Vec<u8>) {
    let mut text = Vec::new();
    key.write_json(&mut text);
    if text.first() == Some(&b'"') {
        out.extend_from_slice(&text);
    } else {
        write_json(Scalar::Text(&String::from_utf8_lossy(&text)), out);
    }
}

/// The tree as a serde deserializer; a timestamp comes as the extension of MessagePack for one.
impl<'de> Deserializer<'de> for &'de Tree {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        match self {
            Tree::Null => visitor.visit_unit(),
            Tree::Bool(v) => visitor.visit_bool(*v),
            Tree::Int(v) => visitor.visit_i128(*v),
            Tree::UInt(v) => visitor.visit_u128(*v),
            Tree::Float(v) => visitor.visit_f64(*v),
            Tree::Text(v) => visitor.visit_borrowed_str(v),
            Tree::Bytes(v) => visitor.visit_borrowed_bytes(v),
            Tree::List(items) => visitor.visit_seq(value::SeqDeserializer::new(items.iter())),
            Tree::Map(entries) => {
                visitor.visit_map(value::MapDeserializer::new(entries.iter().map(|(key, value)| (key, value))))
            }
            Tree::Timestamp(v) => visitor.visit_newtype_struct(extension::Timestamp(*v)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> de::IntoDeserializer<'de, value::Error> for &'de Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
