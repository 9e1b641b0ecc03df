//! A decimal number by its text: scaled and rounded exactly, never through a double.

/// The rounding of a number between two integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the nearest, a half to the even neighbour.
    HalfEven,
    /// To the nearest, a half away from zero.
    HalfAwayFromZero,
}

/// An integer as sign and magnitude; wide enough for HUGEINT and UHUGEINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    pub negative: bool,
    pub magnitude: u128,
}

impl Whole {
    pub fn signed(value: i128) -> Self {
        Self { negative: value < 0, magnitude: value.unsigned_abs() }
    }

    pub fn unsigned(magnitude: u128) -> Self {
        Self { negative: false, magnitude }
    }

    /// The value as i128, if it is in range.
    pub fn to_i128(self) -> Option<i128> {
        if self.negative { 0i128.checked_sub_unsigned(self.magnitude) } else { i128::try_from(self.magnitude).ok() }
    }

    /// The value as u128, if it is not negative.
    pub fn to_u128(self) -> Option<u128> {
        if self.negative && self.magnitude != 0 { None } else { Some(self.magnitude) }
    }
}

/// The parts of a number's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-] digits [. digits] [e [+-] digits]`, with a digit before or after the point.
    pub fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, bytes) = match bytes.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, bytes),
        };
        let (whole, rest) = digits(bytes);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => digits(rest),
            _ => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', rest)) => exponent(rest)?,
            Some(_) => return None,
        };
        Some(Self { negative, whole, fraction, exponent })
    }

    /// The number times ten to the `scale`, rounded to an integer; None when the magnitude exceeds a u128.
    pub fn scaled(&self, scale: u8, rounding: Rounding) -> Option<Whole> {
        let mut all = self.whole.iter().chain(self.fraction).map(|digit| digit - b'0');
        // The number of digits, padded with zeros, before the decimal point after scaling.
        let places = (self.whole.len() as i64).saturating_add(self.exponent).saturating_add(i64::from(scale));
        let mut magnitude: u128 = 0;
        for _ in 0..places {
            let digit = match all.next() {
                Some(digit) => digit,
                None if magnitude == 0 => break,
                None => 0,
            };
            magnitude = magnitude.checked_mul(10)?.checked_add(u128::from(digit))?;
        }
        // The first digit behind the point, and whether anything stands behind that.
        let first = if places < 0 { 0 } else { all.next().unwrap_or(0) };
        let more = all.any(|digit| digit != 0);
        let up = match rounding {
            _ if first != 5 => first > 5,
            Rounding::HalfAwayFromZero => true,
            Rounding::HalfEven => more || magnitude % 2 == 1,
        };
        let magnitude = magnitude.checked_add(u128::from(up))?;
        Some(Whole { negative: self.negative, magnitude })
    }

    /// Whether the number is zero.
    pub fn is_zero(&self) -> bool {
        self.whole.iter().chain(self.fraction).all(|digit| *digit == b'0')
    }
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len()))
}

/// An exponent; a number beyond the range saturates.
fn exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, bytes) = match bytes.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, bytes),
    };
    let (digits, rest) = digits(bytes);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, d| n.saturating_mul(10).saturating_add(i64::from(d - b'0')));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_scale_and_round_exactly() {
        use Rounding::{HalfAwayFromZero as Away, HalfEven as Even};
        for (text, scale, rounding, expected) in [
            ("1", 0, Even, Some("1")),
            ("-0", 0, Even, Some("-0")),
            ("1e3", 0, Even, Some("1000")),
            ("1.5E+2", 0, Even, Some("150")),
            ("1.5", 0, Even, Some("2")),
            ("2.5", 0, Even, Some("2")),
            ("2.5", 0, Away, Some("3")),
            ("2.500001", 0, Even, Some("3")),
            ("-2.5", 0, Away, Some("-3")),
            ("0.5", 0, Even, Some("0")),
            ("5e-1", 0, Away, Some("1")),
            ("5e-2", 0, Away, Some("0")),
            ("9e-9999999999999999999999", 0, Away, Some("0")),
            ("1e9999999999999999999999", 0, Even, None),
            ("0e9999999999999999999999", 0, Even, Some("0")),
            ("1.005", 2, Away, Some("101")),
            ("1.00499999999999999999999999999999999", 2, Away, Some("100")),
            ("123456789012345678.125", 2, Away, Some("12345678901234567813")),
            ("340282366920938463463374607431768211455", 0, Even, Some("340282366920938463463374607431768211455")),
            ("340282366920938463463374607431768211456", 0, Even, None),
            ("00000000000000000000000000000000000000000000000000012", 0, Even, Some("12")),
            (".5", 1, Even, Some("5")),
            ("5.", 0, Even, Some("5")),
        ] {
            let shown = Decimal::parse(text).unwrap().scaled(scale, rounding);
            let shown = shown.map(|w| format!("{}{}", if w.negative { "-" } else { "" }, w.magnitude));
            assert_eq!(shown.as_deref(), expected, "{text} at {scale} {rounding:?}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_none() {
        for text in ["", "-", ".", "1e", "1e+", "1x", "x", "1 ", "0x10", "1_000", "1e2.5", "--1", "NaN", "inf", "é"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn wholes_respect_the_ends_of_128_bits() {
        let min = Whole { negative: true, magnitude: 1 << 127 };
        assert_eq!(min.to_i128(), Some(i128::MIN));
        assert_eq!(Whole { negative: true, magnitude: (1 << 127) + 1 }.to_i128(), None);
        assert_eq!(Whole { negative: false, magnitude: 1 << 127 }.to_i128(), None);
        assert_eq!(Whole { negative: true, magnitude: 0 }.to_u128(), Some(0));
        assert_eq!(Whole { negative: true, magnitude: 1 }.to_u128(), None);
        assert_eq!(Whole::unsigned(u128::MAX).to_u128(), Some(u128::MAX));
    }
}
