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
