//! INTERVAL, from DuckDB's own spelling (`1 day 02:03:04`, `1 year 2 months`, `3 weeks`, `1.5 hours`, `1 day ago`) or
//! from an ISO 8601 duration (`P1Y2M3DT4H5M6.7S`, `P2W`, `-P1D`).
//!
//! A fraction of a unit goes to the units below it: half a month is 15 days, half a day is 12 hours. A rest below a microsecond is rounded. Months,
//! days and microseconds stay apart, as DuckDB keeps them.

use super::number::{Decimal, Rounding};
use crate::column::Interval;

const MICROS_PER_DAY: i128 = 86_400_000_000;
/// Amounts are held in billionths, which are finer than the microseconds of the type.
const AMOUNT_SCALE: u8 = 9;
const ONE: i128 = 1_000_000_000;

/// Reads an interval; the error describes the fault of the text.
///
/// # Errors
/// The text is not an interval, or one beyond the range of the type.
pub fn parse(text: &str) -> Result<Interval, &'static str> {
    let text = text.trim_ascii();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) if rest.starts_with(['P', 'p']) => (true, rest),
        _ => (false, text),
    };
    let mut sum = Sum::default();
    match unsigned.strip_prefix(['P', 'p']) {
        Some(iso) => parse_iso(iso, &mut sum)?,
        None => parse_words(unsigned, &mut sum)?,
    }
    sum.finish(negative)
}

/// The interval so far, in the three units of the type; the microseconds in billionths.
#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    nano_micros: i128,
}

const FORM: &str = "expected amounts with units, hh:mm:ss, or an ISO 8601 duration";
const LARGE: &str = "too large for an INTERVAL";

impl Sum {
    /// Adds an amount (in billionths) of months.
    fn months(&mut self, amount: i128, each: i128) -> Option<()> {
        let amount = amount.checked_mul(each)?;
        self.months = self.months.checked_add(amount / ONE)?;
        self.days(amount % ONE, 30)
    }

    fn days(&mut self, amount: i128, each: i128) -> Option<()> {
        let amount = amount.checked_mul(each)?;
        self.days = self.days.checked_add(amount / ONE)?;
        self.micros(amount % ONE, MICROS_PER_DAY)
    }

    fn micros(&mut self, amount: i128, each: i128) -> Option<()> {
        self.nano_micros = self.nano_micros.checked_add(amount.checked_mul(each)?)?;
        Some(())
    }

    /// Adds an amount of a unit by the name that DuckDB gives it.
    fn add(&mut self, amount: i128, unit: &str) -> Result<(), &'static str> {
        match unit.to_ascii_lowercase().as_str() {
            "millennium" | "millennia" | "millenniums" | "mil" | "mils" => self.months(amount, 12_000),
            "century" | "centuries" | "cent" | "c" => self.months(amount, 1200),
            "decade" | "decades" | "dec" | "decs" => self.months(amount, 120),
            "year" | "years" | "yr" | "yrs" | "y" => self.months(amount, 12),
            "quarter" | "quarters" => self.months(amount, 3),
            "month" | "months" | "mon" | "mons" => self.months(amount, 1),
            "week" | "weeks" | "w" => self.days(amount, 7),
            "day" | "days" | "d" => self.days(amount, 1),
            "hour" | "hours" | "hr" | "hrs" | "h" => self.micros(amount, 3_600_000_000),
            "minute" | "minutes" | "min" | "mins" | "m" => self.micros(amount, 60_000_000),
            "second" | "seconds" | "sec" | "secs" | "s" => self.micros(amount, 1_000_000),
            "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => self.micros(amount, 1000),
            "microsecond" | "microseconds" | "usec" | "usecs" | "us" => self.micros(amount, 1),
            _ => return Err("unknown unit"),
        }
        .ok_or(LARGE)
    }

    fn finish(self, negative: bool) -> Result<Interval, &'static str> {
        let half = self.nano_micros.signum() * (ONE / 2);
        let micros = self.nano_micros.checked_add(half).ok_or(LARGE)? / ONE;
        let sign = if negative { -1 } else { 1 };
        Ok(Interval {
            months: i32::try_from(sign * self.months).map_err(|_| LARGE)?,
            days: i32::try_from(sign * self.days).map_err(|_| LARGE)?,
            micros: i64::try_from(sign * micros).map_err(|_| LARGE)?,
        })
    }
}

/// Amounts with units, with or without spaces, and at most one `[-]hh:mm[:ss]`; `ago` at the end turns the sign.
fn parse_words(text: &str, sum: &mut Sum) -> Result<(), &'static str> {
    let mut rest = text.strip_prefix('@').unwrap_or(text).trim_ascii();
    if rest.is_empty() {
        return Err(FORM);
    }
    while !rest.is_empty() {
        let (amount, after) = take(rest, |c| c.is_ascii_digit() || matches!(c, '.' | '-' | ':'));
        if amount.contains(':') {
            clock(amount, sum)?;
            rest = after.trim_ascii_start();
            continue;
        }
        let (unit, after) = take(after.trim_ascii_start(), |c| c.is_ascii_alphabetic());
        if amount.is_empty() && unit.eq_ignore_ascii_case("ago") && after.is_empty() && rest.len() < text.len() {
            *sum = Sum { months: -sum.months, days: -sum.days, nano_micros: -sum.nano_micros };
            return Ok(());
        }
        // A number alone is seconds, as in DuckDB.
        let unit = if unit.is_empty() && after.is_empty() && rest.len() == text.len() { "s" } else { unit };
        sum.add(billionths(amount)?, unit)?;
        rest = after.trim_ascii_start();
    }
    Ok(())
}

/// `[-]hh:mm[:ss[.fraction]]`; hours may exceed a day.
fn clock(text: &str, sum: &mut Sum) -> Result<(), &'static str> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut parts = digits.split(':');
    for (unit, most) in [("h", i128::MAX), ("m", 60 * ONE), ("s", 60 * ONE)] {
        let Some(part) = parts.next() else { break };
        let amount = billionths(part)?;
        if part.starts_with('-') || amount >= most || (unit != "s" && part.contains('.')) {
            return Err(FORM);
        }
        sum.add(sign * amount, unit)?;
    }
    if parts.next().is_some() { Err(FORM) } else { Ok(()) }
}

/// The part of an ISO 8601 duration behind the `P`.
fn parse_iso(text: &str, sum: &mut Sum) -> Result<(), &'static str> {
    let mut rest = text;
    let mut in_time = false;
    let mut any = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix(['T', 't'])
            && !in_time
        {
            in_time = true;
            any = false;
            rest = time;
            continue;
        }
        let (amount, after) = take(rest, |c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
        let (letter, after) = after.split_at_checked(1).ok_or(FORM)?;
        let unit = match (letter.to_ascii_uppercase().as_str(), in_time) {
            ("Y", false) => "y",
            ("M", false) => "mon",
            ("W", false) => "w",
            ("D", false) => "d",
            ("H", true) => "h",
            ("M", true) => "m",
            ("S", true) => "s",
            _ => return Err(FORM),
        };
        sum.add(billionths(&amount.replace(',', "."))?, unit)?;
        any = true;
        rest = after;
    }
    if any { Ok(()) } else { Err(FORM) }
}

fn take(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn billionths(number: &str) -> Result<i128, &'static str> {
    let number = Decimal::parse(number).ok_or(FORM)?;
    number.scaled(AMOUNT_SCALE, Rounding::HalfAwayFromZero).and_then(|n| n.to_i128()).ok_or(LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_both_spellings() {
        const H: i64 = 3_600_000_000;
        for (text, months, days, micros) in [
            ("1 day", 0, 1, 0),
            ("1 day 02:03:04", 0, 1, 7_384_000_000),
            ("1 day -02:03", 0, 1, -7_380_000_000),
            ("02:03:04.5", 0, 0, 7_384_500_000),
            ("100:02:03", 0, 0, 360_123_000_000),
            ("1 year 2 months", 14, 0, 0),
            ("-1 day", 0, -1, 0),
            ("1 day ago", 0, -1, 0),
            ("1d", 0, 1, 0),
            ("1day2hours", 0, 1, 2 * H),
            ("3 weeks", 0, 21, 0),
            ("1.5 days", 0, 1, 12 * H),
            ("-1.5 days", 0, -1, -12 * H),
            ("1.5 months", 1, 15, 0),
            ("1.55 months", 1, 16, 12 * H),
            ("1.5 years", 18, 0, 0),
            ("1.7 weeks", 0, 11, 77_760_000_000),
            ("1 month -2 days", 1, -2, 0),
            ("10 ms", 0, 0, 10_000),
            ("2 us", 0, 0, 2),
            ("1.0000005 seconds", 0, 0, 1_000_001),
            ("1 quarter", 3, 0, 0),
            ("1 CENTURY", 1200, 0, 0),
            ("@ 1 day", 0, 1, 0),
            ("1", 0, 0, 1_000_000),
            ("P1DT2H", 0, 1, 2 * H),
            ("P1Y2M3DT4H5M6.789S", 14, 3, 14_706_789_000),
            ("P2W", 0, 14, 0),
            ("-P1D", 0, -1, 0),
            ("P-1D", 0, -1, 0),
            ("PT0,5S", 0, 0, 500_000),
            ("p1dt2h", 0, 1, 2 * H),
        ] {
            assert_eq!(parse(text), Ok(Interval { months, days, micros }), "{text}");
        }
    }

    #[test]
    fn broken_intervals() {
        for text in [
            "",
            "day",
            "x",
            "1 fortnight",
            "1 day 1",
            "1 day, 2 hours",
            "P",
            "PT",
            "P1DT",
            "P1H",
            "PT1D",
            "P1",
            "ago",
            "1:2:3:4",
            "1:61",
            "1.5:00",
            "1-2 days",
            "P1é",
            "99999999999 days",
            "1e9 years",
        ] {
            assert!(parse(text).is_err(), "{text}: {:?}", parse(text));
        }
    }
}
