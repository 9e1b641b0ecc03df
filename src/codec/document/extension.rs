//! The extension types of MessagePack, of which one is a timestamp.
//!
//! serde has no timestamps, so this room passes one in the form of this extension: a newtype around the pair of its type and its bytes.

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor, value};
use serde::forward_to_deserialize_any;

use crate::codec::scalar::Instant;

/// The type of the timestamp.
pub(super) const TIMESTAMP: i8 = -1;

/// A timestamp in one of the three layouts of the specification: seconds in 32 bits; nanoseconds in 30 and seconds in 34; nanoseconds in 32
/// and signed seconds in 64.
pub(super) fn timestamp(bytes: &[u8]) -> Option<Instant> {
    let (seconds, nanos) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let bits = u64::from_be_bytes(bytes.try_into().ok()?);
            ((bits & 0x3_ffff_ffff).cast_signed(), u32::try_from(bits >> 34).ok()?)
        }
        12 => {
            let (nanos, seconds) = bytes.split_at_checked(4)?;
            (i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(nanos.try_into().ok()?))
        }
        _ => return None,
    };
    (nanos < 1_000_000_000).then_some(Instant { seconds, nanos })
}

/// A timestamp as the pair of its type and its bytes.
pub(super) struct Timestamp(pub Instant);

impl<'de> Deserializer<'de> for Timestamp {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_seq(Parts { instant: self.0, next: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Parts {
    instant: Instant,
    next: u8,
}

impl<'de> SeqAccess<'de> for Parts {
    type Error = value::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, value::Error> {
        self.next += 1;
        match self.next {
            1 => seed.deserialize(TIMESTAMP.into_deserializer()).map(Some),
            2 => {
                let mut bytes = self.instant.nanos.to_be_bytes().to_vec();
                bytes.extend_from_slice(&self.instant.seconds.to_be_bytes());
                seed.deserialize(value::BytesDeserializer::new(&bytes)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::codec::document::Tree;

    #[test]
    fn timestamps_in_three_layouts() {
        for (bytes, expected) in [
            (&[0x65, 0xa5, 0x05, 0x40][..], Some((1_705_313_600, 0))),
            (&[0x77, 0x35, 0x94, 0x00, 0x00, 0x00, 0x00, 0x01], Some((1, 500_000_000))),
            (&[0, 0, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255], Some((-1, 1))),
            (&[0x3b, 0x9a, 0xca, 0x00, 0, 0, 0, 0, 0, 0, 0, 0], None),
            (&[0; 5], None),
        ] {
            let expected = expected.map(|(seconds, nanos)| Instant { seconds, nanos });
            assert_eq!(timestamp(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_timestamp_travels_through_serde() {
        let tree = Tree::List(vec![Tree::Timestamp(Instant { seconds: -5, nanos: 999_999_999 })]);
        assert_eq!(Tree::deserialize(&tree), Ok(tree.clone()));
    }
}
