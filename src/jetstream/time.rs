//! The server's time stamps: RFC 3339 with up to nine digits of fraction, in UTC
//! (`2024-01-15T10:32:45.123456789Z`), as ADR-31 and the JetStream API write them.

use crate::calendar::{date_from_days, days_from_date};

/// Nanoseconds since 1970-01-01 UTC; None when the text is not such a time stamp or lies outside 1677 to 2262.
pub(super) fn parse_utc(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        date[range].iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    if date[4] != b'-' || date[7] != b'-' || !matches!(date[10], b'T' | b' ') || date[13] != b':' || date[16] != b':' {
        return None;
    }
    let days = days_from_date(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let seconds = days * 86_400 + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?;
    let digits = match rest.first() {
        Some(b'.') => rest[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    if digits > 9 {
        return None;
    }
    let (fraction, zone) = if digits == 0 { (&[][..], rest) } else { (&rest[1..=digits], &rest[digits + 1..]) };
    if !matches!(zone, b"Z" | b"+00:00" | b" +0000 UTC") {
        return None;
    }
    let nanos = fraction.iter().fold(0_i64, |n, b| n * 10 + i64::from(b - b'0')) * 10_i64.pow(9 - digits as u32);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// RFC 3339 in UTC of a time in microseconds since 1970-01-01; None outside the years 0 to 9999.
#[must_use]
pub fn format_utc(micros: i64) -> Option<String> {
    let (days, within) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = date_from_days(days);
    if !(0..=9_999).contains(&year) {
        return None;
    }
    let (seconds, fraction) = (within / 1_000_000, within % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_wire() {
        let cases: [(&str, Option<i64>); 10] = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-01-15T10:32:45Z", Some(1_705_314_765_000_000_000)),
            ("2024-01-15T10:32:45.5Z", Some(1_705_314_765_500_000_000)),
            ("2024-01-15T10:32:45.123456789Z", Some(1_705_314_765_123_456_789)),
            ("2022-08-06 00:29:27.587861324 +0000 UTC", Some(1_659_745_767_587_861_324)),
            ("1969-12-31T23:59:59.999999999Z", Some(-1)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000)),
            ("2024-01-15T10:32:45", None),
            ("2024-01-15T10:32:4xZ", None),
            ("2263-01-01T00:00:00Z", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_utc(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn printing_and_reading_agree() {
        for micros in [0, -1, 1_705_314_765_123_456, 951_782_400_000_000, -2_208_988_800_000_000] {
            let text = format_utc(micros).unwrap();
            assert_eq!(parse_utc(text.as_bytes()), Some(micros * 1_000), "{text}");
        }
        assert_eq!(format_utc(i64::MAX), None);
    }
}
