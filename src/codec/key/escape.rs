//! Separates the values of a key: the characters that end a value in the key are percent-encoded inside values.
//!
//! Where a `:` stands between two parts, it ends the value before it, because no value has one. Any other text between two
//! parts ends the value by its first character, which is encoded in all values of the template. `%` always is. So a key
//! is read back in one way, from its beginning:
//!
//! - a value up to the first `:`, or the first character, of the text behind it;
//! - a time in buckets by its shape, which has one `:`, or two with seconds;
//! - a part that may be one or the other by the number of `:` in the key, as long as there is one such part.

use super::template::{Alternative, PartSource, Segment};
use crate::error::Result;

/// The characters, beside `:` and `%`, that are encoded in the values of a template.
///
/// # Errors
/// Two parts stand side by side; a text between two parts begins with `%`; two parts may be a time or something else. `fault` makes the error from
/// the position of a segment and the description of its fault.
pub(super) fn encoded(segments: &[Segment], fault: impl Fn(usize, &str) -> crate::error::Error) -> Result<Vec<char>> {
    let mut encoded = Vec::new();
    let mut unclear = 0;
    for (index, segment) in segments.iter().enumerate() {
        let after = segments.get(index + 1);
        match (segment, after) {
            (Segment::Part(_), Some(Segment::Part(_))) => {
                return Err(fault(index + 1, "two parts side by side: different values could make one key")
                    .advice("write a text between them, as in '{a}:{b}'"));
            }
            (Segment::Part(alternatives), after) => {
                let next = match after {
                    Some(Segment::Literal(text)) => text.chars().next(),
                    _ => None,
                };
                unclear += usize::from(!is_clear(alternatives, next));
                if unclear > 1 {
                    return Err(fault(
                        index,
                        "a second part that is a time in one row and a value in another: \
                        different values could make one key",
                    )
                    .advice("give all its alternatives a bucket of the same kind, or none"));
                }
            }
            (Segment::Literal(text), Some(_)) if index > 0 && !text.contains(':') => {
                let first = text.chars().next().unwrap_or_default();
                if first == '%' {
                    return Err(fault(
                        index,
                        "a text between two parts that begins with '%', by which values are encoded",
                    )
                    .advice("use another one, such as ':'"));
                }
                if !encoded.contains(&first) {
                    encoded.push(first);
                }
            }
            (Segment::Literal(_), _) => {}
        }
    }
    Ok(encoded)
}

/// Whether the key shows the kind of value of a part, whatever the rest of the key is. `next` is the character that follows the part.
fn is_clear(alternatives: &[Alternative], next: Option<char>) -> bool {
    // The number of `:` in the value: 0, or that of its bucket.
    let mut colons = None;
    alternatives.iter().all(|alternative| {
        let own = match (&alternative.bucket, &alternative.source) {
            (Some(bucket), _) => bucket.colons(),
            // Its first character shows that it is not a time.
            (None, PartSource::Text(text)) if !text.chars().next().or(next).is_some_and(begins_time) => return true,
            (None, _) => 0,
        };
        *colons.get_or_insert(own) == own
    })
}

fn begins_time(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '+' | '-')
}
