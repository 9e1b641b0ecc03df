//! Seconds and nanoseconds: `google.protobuf.Timestamp` and `Duration`.

use super::payload_error::PayloadError;
use super::scan::Pieces;
use super::schema::Message;
use super::value::{Content, Value, integer};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A moment since 1970-01-01 UTC, or a length of time; the nanoseconds (below 10^9) count upwards from the seconds,
/// whatever the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds {
    pub seconds: i64,
    pub nanos: u32,
}

impl Seconds {
    /// Reads a message with the fields `seconds` and `nanos`.
    ///
    /// # Errors
    /// More seconds than 64 bits hold, which only nanoseconds out of their range lead to.
    pub fn of<'a>(value: &Value<'a>, message: &'a Message, pieces: &Pieces<'a>) -> Result<Self, PayloadError> {
        let (mut seconds, mut nanos) = (0, 0);
        let mut fields = value.fields(message, pieces)?;
        while let Some((field, value)) = fields.next()? {
            match (field.name.as_str(), value.content) {
                ("seconds", Content::Scalar(kind, wire)) => seconds = integer(kind, wire),
                ("nanos", Content::Scalar(kind, wire)) => nanos = integer(kind, wire),
                _ => {}
            }
        }
        Self::from_nanos(seconds * NANOS_PER_SECOND + nanos)
    }

    /// From a count of nanoseconds.
    pub fn from_nanos(total: i128) -> Result<Self, PayloadError> {
        let seconds = i64::try_from(total.div_euclid(NANOS_PER_SECOND));
        let nanos = u32::try_from(total.rem_euclid(NANOS_PER_SECOND));
        match (seconds, nanos) {
            (Ok(seconds), Ok(nanos)) => Ok(Self { seconds, nanos }),
            _ => Err(PayloadError::new(format!("{total} nanoseconds are out of range"))),
        }
    }

    /// The count of nanoseconds.
    pub fn total_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// A length of time in protobuf's own spelling: `1.5s`, with no, 3, 6 or 9 digits behind the point.
    pub fn text(self) -> String {
        let total = self.total_nanos();
        let (whole, nanos) = (total.abs() / NANOS_PER_SECOND, total.abs() % NANOS_PER_SECOND);
        let sign = if total < 0 { "-" } else { "" };
        match (nanos % 1000, nanos / 1000 % 1000, nanos) {
            (_, _, 0) => format!("{sign}{whole}s"),
            (0, 0, _) => format!("{sign}{whole}.{:03}s", nanos / 1_000_000),
            (0, _, _) => format!("{sign}{whole}.{:06}s", nanos / 1000),
            _ => format!("{sign}{whole}.{nanos:09}s"),
        }
    }

    /// A length of time as an ISO 8601 duration: `PT1.5S`.
    pub fn iso(self) -> String {
        let text = self.text();
        let seconds = text.trim_end_matches('s');
        match seconds.strip_prefix('-') {
            Some(seconds) => format!("-PT{seconds}S"),
            None => format!("PT{seconds}S"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[test]
    fn lengths_of_time_are_spelled() {
        for (nanos, text, iso) in [
            (0, "0s", "PT0S"),
            (1_500_000_000, "1.500s", "PT1.500S"),
            (-1_500_000_000, "-1.500s", "-PT1.500S"),
            (1, "0.000000001s", "PT0.000000001S"),
            (-1000, "-0.000001s", "-PT0.000001S"),
            (86_400_000_000_000, "86400s", "PT86400S"),
        ] {
            let seconds = Seconds::from_nanos(nanos).unwrap();
            assert_eq!((seconds.text().as_str(), seconds.iso().as_str()), (text, iso));
            assert_eq!(seconds.total_nanos(), nanos);
        }
    }
}
