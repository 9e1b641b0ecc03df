//! Times truncated to a bucket.

use std::fmt;

use crate::codec::scalar::Instant;
use crate::codec::scalar::time::utc_micros;
use crate::column::EpochUnit;

/// The seconds of a time that has a year of four digits: 0000 to 9999.
const SECONDS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

/// A length of time to which a key's time is truncated, counted from 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    count: i64,
    unit: Unit,
    epoch: Option<EpochUnit>,
}

/// The whole seconds of a number in a unit, downwards.
fn epoch_seconds(unit: EpochUnit, number: &str) -> Option<i64> {
    let scale = match unit {
        EpochUnit::Seconds => 1,
        EpochUnit::Millis => 1_000,
        EpochUnit::Micros => 1_000_000,
        EpochUnit::Nanos => 1_000_000_000,
    };
    whole(number)?.div_euclid(scale).try_into().ok()
}

/// The whole part of a decimal number, downwards: `1.5` is 1, `-1.5` is -2. None for any other text.
fn whole(number: &str) -> Option<i128> {
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(fraction) || !digits(integer.strip_prefix('-').unwrap_or(integer)) {
        return None;
    }
    let below = integer.starts_with('-') && fraction.bytes().any(|byte| byte != b'0');
    Some(integer.parse::<i128>().ok()? - i128::from(below))
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
    /// `30s`, `5m`, `1h`, `1d`: a count from 1 to 100000 and its unit; then perhaps `:s`, `:ms`, `:us` or `:ns`, the unit of
    /// a Unix epoch.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (text, epoch) = match text.split_once(':') {
            None => (text, None),
            Some((text, unit)) => (text, Some(EpochUnit::CHOICES.iter().find(|(name, _)| *name == unit)?.1)),
        };
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
        Some(Self { count, unit, epoch })
    }

    /// Appends the start of the bucket in which a time lies: ISO 8601, without a zone UTC, or, when the bucket has the unit of
    /// an epoch, a number. Printed without seconds when the bucket is whole minutes. None when the text is not such a time.
    pub(super) fn truncate(self, time: &str, out: &mut String) -> Option<()> {
        let seconds = match self.epoch {
            None => utc_micros(time)?.div_euclid(1_000_000),
            Some(epoch) => epoch_seconds(epoch, time).filter(|seconds| SECONDS.contains(seconds))?,
        };
        let start = Instant { seconds: seconds - seconds.rem_euclid(self.seconds()), nanos: 0 };
        match start.to_second() {
            Some(text) => {
                let printed = if self.is_minutes() { text.get(..16)? } else { &text };
                out.push_str(std::str::from_utf8(printed).ok()?);
            }
            None => {
                let text = start.to_string();
                let printed = text.strip_suffix('Z')?;
                out.push_str(if self.is_minutes() { printed.strip_suffix(":00")? } else { printed });
            }
        }
        Some(())
    }

    /// The number of `:` in a printed time.
    pub(super) fn colons(self) -> usize {
        if self.is_minutes() { 1 } else { 2 }
    }

    /// The form that a time must have, for an error.
    pub(super) fn wants(self) -> String {
        let unit = |epoch| EpochUnit::CHOICES.iter().find(|(_, unit)| *unit == epoch).map_or("", |(name, _)| name);
        match self.epoch {
            None => "a time (ISO 8601)".to_owned(),
            Some(epoch) => format!("a Unix epoch in {}", unit(epoch)),
        }
    }

    /// Whether a text that is not a time would be one if the template named the unit of an epoch.
    pub(super) fn lacks_unit(self, time: &str) -> bool {
        self.epoch.is_none() && whole(time).is_some()
    }

    fn seconds(self) -> i64 {
        self.count * self.unit.seconds()
    }

    fn is_minutes(self) -> bool {
        self.seconds() % 60 == 0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.letter())?;
        match EpochUnit::CHOICES.iter().find(|(_, unit)| Some(*unit) == self.epoch) {
            Some((name, _)) => write!(f, ":{name}"),
            None => Ok(()),
        }
    }
}
