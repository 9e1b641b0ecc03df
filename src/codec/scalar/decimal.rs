//! DECIMAL: exact from the number's text, rounded half away from zero.

use super::integer;
use super::number::{Decimal, Rounding, Whole};
use super::value::{ConversionError, Scalar};
use crate::column::Values;

/// Appends the unscaled number of a DECIMAL(width, scale) to a buffer of that layout.
pub(super) fn push(scalar: &Scalar<'_>, width: u8, scale: u8, values: &mut Values) -> Result<(), ConversionError> {
    let unscaled = match *scalar {
        Scalar::Number(text) => scaled(text, scale)?,
        Scalar::Text(text) => scaled(text.trim_ascii(), scale)?,
        Scalar::Float(v) if !v.is_finite() => return Err(ConversionError::Range),
        // The shortest text that reads back as the same double: the number that the sender wrote.
        Scalar::Float(v) => scaled(&format!("{v}"), scale)?,
        _ => {
            let whole = integer::whole(scalar)?;
            let magnitude = 10u128.checked_pow(scale.into()).and_then(|f| whole.magnitude.checked_mul(f));
            Whole { magnitude: magnitude.ok_or(ConversionError::Range)?, ..whole }
        }
    };
    if unscaled.magnitude >= 10u128.checked_pow(width.into()).ok_or(ConversionError::Range)? {
        return Err(ConversionError::Range);
    }
    let value = unscaled.to_i128().ok_or(ConversionError::Range)?;
    match values {
        Values::I16(out) => out.push(value.try_into().map_err(|_| ConversionError::Range)?),
        Values::I32(out) => out.push(value.try_into().map_err(|_| ConversionError::Range)?),
        Values::I64(out) => out.push(value.try_into().map_err(|_| ConversionError::Range)?),
        Values::I128(out) => out.push(value),
        _ => return Err(ConversionError::Kind),
    }
    Ok(())
}

fn scaled(text: &str, scale: u8) -> Result<Whole, ConversionError> {
    Decimal::parse(text)
        .ok_or(ConversionError::Kind)?
        .scaled(scale, Rounding::HalfAwayFromZero)
        .ok_or(ConversionError::Range)
}

#[cfg(test)]
mod tests {
    use super::super::tests::pushed;
    use super::*;
    use crate::column::Type;

    #[test]
    fn decimals_are_exact() {
        let number = Scalar::Number;
        for (scalar, (width, scale), expected) in [
            (number("1.5"), (18, 2), Some("150")),
            (number("1.005"), (5, 2), Some("101")),
            (number("-1.005"), (5, 2), Some("-101")),
            (number("1.004999"), (5, 2), Some("100")),
            (number("999.994"), (5, 2), Some("99999")),
            (number("999.995"), (5, 2), None),
            (number("1e2"), (5, 2), Some("10000")),
            (number("1e3"), (5, 2), None),
            (number("99.99"), (4, 2), Some("9999")),
            (number("123456789012345678.125"), (38, 2), Some("12345678901234567813")),
            (number("99999999999999999999999999.99"), (38, 2), Some("9999999999999999999999999999")),
            (number("0.1000000000000000055511151231257827"), (38, 34), Some("1000000000000000055511151231257827")),
            (number("-0.001"), (3, 2), Some("0")),
            (Scalar::Text(" 12.5 "), (9, 1), Some("125")),
            (Scalar::Text("+5"), (9, 0), Some("5")),
            (Scalar::Text("x"), (9, 0), None),
            (Scalar::Bool(true), (18, 2), Some("100")),
            (Scalar::Int(-7), (18, 2), Some("-700")),
            (Scalar::UInt(u128::MAX), (38, 2), None),
            (Scalar::Float(0.1), (18, 17), Some("10000000000000000")),
            (Scalar::Float(f64::INFINITY), (18, 2), None),
        ] {
            let ty = Type::Decimal { width, scale };
            assert_eq!(pushed(scalar, &ty).ok().as_deref(), expected, "{scalar:?} as {ty}");
        }
    }
}
