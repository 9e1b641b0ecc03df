//! A moment in time.

use std::fmt;

use crate::calendar::date_from_days;

/// The seconds of a day.
pub(super) const DAY_SECONDS: i64 = 86_400;

/// A moment: seconds since 1970-01-01 UTC and the nanoseconds (below 10^9) after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub struct Instant {
    pub seconds: i64,
    pub nanos: u32,
}

impl Instant {
    /// `2024-01-15T10:11:12`, the time in UTC to its whole second; None unless the year has four digits.
    pub(in crate::codec) fn to_second(self) -> Option<[u8; 19]> {
        let (year, month, day) = date_from_days(self.seconds.div_euclid(DAY_SECONDS));
        if !(0..10_000).contains(&year) {
            return None;
        }
        let second = self.seconds.rem_euclid(DAY_SECONDS);
        let mut text = *b"0000-00-00T00:00:00";
        let parts = [year / 100, year % 100, month, day, second / 3600, second / 60 % 60, second % 60];
        for (at, part) in [0, 2, 5, 8, 11, 14, 17].into_iter().zip(parts) {
            if let Some([tens, ones]) = text.get_mut(at..at + 2) {
                // All parts have two digits.
                *tens += (part / 10) as u8;
                *ones += (part % 10) as u8;
            }
        }
        Some(text)
    }
}

/// ISO 8601 in UTC, with as many digits of the second as are needed: `2024-01-15T10:11:12.5Z`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_from_days(self.seconds.div_euclid(DAY_SECONDS));
        let second = self.seconds.rem_euclid(DAY_SECONDS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_are_printed_as_all_are() {
        for seconds in
            (-62_167_219_200..253_402_300_800).step_by(9_999_999_967).chain([-62_167_219_200, 0, 253_402_300_799])
        {
            let instant = Instant { seconds, nanos: 0 };
            let text = instant.to_second().map(|text| String::from_utf8_lossy(&text).into_owned() + "Z");
            assert_eq!(text, Some(instant.to_string()));
        }
        for seconds in [-62_167_219_201, 253_402_300_800] {
            assert_eq!(Instant { seconds, nanos: 0 }.to_second(), None);
        }
    }
}
