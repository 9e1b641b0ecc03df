//! A scalar of the wire as a serde visitor has it.

use serde::de::Visitor;

use super::payload_error::PayloadError;
use super::schema::{Kind, Schema};
use super::value::scalar;
use super::wire::Wire;
use crate::codec::scalar::Scalar;

/// A scalar as serde's visitor takes it.
pub(super) fn visit_scalar<'de, V: Visitor<'de>>(
    schema: &Schema,
    (kind, wire): (Kind, Wire<'_>),
    visitor: V,
) -> Result<V::Value, PayloadError> {
    if let (Kind::Float, Wire::Fixed32(bits)) = (kind, wire) {
        return visitor.visit_f32(f32::from_bits(bits));
    }
    scalar(schema, (kind, wire), |scalar| match scalar {
        Scalar::Bool(v) => visitor.visit_bool(v),
        Scalar::Int(v) => match (i64::try_from(v), u64::try_from(v)) {
            (Ok(v), _) => visitor.visit_i64(v),
            (_, Ok(v)) => visitor.visit_u64(v),
            _ => Err(PayloadError::new("an integer of more than 64 bits")),
        },
        Scalar::Float(v) => visitor.visit_f64(v),
        Scalar::Text(v) => visitor.visit_str(v),
        Scalar::Bytes(v) => visitor.visit_bytes(v),
        // Scalars of protobuf are none of the others.
        _ => visitor.visit_unit(),
    })
}
