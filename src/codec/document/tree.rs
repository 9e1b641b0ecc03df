//! A document, or a part of one, held in memory: for formats that are not walked as they are read, for values that are
//! read twice, and for objects and lists on the way to JSON text.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess};
use serde::de::{Visitor, value};
use serde::forward_to_deserialize_any;

use super::{Slot, Values, extension, tag, visit_scalars};
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

    /// A decimal number as text, from its digits and how many of them stand behind the point.
    pub fn decimal(unscaled: i128, scale: usize) -> Self {
        let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let minus = if unscaled < 0 { "-" } else { "" };
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
    fn push<E: de::Error>(&self, slot: Slot<'_>) -> Result<(), E> {
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

/// How the values of every format but JSON are read: each is what its serde deserializer says it is.
pub(in crate::codec) struct TreeValues;

impl Values for TreeValues {
    type Copy<'de> = Tree;

    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> Result<(), D::Error> {
        value.deserialize_any(ReadScalar(slot))
    }

    fn copy<'de, D: Deserializer<'de>>(value: D) -> Result<Tree, D::Error> {
        Tree::deserialize(value)
    }

    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(copy: &'c Tree, seed: S) -> Result<(), String> {
        seed.deserialize(copy).map_err(|error: value::Error| error.to_string())
    }
}

/// Reads a scalar without a detour; anything else as a tree.
struct ReadScalar<'a>(Slot<'a>);

impl ReadScalar<'_> {
    fn scalar<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        self.0.push(scalar)
    }
}

impl<'de> Visitor<'de> for ReadScalar<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.ty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        ReadTree.visit_seq(list)?.push(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        ReadTree.visit_map(map)?.push(self.0)
    }

    visit_scalars!(scalar);
}

struct ReadTree;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(ReadTree)
    }
}

impl<'de> Visitor<'de> for ReadTree {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Tree, E> {
        Ok(Tree::Int(v.into()))
    }

    fn visit_i128<E: de::Error>(self, v: i128) -> Result<Tree, E> {
        Ok(Tree::Int(v))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Tree, E> {
        Ok(Tree::UInt(v.into()))
    }

    fn visit_u128<E: de::Error>(self, v: u128) -> Result<Tree, E> {
        Ok(Tree::UInt(v))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Tree, E> {
        Ok(Tree::Float(v))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Tree, E> {
        Ok(Tree::Text(v.to_owned()))
    }

    fn visit_string<E: de::Error>(self, v: String) -> Result<Tree, E> {
        Ok(Tree::Text(v))
    }

    fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<Tree, E> {
        Ok(Tree::Bytes(v.to_owned()))
    }

    fn visit_byte_buf<E: de::Error>(self, v: Vec<u8>) -> Result<Tree, E> {
        Ok(Tree::Bytes(v))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<Tree, D::Error> {
        value.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }

    /// An extension of MessagePack.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Tree, D::Error> {
        extension::read(value)
    }

    /// A tag of CBOR and what stands under it.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Tree, A::Error> {
        let (_, content): (de::IgnoredAny, _) = tagged.variant()?;
        let (tag, value) = content.tuple_variant(2, ReadTagged)?;
        Ok(tag::apply(tag, value))
    }
}

struct ReadTagged;

impl<'de> Visitor<'de> for ReadTagged {
    type Value = (u64, Tree);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag and a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<(u64, Tree), A::Error> {
        let missing = || de::Error::custom("a tag without a value");
        let tag = pair.next_element()?.ok_or_else(missing)?;
        let value = pair.next_element()?.ok_or_else(missing)?;
        Ok((tag, value))
    }
}

/// Read back; a timestamp comes as the extension of MessagePack that stands for one.
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
