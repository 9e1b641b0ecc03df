//! The tags of CBOR (RFC 8949 and its registry) that give a value its meaning.

use super::big;
use super::tree::Tree;
use crate::codec::scalar::Instant;

/// A decimal with more places than this is written with an exponent.
const MOST_PLACES: usize = 38;

/// The value with the meaning of its tag; an unknown tag leaves the value as it is.
///
/// | tag | value |
/// |---|---|
/// | 0, 1004 | a time or date as text: the text |
/// | 1 | seconds since 1970: a timestamp, to the microsecond |
/// | 2, 3 | integers; of more than 128 bits their text |
/// | 4 | exponent and mantissa of a decimal: its text, whatever its size |
/// | 5 | exponent and mantissa of a binary fraction: a double |
/// | 30 | numerator and denominator: a double, or the integer that it is |
/// | 37 | a UUID: its text |
/// | 100 | days since 1970: a timestamp at midnight |
pub(super) fn apply(tag: u64, value: Tree) -> Tree {
    let applied = match (tag, &value) {
        (1, value) => epoch(value),
        (2, Tree::Bytes(bytes)) => big::digits(bytes).map(Tree::Text),
        (3, Tree::Bytes(bytes)) => negative(bytes),
        (4, Tree::List(parts)) => decimal(parts),
        (5, Tree::List(parts)) => binary_fraction(parts),
        (30, Tree::List(parts)) => rational(parts),
        (37, Tree::Bytes(bytes)) => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(Tree::uuid),
        (100, value) => integer(value)
            .and_then(|days| i64::try_from(days).ok()?.checked_mul(86_400))
            .map(|seconds| Tree::Timestamp(Instant { seconds, nanos: 0 })),
        _ => None,
    };
    applied.unwrap_or(value)
}

/// The integer `-1 - n`.
fn negative(bytes: &[u8]) -> Option<Tree> {
    let mut magnitude = bytes.to_vec();
    big::add_one(&mut magnitude);
    big::digits(&magnitude).map(|digits| Tree::Text(format!("-{digits}")))
}

fn epoch(value: &Tree) -> Option<Tree> {
    if let Tree::Float(seconds) = value {
        let micros = (seconds * 1e6).round();
        if micros.abs() > 9.2e18 {
            return None;
        }
        let micros = micros as i64;
        let nanos = u32::try_from(micros.rem_euclid(1_000_000) * 1000).ok()?;
        return Some(Tree::Timestamp(Instant { seconds: micros.div_euclid(1_000_000), nanos }));
    }
    let seconds = i64::try_from(integer(value)?).ok()?;
    Some(Tree::Timestamp(Instant { seconds, nanos: 0 }))
}

fn decimal(parts: &[Tree]) -> Option<Tree> {
    let [exponent, mantissa] = parts else { return None };
    let exponent = integer(exponent)?;
    if let Tree::Text(large) = mantissa {
        return large_decimal(large, exponent);
    }
    let mantissa = integer(mantissa)?;
    Some(match exponent.checked_neg().and_then(|scale| usize::try_from(scale).ok()) {
        Some(scale @ 0..=MOST_PLACES) => Tree::decimal(mantissa, scale),
        _ => Tree::Text(format!("{mantissa}e{exponent}")),
    })
}

/// A decimal with a mantissa of more than 128 bits, as text, from the digits of the mantissa.
fn large_decimal(mantissa: &str, exponent: i128) -> Option<Tree> {
    let (digits, negative) = mantissa.strip_prefix('-').map_or((mantissa, false), |digits| (digits, true));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match exponent.checked_neg().and_then(|scale| usize::try_from(scale).ok()) {
        Some(scale @ 0..=MOST_PLACES) => Tree::decimal_of_digits(digits, negative, scale),
        _ => Tree::Text(format!("{mantissa}e{exponent}")),
    })
}

/// A mantissa times a power of two; infinite when it is beyond a double.
fn binary_fraction(parts: &[Tree]) -> Option<Tree> {
    let [exponent, mantissa] = parts else { return None };
    let (mantissa, exponent) = (integer(mantissa)?, integer(exponent)?);
    // Beyond these, every double is zero or infinite, whatever the mantissa.
    let exponent = i32::try_from(exponent.clamp(-2_000, 2_000)).ok()?;
    // In two steps, as a power of two alone may be beyond a double where the product is not.
    let half = exponent / 2;
    Some(Tree::Float(mantissa as f64 * 2f64.powi(half) * 2f64.powi(exponent - half)))
}

fn rational(parts: &[Tree]) -> Option<Tree> {
    let [numerator, denominator] = parts else { return None };
    let (numerator, denominator) = (integer(numerator)?, integer(denominator)?);
    if denominator == 0 {
        return None;
    }
    match (numerator.checked_rem(denominator), numerator.checked_div(denominator)) {
        (Some(0), Some(whole)) => Some(Tree::Int(whole)),
        _ => Some(Tree::Float(numerator as f64 / denominator as f64)),
    }
}

fn integer(value: &Tree) -> Option<i128> {
    match value {
        Tree::Int(v) => Some(*v),
        Tree::UInt(v) => i128::try_from(*v).ok(),
        _ => None,
    }
}
