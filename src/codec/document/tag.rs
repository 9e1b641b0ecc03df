//! The tags of CBOR (RFC 8949 and its registry) that give a value its meaning.

use super::big;
use super::tree::Tree;
use crate::codec::scalar::Instant;

/// A decimal with more places than that is written with an exponent.
const MOST_PLACES: usize = 38;

/// The value that a tag makes of the value under it; an unknown tag leaves it as it is.
///
/// | tag | value |
/// |---|---|
/// | 0, 1004 | a time or date as text: the text |
/// | 1 | seconds since 1970: a timestamp, to the microsecond |
/// | 2, 3 | integers; of more than 128 bits their text |
/// | 4 | exponent and mantissa of a decimal: its text |
/// | 37 | a UUID: its text |
/// | 100 | days since 1970: a timestamp at midnight |
pub(super) fn apply(tag: u64, value: Tree) -> Tree {
    let applied = match (tag, &value) {
        (1, value) => epoch(value),
        (2, Tree::Bytes(bytes)) => big::digits(bytes).map(Tree::Text),
        (3, Tree::Bytes(bytes)) => negative(bytes),
        (4, Tree::List(parts)) => decimal(parts),
        (37, Tree::Bytes(bytes)) => <[u8; 16]>::try_from(bytes.as_slice()).ok().map(Tree::uuid),
        (100, value) => integer(value)
            .and_then(|days| i64::try_from(days).ok()?.checked_mul(86_400))
            .map(|seconds| Tree::Timestamp(Instant { seconds, nanos: 0 })),
        _ => None,
    };
    applied.unwrap_or(value)
}

/// The integer that is as far below -1 as a number says.
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
    let (mantissa, exponent) = (integer(mantissa)?, integer(exponent)?);
    Some(match exponent.checked_neg().and_then(|scale| usize::try_from(scale).ok()) {
        Some(scale @ 0..=MOST_PLACES) => Tree::decimal(mantissa, scale),
        _ => Tree::Text(format!("{mantissa}e{exponent}")),
    })
}

fn integer(value: &Tree) -> Option<i128> {
    match value {
        Tree::Int(v) => Some(*v),
        Tree::UInt(v) => i128::try_from(*v).ok(),
        _ => None,
    }
}
