//! The scalar visits of a serde visitor.

/// Implements the scalar visits of a serde visitor by one method that takes a [`Scalar`](super::scalar::Scalar).
macro_rules! visit_scalars {
    ($method:ident) => {
        fn visit_bool<E: de::Error>(self, v: bool) -> Result<(), E> {
            self.$method(Scalar::Bool(v))
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<(), E> {
            self.$method(Scalar::Int(v.into()))
        }
        fn visit_i128<E: de::Error>(self, v: i128) -> Result<(), E> {
            self.$method(Scalar::Int(v))
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<(), E> {
            self.$method(Scalar::UInt(v.into()))
        }
        fn visit_u128<E: de::Error>(self, v: u128) -> Result<(), E> {
            self.$method(Scalar::UInt(v))
        }
        fn visit_f64<E: de::Error>(self, v: f64) -> Result<(), E> {
            self.$method(Scalar::Float(v))
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<(), E> {
            self.$method(Scalar::Text(v))
        }
        fn visit_bytes<E: de::Error>(self, v: &[u8]) -> Result<(), E> {
            self.$method(Scalar::Bytes(v))
        }
        fn visit_unit<E: de::Error>(self) -> Result<(), E> {
            self.$method(Scalar::Null)
        }
        fn visit_none<E: de::Error>(self) -> Result<(), E> {
            self.$method(Scalar::Null)
        }
        fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
            value.deserialize_any(self)
        }
        fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
            let tree = crate::codec::document::read::extension(value)?;
            self.$method(tree.scalar().unwrap_or(Scalar::Null))
        }
    };
}
pub(in crate::codec) use visit_scalars;
