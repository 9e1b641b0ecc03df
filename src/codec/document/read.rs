//! Reads a tree from a serde deserializer, with the extensions of MessagePack and the tags of CBOR.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::extension::{TIMESTAMP, timestamp};
use super::tag;
use super::tree::Tree;

/// Reads an extension: a timestamp, or of any other type its bytes.
pub(super) fn extension<'de, D: Deserializer<'de>>(value: D) -> Result<Tree, D::Error> {
    let (kind, content) = <(i8, Tree)>::deserialize(value)?;
    match content {
        Tree::Bytes(bytes) if kind == TIMESTAMP => {
            timestamp(&bytes).map(Tree::Timestamp).ok_or_else(|| de::Error::custom("malformed timestamp"))
        }
        other => Ok(other),
    }
}

/// Reads a value of any kind.
pub(super) struct ReadTree;

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
        extension(value)
    }

    /// A tag of CBOR and the value under it.
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
