//! FLOAT and DOUBLE.

use super::value::{ConversionError, Scalar};

/// A scalar as DOUBLE.
pub(super) fn double(scalar: &Scalar<'_>) -> Result<f64, ConversionError> {
    match *scalar {
        Scalar::Bool(v) => Ok(f64::from(u8::from(v))),
        Scalar::Int(v) => Ok(v as f64),
        Scalar::UInt(v) => Ok(v as f64),
        Scalar::Float(v) => Ok(v),
        Scalar::Number(text) => finite(text.parse().map_err(|_| ConversionError::Kind)?, f64::is_finite),
        Scalar::Text(text) => from_text(text, f64::is_finite),
        _ => Err(ConversionError::Kind),
    }
}

/// A scalar as FLOAT.
pub(super) fn single(scalar: &Scalar<'_>) -> Result<f32, ConversionError> {
    match *scalar {
        Scalar::Bool(v) => Ok(f32::from(u8::from(v))),
        Scalar::Int(v) => Ok(v as f32),
        Scalar::UInt(v) => Ok(v as f32),
        Scalar::Float(v) if v.is_finite() => finite(v as f32, f32::is_finite),
        Scalar::Float(v) => Ok(v as f32),
        Scalar::Number(text) => finite(text.parse().map_err(|_| ConversionError::Kind)?, f32::is_finite),
        Scalar::Text(text) => from_text(text, f32::is_finite),
        _ => Err(ConversionError::Kind),
    }
}

/// The number of a text. `NaN`, `inf` and `Infinity` are values; a number beyond the range is an error.
fn from_text<T: std::str::FromStr + Copy>(text: &str, is_finite: fn(T) -> bool) -> Result<T, ConversionError> {
    let text = text.trim_ascii();
    let value = text.parse().map_err(|_| ConversionError::Kind)?;
    if text.bytes().any(|b| b.is_ascii_digit()) { finite(value, is_finite) } else { Ok(value) }
}

fn finite<T: Copy>(value: T, is_finite: fn(T) -> bool) -> Result<T, ConversionError> {
    if is_finite(value) { Ok(value) } else { Err(ConversionError::Range) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::pushed;
    use super::*;
    use crate::column::Type;

    #[test]
    fn floats_take_the_nearest_value_in_range() {
        let number = Scalar::Number;
        for (scalar, ty, expected) in [
            (number("1"), Type::Double, Some("1.0")),
            (number("-0"), Type::Double, Some("-0.0")),
            (number("42.5"), Type::Float, Some("42.5")),
            (number("9007199254740993"), Type::Double, Some("9007199254740992.0")),
            (number("1e400"), Type::Double, None),
            (number("1e39"), Type::Float, None),
            (number("1e-400"), Type::Double, Some("0.0")),
            (Scalar::Text("1e3"), Type::Double, Some("1000.0")),
            (Scalar::Text("NaN"), Type::Double, Some("NaN")),
            (Scalar::Text("-Infinity"), Type::Float, Some("-inf")),
            (Scalar::Text("1e999"), Type::Double, None),
            (Scalar::Text(""), Type::Double, None),
            (Scalar::Bool(true), Type::Double, Some("1.0")),
            (Scalar::Float(f64::NAN), Type::Float, Some("NaN")),
            (Scalar::Float(1e300), Type::Float, None),
            (Scalar::Int(-3), Type::Float, Some("-3.0")),
        ] {
            assert_eq!(pushed(scalar, &ty).ok().as_deref(), expected, "{scalar:?} as {ty}");
        }
    }
}
