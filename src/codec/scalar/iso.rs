//! The spelling of nearly all times, read by the positions of its digits: `2024-01-15T10:11:12`, with `T` or a space, perhaps a fraction of up to
//! nine digits, perhaps `Z`.

use super::instant::Instant;
use crate::calendar::days_from_date;

/// A date and a time of day as they are written, and the zone if there is one.
pub(super) struct Written {
    pub days: i64,
    /// The time since midnight; None when only a date is written.
    pub time: Option<Instant>,
    /// Seconds east of UTC.
    pub offset: i64,
}

/// The days of years that have four digits.
pub(super) const YEARS: std::ops::Range<i64> = -719_528..2_932_897;

/// A time in this spelling; None for every other text.
pub(super) fn written(text: &[u8]) -> Option<Written> {
    let (head, rest) = text.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = *head else {
        return None;
    };
    let nanos = match rest.strip_suffix(b"Z").unwrap_or(rest) {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => fraction(digits)?,
        _ => return None,
    };
    let year = i64::from(two(y1, y2)?) * 100 + i64::from(two(y3, y4)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_date(year, two(m1, m2)?.into(), two(d1, d2)?.into())?;
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(Written { days, time: Some(Instant { seconds, nanos }), offset: 0 })
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

fn fraction(digits: &[u8]) -> Option<u32> {
    let mut nanos = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        nanos = nanos * 10 + u32::from(digit);
    }
    (digits.len()..9).for_each(|_| nanos *= 10);
    Some(nanos)
}
