//! The server's time stamps: RFC 3339 with up to nine digits of fraction, in UTC
//! (`2024-01-15T10:32:45.123456789Z`), as ADR-31 and the JetStream API write them.

/// Nanoseconds since 1970-01-01 UTC; None when the text is not such a time stamp or lies outside 1677 to 2262.
pub(super) fn parse_utc(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        date[range].iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    if date[4] != b'-' || date[7] != b'-' || !matches!(date[10], b'T' | b' ') || date[13] != b':' || date[16] != b':' {
        return None;
    }
    let days = days_from_civil(number(0..4)?, number(5..7)?, number(8..10)?);
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
pub fn format_utc(micros: i64) -> Option<String> {
    let (days, within) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (year, month, day) = civil_from_days(days);
    if !(0..=9_999).contains(&year) {
        return None;
    }
    let (seconds, fraction) = (within / 1_000_000, within % 1_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"))
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted in 400-year eras from 1 March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
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
