//! Lengths of time as Go writes them, such as `1m2.5s` and `592µs`.

use std::time::Duration;

/// The units and their nanoseconds. Those that end as another one does come first.
const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("h", 3.6e12), ("m", 6e10), ("s", 1e9)];

/// A length of time as `time.Duration` of Go writes it; None when it is none, or negative.
///
/// Source: <https://pkg.go.dev/time#Duration.String>.
#[must_use]
pub fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let (unit, size) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        nanos += number.parse::<f64>().ok()? * size;
        rest = &behind[unit.len()..];
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(nanos / 1e9).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_of_go() {
        let cases = [
            ("592µs", Some(Duration::from_micros(592))),
            ("1.429362ms", Some(Duration::from_nanos(1_429_362))),
            ("980ns", Some(Duration::from_nanos(980))),
            ("1m2.5s", Some(Duration::from_millis(62_500))),
            ("26h0m3s", Some(Duration::from_secs(93_603))),
            ("", None),
            ("-5s", None),
            ("5", None),
            ("1.2.3s", None),
            ("3 s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(go_duration(text), expected, "{text}");
        }
    }
}
