//! Times truncated to a bucket.

use std::fmt;

use crate::codec::scalar::Instant;
use crate::codec::scalar::time::utc_micros;

/// A length of time to which a key's time is truncated, counted from 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    count: i64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    fn seconds(self) -> i64 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
            Unit::Day => 86_400,
        }
    }

    fn letter(self) -> char {
        match self {
            Unit::Second => 's',
            Unit::Minute => 'm',
            Unit::Hour => 'h',
            Unit::Day => 'd',
        }
    }
}

impl Bucket {
    /// `30s`, `5m`, `1h`, `1d`: a count from 1 to 100000 and its unit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unit = match text.chars().last()? {
            's' => Unit::Second,
            'm' => Unit::Minute,
            'h' => Unit::Hour,
            'd' => Unit::Day,
            _ => return None,
        };
        let digits = &text[..text.len() - 1];
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok().filter(|count| (1..=100_000).contains(count))?;
        Some(Self { count, unit })
    }

    /// The start of the bucket in which an ISO 8601 time lies; a time without a zone is UTC. Printed without seconds
    /// when the bucket is whole minutes. None when the text is not a time.
    pub(super) fn truncate(self, time: &str) -> Option<String> {
        let length = self.count * self.unit.seconds();
        let seconds = utc_micros(time)?.div_euclid(1_000_000);
        let start = Instant { seconds: seconds - seconds.rem_euclid(length), nanos: 0 }.to_string();
        let printed = start.strip_suffix('Z')?;
        if length % 60 == 0 { printed.strip_suffix(":00").map(str::to_owned) } else { Some(printed.to_owned()) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.letter())
    }
}
