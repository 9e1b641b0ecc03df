//! BOOLEAN and the integers.

use super::number::{Decimal, Rounding, Whole};
use super::value::{ConversionError, Scalar};
use crate::column::Values;

/// Appends an integer to a buffer of any integer's layout.
pub(super) fn push(scalar: &Scalar<'_>, values: &mut Values) -> Result<(), ConversionError> {
    // Most numbers are of this form; others are looked at again.
    if let Scalar::Number(text) = scalar {
        let done = match values {
            Values::I64(out) => parsed(text, out),
            Values::I32(out) => parsed(text, out),
            Values::U64(out) => parsed(text, out),
            _ => false,
        };
        if done {
            return Ok(());
        }
    }
    if let Scalar::Int(value) = scalar {
        match values {
            Values::I64(out) => return within(*value, out),
            Values::I32(out) => return within(*value, out),
            _ => {}
        }
    }
    let value = whole(scalar)?;
    match values {
        Values::I8(out) => signed(value, out),
        Values::I16(out) => signed(value, out),
        Values::I32(out) => signed(value, out),
        Values::I64(out) => signed(value, out),
        Values::I128(out) => signed(value, out),
        Values::U8(out) => unsigned(value, out),
        Values::U16(out) => unsigned(value, out),
        Values::U32(out) => unsigned(value, out),
        Values::U64(out) => unsigned(value, out),
        Values::U128(out) => unsigned(value, out),
        _ => Err(ConversionError::Kind),
    }
}

/// Appends a number that has only digits and is in range; false for any other text.
fn parsed<T: std::str::FromStr>(text: &str, out: &mut Vec<T>) -> bool {
    text.parse().map(|value| out.push(value)).is_ok()
}

/// A scalar as BOOLEAN.
pub(super) fn boolean(scalar: &Scalar<'_>) -> Result<bool, ConversionError> {
    match *scalar {
        Scalar::Bool(v) => Ok(v),
        Scalar::Int(v) => Ok(v != 0),
        Scalar::UInt(v) => Ok(v != 0),
        Scalar::Float(v) => Ok(v != 0.0),
        Scalar::Number(text) => Decimal::parse(text).map(|n| !n.is_zero()).ok_or(ConversionError::Kind),
        Scalar::Text(text) => {
            let is = |word: &&str| text.eq_ignore_ascii_case(word);
            if ["true", "t", "yes"].iter().any(is) {
                Ok(true)
            } else if ["false", "f", "no"].iter().any(is) {
                Ok(false)
            } else {
                Err(ConversionError::Kind)
            }
        }
        _ => Err(ConversionError::Kind),
    }
}

/// A scalar as an integer of any size; a fraction is rounded half to even.
pub(super) fn whole(scalar: &Scalar<'_>) -> Result<Whole, ConversionError> {
    match *scalar {
        Scalar::Bool(v) => Ok(Whole::unsigned(u128::from(v))),
        Scalar::Int(v) => Ok(Whole::signed(v)),
        Scalar::UInt(v) => Ok(Whole::unsigned(v)),
        Scalar::Float(v) if !v.is_finite() => Err(ConversionError::Range),
        // Every double is a decimal number with a finite text, which Rust prints in full.
        Scalar::Float(v) => round(&format!("{v}")),
        Scalar::Number(text) => round(text),
        Scalar::Text(text) => from_text(text.trim_ascii()),
        _ => Err(ConversionError::Kind),
    }
}

fn round(number: &str) -> Result<Whole, ConversionError> {
    Decimal::parse(number).ok_or(ConversionError::Kind)?.scaled(0, Rounding::HalfEven).ok_or(ConversionError::Range)
}

/// Text of an integer: digits with an optional minus sign, or `0x` and hexadecimal digits.
fn from_text(text: &str) -> Result<Whole, ConversionError> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ConversionError::Kind);
        }
        return u128::from_str_radix(hex, 16).map(Whole::unsigned).map_err(|_| ConversionError::Range);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ConversionError::Kind);
    }
    round(text)
}

fn signed<T: TryFrom<i128>>(value: Whole, out: &mut Vec<T>) -> Result<(), ConversionError> {
    within(value.to_i128().ok_or(ConversionError::Range)?, out)
}

fn within<T: TryFrom<i128>>(value: i128, out: &mut Vec<T>) -> Result<(), ConversionError> {
    out.push(T::try_from(value).map_err(|_| ConversionError::Range)?);
    Ok(())
}

fn unsigned<T: TryFrom<u128>>(value: Whole, out: &mut Vec<T>) -> Result<(), ConversionError> {
    out.push(value.to_u128().and_then(|v| T::try_from(v).ok()).ok_or(ConversionError::Range)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::pushed;
    use super::*;
    use crate::column::Type;

    #[test]
    fn integers_are_exact_and_range_checked() {
        let number = Scalar::Number;
        for (scalar, ty, expected) in [
            (number("1e3"), Type::Integer, Some("1000")),
            (number("1.5"), Type::Integer, Some("2")),
            (number("2.5"), Type::Integer, Some("2")),
            (number("-1.5"), Type::TinyInt, Some("-2")),
            (number("-0.5"), Type::UBigInt, Some("0")),
            (number("-128"), Type::TinyInt, Some("-128")),
            (number("-129"), Type::TinyInt, None),
            (number("255"), Type::UTinyInt, Some("255")),
            (number("256"), Type::UTinyInt, None),
            (number("-1"), Type::UInteger, None),
            (number("32768"), Type::SmallInt, None),
            (number("65535"), Type::USmallInt, Some("65535")),
            (number("9007199254740993"), Type::BigInt, Some("9007199254740993")),
            (number("9007199254740993.0"), Type::BigInt, Some("9007199254740993")),
            (number("9223372036854775807"), Type::BigInt, Some("9223372036854775807")),
            (number("9223372036854775808"), Type::BigInt, None),
            (number("-9223372036854775808"), Type::BigInt, Some("-9223372036854775808")),
            (number("18446744073709551615"), Type::UBigInt, Some("18446744073709551615")),
            (
                number("170141183460469231731687303715884105727"),
                Type::HugeInt,
                Some("170141183460469231731687303715884105727"),
            ),
            (
                number("-170141183460469231731687303715884105728"),
                Type::HugeInt,
                Some("-170141183460469231731687303715884105728"),
            ),
            (number("170141183460469231731687303715884105728"), Type::HugeInt, None),
            (
                number("340282366920938463463374607431768211455"),
                Type::UHugeInt,
                Some("340282366920938463463374607431768211455"),
            ),
            (number("1e400"), Type::HugeInt, None),
            (Scalar::Text(" 12 "), Type::Integer, Some("12")),
            (Scalar::Text("0x10"), Type::Integer, Some("16")),
            (Scalar::Text("1.5"), Type::Integer, None),
            (Scalar::Text("1e3"), Type::Integer, None),
            (Scalar::Text("+5"), Type::Integer, None),
            (Scalar::Text(""), Type::Integer, None),
            (Scalar::Bool(true), Type::Integer, Some("1")),
            (Scalar::Int(-5), Type::BigInt, Some("-5")),
            (Scalar::UInt(u128::MAX), Type::UHugeInt, Some("340282366920938463463374607431768211455")),
            (Scalar::Float(2.5), Type::Integer, Some("2")),
            (Scalar::Float(1e18), Type::BigInt, Some("1000000000000000000")),
            (Scalar::Float(f64::NAN), Type::Integer, None),
        ] {
            assert_eq!(pushed(scalar, &ty).ok().as_deref(), expected, "{scalar:?} as {ty}");
        }
    }

    #[test]
    fn booleans_come_from_booleans_numbers_and_words() {
        for (scalar, expected) in [
            (Scalar::Bool(false), Some("false")),
            (Scalar::Number("0"), Some("false")),
            (Scalar::Number("-0.0"), Some("false")),
            (Scalar::Number("0.5"), Some("true")),
            (Scalar::Text("TRUE"), Some("true")),
            (Scalar::Text("f"), Some("false")),
            (Scalar::Text("yes"), Some("true")),
            (Scalar::Text("1"), None),
            (Scalar::Text(""), None),
            (Scalar::Bytes(b"t"), None),
        ] {
            assert_eq!(pushed(scalar, &Type::Boolean).ok().as_deref(), expected, "{scalar:?}");
        }
    }
}
