//! The scalar view of a value: the scalar that goes into a column of a type that is not nested.
//!
//! The value and the column meet behind serde's generic traits, so a view crosses them in terms of serde's data model:
//! [`visit`] is the side of the value, [`ReadView`] the side of the column.
//!
//! | view | in serde |
//! |---|---|
//! | a scalar; the scalar in a wrapper | itself |
//! | `Timestamp` | the list of its seconds and nanoseconds |
//! | `Duration` | its nanoseconds as i128 |
//! | JSON of anything else | a newtype around its text |

use std::convert::Infallible;
use std::fmt;

use serde::de::value::SeqDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use super::json;
use super::payload_error::PayloadError;
use super::schema::{Kind, Known};
use super::seconds::Seconds;
use super::value::{Content, Value};
use super::visit::visit_scalar;
use super::wire::Wire;
use crate::codec::document::{Replay, Slot, Values};
use crate::codec::scalar::{Instant, Scalar};
use crate::column::Type;

/// Asks for the scalar view of a value, by [`Deserializer::deserialize_newtype_struct`].
const VIEW: &str = "protobuf scalar view";
/// The same, but for an enum's number instead of its name.
const NUMBER_VIEW: &str = "protobuf scalar view of a number";

/// Values go into columns as their scalar views.
pub(super) struct ScalarViews;

impl Values for ScalarViews {
    fn scalar<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> std::result::Result<(), D::Error> {
        fill(value, slot)
    }
}

impl Replay for ScalarViews {
    /// [`Rounds`](super::rounds::Rounds) sees to it that no value is read twice.
    type Copy<'de> = Infallible;

    fn copy<'de, D: Deserializer<'de>>(_: D) -> std::result::Result<Infallible, D::Error> {
        Err(de::Error::custom("a value of protobuf is not copied"))
    }

    fn replay<'c, S: DeserializeSeed<'c, Value = ()>>(copy: &'c Infallible, _: S) -> std::result::Result<(), String> {
        match *copy {}
    }
}

/// Reads a value into a column of a type that is not nested.
fn fill<'de, D: Deserializer<'de>>(value: D, slot: Slot<'_>) -> Result<(), D::Error> {
    let name = if takes_numbers(slot.ty) { NUMBER_VIEW } else { VIEW };
    let mut slot = Some(slot);
    let result = value.deserialize_newtype_struct(name, ReadView(&mut slot));
    match (result, slot) {
        // The value itself is at fault; noted here, the fault gets the path that the user wrote.
        (Err(fault), Some(slot)) => Err(slot.fail(fault.to_string())),
        (result, _) => result,
    }
}

fn takes_numbers(ty: &Type) -> bool {
    matches!(
        ty,
        Type::TinyInt
            | Type::SmallInt
            | Type::Integer
            | Type::BigInt
            | Type::HugeInt
            | Type::UTinyInt
            | Type::USmallInt
            | Type::UInteger
            | Type::UBigInt
            | Type::UHugeInt
            | Type::Float
            | Type::Double
            | Type::Decimal { .. }
    )
}

/// Whether a newtype's name asks for a scalar view, and if so, whether an enum is its number in it.
pub(super) fn asked(name: &str) -> Option<bool> {
    match name {
        VIEW => Some(false),
        NUMBER_VIEW => Some(true),
        _ => None,
    }
}

/// Hands the scalar view of a value to a visitor.
pub(super) fn visit<'de, V: Visitor<'de>>(
    value: Value<'_>,
    as_number: bool,
    visitor: V,
) -> Result<V::Value, PayloadError> {
    let value = value.dynamic()?.unwrapped()?;
    match &value.content {
        Content::Null => visitor.visit_unit(),
        Content::Scalar(Kind::Enum(_), Wire::Varint(number)) if as_number => visitor.visit_i32(*number as i32),
        Content::Scalar(kind, wire) => visit_scalar(value.schema, (*kind, *wire), visitor),
        Content::Message(message, pieces) if message.known == Some(Known::Timestamp) => {
            let Seconds { seconds, nanos } = Seconds::of(&value, message, pieces)?;
            visitor.visit_seq(SeqDeserializer::new([seconds, nanos.into()].into_iter()))
        }
        Content::Message(message, pieces) if message.known == Some(Known::Duration) => {
            visitor.visit_i128(Seconds::of(&value, message, pieces)?.total_nanos())
        }
        Content::Number(_) | Content::Message(..) | Content::List(..) | Content::Map(..) => {
            let mut json = Vec::new();
            json::write(value, &mut json)?;
            visitor.visit_newtype_struct(String::from_utf8_lossy(&json).into_deserializer())
        }
    }
}

/// Reads a scalar view into a column.
struct ReadView<'a, 's>(&'a mut Option<Slot<'s>>);

impl ReadView<'_, '_> {
    fn push<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        self.0.take().map_or(Ok(()), |slot| slot.push(scalar))
    }
}

impl<'de> Visitor<'de> for ReadView<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scalar view")
    }

    fn visit_f32<E: de::Error>(self, v: f32) -> Result<(), E> {
        match self.0.as_ref().map(|slot| slot.ty) {
            // By its shortest text: 0.1, not the double 0.10000000149011612.
            Some(ty) if v.is_finite() && !matches!(ty, Type::Float | Type::Double) => {
                self.push(Scalar::Number(&format!("{v:?}")))
            }
            _ => self.push(Scalar::Float(v.into())),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<(), A::Error> {
        let seconds = pair.next_element()?.unwrap_or_default();
        let nanos = pair.next_element::<i64>()?.and_then(|nanos| u32::try_from(nanos).ok()).unwrap_or_default();
        self.push(Scalar::Timestamp(Instant { seconds, nanos }))
    }

    fn visit_i128<E: de::Error>(self, nanos: i128) -> Result<(), E> {
        let seconds = Seconds::from_nanos(nanos).map_err(E::custom)?;
        match self.0.as_ref().map(|slot| slot.ty) {
            Some(Type::Interval) => self.push(Scalar::Text(&seconds.iso())),
            _ => self.push(Scalar::Text(&seconds.text())),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let json = String::deserialize(json)?;
        if json.starts_with(['{', '[']) { self.push(Scalar::Json(&json)) } else { self.push(Scalar::Number(&json)) }
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<(), E> {
        self.push(Scalar::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<(), E> {
        self.push(Scalar::Int(v.into()))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<(), E> {
        self.push(Scalar::UInt(v.into()))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<(), E> {
        self.push(Scalar::Float(v))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<(), E> {
        self.push(Scalar::Text(v))
    }

    fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<(), E> {
        self.push(Scalar::Bytes(v))
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.push(Scalar::Null)
    }
}
