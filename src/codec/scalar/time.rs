//! DATE, TIME and the timestamps, from ISO 8601 text or from an epoch.
//!
//! The spellings are those that DuckDB's casts accept: `2024-01-15`, `2024-1-5`, `2024/01/15`, `10:11`, `10:11:12`,
//! a fraction of any length (digits beyond the type's precision fall away), `T` or a space between date and time, `Z`,
//! `UTC` or an offset `+02`, `+0230`, `+02:30`, `+02:30:15` behind it, years of any length, `(BC)` behind the date,
//! `24:00:00`, and `epoch`.
//!
//! Every timestamp is UTC: one with an offset is converted (some releases of DuckDB drop the offset when they cast text
//! to TIMESTAMP, others convert it), one without is UTC already. DATE and TIME, which have no zone, take date and time
//! as they are written. `infinity` and `-infinity` are those of DuckDB. Leap seconds and zone names are errors.
//!
//! The years are those that DuckDB allows (to 5881580 in a DATE, to 294246 in a TIMESTAMP).

use super::instant::{DAY_SECONDS, Instant};
use super::iso::{self, Written};
use super::number::{Decimal, Rounding};
use super::value::{ConversionError, Scalar};
use crate::calendar::days_from_date;
use crate::column::EpochUnit;

/// The unit in which a timestamp type counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

/// A scalar as days since 1970-01-01.
pub(super) fn date(scalar: &Scalar<'_>) -> Result<i32, ConversionError> {
    if let Some(sign) = infinity(scalar) {
        return Ok(sign * i32::MAX);
    }
    let days = match scalar {
        Scalar::Text(text) => written(text)?.days,
        Scalar::Timestamp(instant) => instant.seconds.div_euclid(DAY_SECONDS),
        _ => return Err(ConversionError::Kind),
    };
    // The extreme values are DuckDB's infinities.
    match i32::try_from(days) {
        Ok(days) if days.unsigned_abs() < i32::MAX.unsigned_abs() => Ok(days),
        _ => Err(ConversionError::Range),
    }
}

/// A scalar as microseconds since midnight; 24:00:00 is one of them.
pub(super) fn time_of_day(scalar: &Scalar<'_>) -> Result<i64, ConversionError> {
    let time = match scalar {
        Scalar::Text(text) => {
            let mut cursor = Cursor::new(text);
            match cursor.time() {
                Some(time) if cursor.zone()?.is_some() || cursor.at_end() => time,
                _ => written(text)?.time.ok_or(ConversionError::Kind)?,
            }
        }
        Scalar::Timestamp(instant) => Instant { seconds: instant.seconds.rem_euclid(DAY_SECONDS), ..*instant },
        _ => return Err(ConversionError::Kind),
    };
    Ok(time.seconds * 1_000_000 + i64::from(time.nanos / 1000))
}

/// A scalar as a count of units since 1970-01-01 UTC.
pub(super) fn timestamp(scalar: &Scalar<'_>, unit: Unit) -> Result<i64, ConversionError> {
    if let Some(sign) = infinity(scalar) {
        return Ok(i64::from(sign) * i64::MAX);
    }
    finite(scalar, unit)
}

/// As [`timestamp`], for a finite time.
fn finite(scalar: &Scalar<'_>, unit: Unit) -> Result<i64, ConversionError> {
    let value = match *scalar {
        Scalar::Text(text) => {
            let written = written(text)?;
            if let (Unit::Micros, Some(time)) = (unit, written.time)
                && iso::YEARS.contains(&written.days)
            {
                let seconds = written.days * DAY_SECONDS + time.seconds - written.offset;
                return Ok(seconds * 1_000_000 + i64::from(time.nanos / 1000));
            }
            let time = written.time.unwrap_or(Instant { seconds: 0, nanos: 0 });
            let seconds = written.days.saturating_mul(DAY_SECONDS).saturating_add(time.seconds - written.offset);
            count(Instant { seconds, nanos: time.nanos }, unit)
        }
        Scalar::Timestamp(instant) => count(instant, unit),
        Scalar::Int(value) => value,
        Scalar::UInt(value) => i128::try_from(value).map_err(|_| ConversionError::Range)?,
        Scalar::Number(text) => epoch(text)?,
        Scalar::Float(value) if value.is_finite() => epoch(&format!("{value}"))?,
        _ => return Err(ConversionError::Kind),
    };
    let micros = match unit {
        Unit::Seconds => value.saturating_mul(1_000_000),
        Unit::Millis => value.saturating_mul(1000),
        Unit::Micros => value,
        Unit::Nanos => value.div_euclid(1000),
    };
    // The first microsecond that DuckDB allows; the last ones of 64 bits are its infinities.
    let first = i128::from(-9_223_372_022_400_000_000i64);
    match i64::try_from(value) {
        Ok(count) if count.unsigned_abs() < i64::MAX.unsigned_abs() && micros >= first && micros < i64::MAX.into() => {
            Ok(count)
        }
        _ => Err(ConversionError::Range),
    }
}

/// A scalar as microseconds since 1970-01-01 UTC, where a number, or the text of one, counts in a unit.
pub(super) fn epoch_micros(scalar: &Scalar<'_>, unit: EpochUnit) -> Result<i64, ConversionError> {
    let number = match *scalar {
        Scalar::Text(text) => Decimal::parse(text.trim_ascii()),
        Scalar::Number(text) => Some(Decimal::parse(text).ok_or(ConversionError::Kind)?),
        _ => None,
    };
    let (places, nanos_a_unit) = match unit {
        EpochUnit::Seconds => (9, 1_000_000_000),
        EpochUnit::Millis => (6, 1_000_000),
        EpochUnit::Micros => (3, 1_000),
        EpochUnit::Nanos => (0, 1),
    };
    let whole = |value: i128| value.checked_mul(nanos_a_unit).ok_or(ConversionError::Range);
    let nanos = match (number, *scalar) {
        (Some(number), _) => number.scaled(places, Rounding::HalfEven).and_then(|n| n.to_i128()),
        (None, Scalar::Int(value)) => Some(whole(value)?),
        (None, Scalar::UInt(value)) => Some(whole(i128::try_from(value).map_err(|_| ConversionError::Range)?)?),
        (None, Scalar::Float(value)) if value.is_finite() => Decimal::parse(&format!("{value}"))
            .and_then(|number| number.scaled(places, Rounding::HalfEven))
            .and_then(|n| n.to_i128()),
        _ => return timestamp(scalar, Unit::Micros),
    };
    finite(&Scalar::Int(nanos.ok_or(ConversionError::Range)?.div_euclid(1000)), Unit::Micros)
}

/// A text as microseconds since 1970-01-01 UTC; without a zone it is UTC. None when it is not a time.
pub(in crate::codec) fn utc_micros(text: &str) -> Option<i64> {
    finite(&Scalar::Text(text), Unit::Micros).ok()
}

/// A text as nanoseconds since 1970-01-01 UTC, as [`utc_micros`]; to the microsecond outside of the years 1678 to 2261.
pub(in crate::codec) fn utc_nanos(text: &str) -> Option<i128> {
    match finite(&Scalar::Text(text), Unit::Nanos) {
        Ok(nanos) => Some(nanos.into()),
        Err(_) => utc_micros(text).map(|micros| i128::from(micros) * 1000),
    }
}

/// 1 or -1 for the text of an infinite time.
fn infinity(scalar: &Scalar<'_>) -> Option<i32> {
    let Scalar::Text(text) = scalar else { return None };
    let word = text.trim_ascii();
    let (sign, word) = word.strip_prefix('-').map_or((1, word), |word| (-1, word));
    word.eq_ignore_ascii_case("infinity").then_some(sign)
}

fn epoch(number: &str) -> Result<i128, ConversionError> {
    let number = Decimal::parse(number).ok_or(ConversionError::Kind)?;
    number.scaled(0, Rounding::HalfEven).and_then(|n| n.to_i128()).ok_or(ConversionError::Range)
}

/// An instant in units: seconds and milliseconds are rounded from whole microseconds, as DuckDB casts.
fn count(instant: Instant, unit: Unit) -> i128 {
    let nanos = i128::from(instant.seconds) * 1_000_000_000 + i128::from(instant.nanos);
    let micros = nanos.div_euclid(1000);
    let nearest = |per: i128| (micros + micros.signum() * per / 2) / per;
    match unit {
        Unit::Seconds => nearest(1_000_000),
        Unit::Millis => nearest(1000),
        Unit::Micros => micros,
        Unit::Nanos => nanos,
    }
}

/// Reads a text that starts with a date.
#[inline]
fn written(text: &str) -> Result<Written, ConversionError> {
    iso::written(text.as_bytes()).map_or_else(|| written_freely(text), Ok)
}

/// Reads any spelling.
fn written_freely(text: &str) -> Result<Written, ConversionError> {
    let word = text.trim_ascii();
    if word.eq_ignore_ascii_case("epoch") {
        return Ok(Written { days: 0, time: None, offset: 0 });
    }
    let mut cursor = Cursor::new(text);
    let days = cursor.date().ok_or(ConversionError::Kind)?;
    if cursor.at_end() {
        return Ok(Written { days, time: None, offset: 0 });
    }
    if !(cursor.eat(b'T') || cursor.eat(b't') || cursor.eat_spaces()) {
        return Err(ConversionError::Kind);
    }
    let time = cursor.time().ok_or(ConversionError::Kind)?;
    let offset = cursor.zone()?.unwrap_or(0);
    if cursor.at_end() { Ok(Written { days, time: Some(time), offset }) } else { Err(ConversionError::Kind) }
}

/// A cursor over the bytes of a date or time.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim_ascii().as_bytes() }
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn eat_word(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn eat_spaces(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_ascii_start();
        self.rest.len() < before
    }

    /// A number of one to `most` digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        let end = self.rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.rest.len()).min(most);
        let (digits, rest) = self.rest.split_at(end);
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    }

    /// `year-month-day`, perhaps with `(BC)`, as days since 1970-01-01.
    fn date(&mut self) -> Option<i64> {
        let negative = self.eat(b'-');
        let mut year = self.number(7)?;
        let separator = if self.eat(b'-') { b'-' } else { b'/' };
        if separator == b'/' && !self.eat(b'/') {
            return None;
        }
        let month = self.number(2)?;
        if !self.eat(separator) {
            return None;
        }
        let day = self.number(2)?;
        if negative {
            year = -year;
        }
        if self.eat_word(" (BC)") {
            year = 1 - year;
        }
        days_from_date(year, month, day)
    }

    /// `hour:minute[:second[.fraction]]` since midnight.
    fn time(&mut self) -> Option<Instant> {
        let hour = self.number(2)?;
        if !self.eat(b':') {
            return None;
        }
        let minute = self.number(2)?;
        let second = if self.eat(b':') { self.number(2)? } else { 0 };
        let mut nanos = 0;
        if self.eat(b'.') {
            let end = self.rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            self.rest = rest;
            let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
            nanos = padded.fold(0u32, |n, digit| n * 10 + u32::from(digit - b'0'));
        }
        let last = hour == 24 && minute == 0 && second == 0 && nanos == 0;
        let valid = last || (hour < 24 && minute < 60 && second < 60);
        valid.then_some(Instant { seconds: hour * 3600 + minute * 60 + second, nanos })
    }

    /// `Z`, `UTC` or an offset, as seconds east of UTC; None when there is nothing more.
    fn zone(&mut self) -> Result<Option<i64>, ConversionError> {
        self.eat_spaces();
        if self.eat(b'Z') || self.eat(b'z') || self.eat_word("UTC") {
            return if self.at_end() { Ok(Some(0)) } else { Err(ConversionError::Kind) };
        }
        let sign = match self.rest.first() {
            None => return Ok(None),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(b'A'..=b'Z' | b'a'..=b'z') => {
                return Err(ConversionError::Because("write the zone as Z or as an offset"));
            }
            Some(_) => return Err(ConversionError::Kind),
        };
        let offset = Cursor { rest: self.rest.split_first().map_or(&[], |(_, rest)| rest) }.offset();
        self.rest = &[];
        offset.map(|seconds| Some(sign * seconds)).ok_or(ConversionError::Kind)
    }

    /// `hh`, `hhmm`, `hh:mm` or `hh:mm:ss` and nothing more, in seconds.
    fn offset(mut self) -> Option<i64> {
        let hours = self.two_digits()?;
        let mut minutes = 0;
        let mut seconds = 0;
        if !self.at_end() {
            self.eat(b':');
            minutes = self.two_digits()?;
            if !self.at_end() {
                self.eat(b':');
                seconds = self.two_digits()?;
            }
        }
        let valid = self.at_end() && hours < 24 && minutes < 60 && seconds < 60;
        valid.then_some(hours * 3600 + minutes * 60 + seconds)
    }

    fn two_digits(&mut self) -> Option<i64> {
        let before = self.rest.len();
        self.number(2).filter(|_| before - self.rest.len() == 2)
    }
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
