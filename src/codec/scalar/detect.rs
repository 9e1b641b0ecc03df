//! The type of a text, when no type is given.

use super::value::Scalar;
use super::{text, time};
use crate::column::Type;

/// The digits of a second that a TIMESTAMP holds.
const MOST_DIGITS: usize = 6;

/// DATE, TIME, TIMESTAMP, TIMESTAMPTZ or UUID, when the text is one of those in the spelling that `read_json` detects: a
/// date with `-`, a timestamp with seconds (and at most six digits of their fraction) or with a zone, a zone as `Z` or
/// offset, a UUID with hyphens. Else VARCHAR.
pub(in crate::codec) fn detect(text: &str) -> Type {
    if text.len() == 36 && text::parse_uuid(text).is_some() {
        return Type::Uuid;
    }
    date_or_time(text).unwrap_or(Type::Varchar)
}

fn date_or_time(text: &str) -> Option<Type> {
    let belongs = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | ' ' | 'Z');
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with(' ') || !text.chars().all(belongs) {
        return None;
    }
    let scalar = Scalar::Text(text);
    let Some((_, time)) = text.split_once(['T', ' ']) else {
        if text.contains(':') {
            let zoned = text.contains(['Z', '+', '-']);
            return (!zoned && time::time_of_day(&scalar).is_ok()).then_some(Type::Time);
        }
        return time::date(&scalar).is_ok().then_some(Type::Date);
    };
    time::timestamp(&scalar, time::Unit::Micros).ok()?;
    if time.contains(['Z', '+', '-']) {
        Some(Type::TimestampTz)
    } else {
        let fraction = time.split_once('.').map_or("", |(_, digits)| digits);
        (time.matches(':').count() == 2 && fraction.len() <= MOST_DIGITS).then_some(Type::Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_detected_as_read_json_does() {
        for (text, ty) in [
            ("2024-01-15", Type::Date),
            ("2024-1-5", Type::Date),
            ("10:11:12", Type::Time),
            ("10:11:12.5", Type::Time),
            ("12:00", Type::Time),
            ("2024-01-15T10:00:00", Type::Timestamp),
            ("2024-01-15 10:00:00.123", Type::Timestamp),
            ("2024-01-15 10:00:00.123456", Type::Timestamp),
            ("2024-01-15 10:00:00.1234567", Type::Varchar),
            ("2024-01-15T10:00:00.123456789Z", Type::TimestampTz),
            ("2024-01-15T10:00Z", Type::TimestampTz),
            ("2024-01-15T10:00:00+0200", Type::TimestampTz),
            ("2024-01-15 10:00:00-02", Type::TimestampTz),
            ("5f1c6f2e-0b1c-4b8e-9d0a-0123456789ab", Type::Uuid),
            ("5F1C6F2E0B1C4B8E9D0A0123456789AB", Type::Varchar),
            ("2024-01-15 10:00", Type::Varchar),
            ("2024-01-15 10:00:00 UTC", Type::Varchar),
            ("2024-02-30", Type::Varchar),
            ("2024/01/15", Type::Varchar),
            ("20240115", Type::Varchar),
            ("10:11:12+02", Type::Varchar),
            ("infinity", Type::Varchar),
            (" 2024-01-15", Type::Varchar),
            ("2024-01-15 ", Type::Varchar),
            ("2", Type::Varchar),
            ("", Type::Varchar),
            ("é", Type::Varchar),
        ] {
            assert_eq!(detect(text), ty, "{text}");
        }
    }
}
