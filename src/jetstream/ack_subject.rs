//! The place of a delivered message in its stream and its consumer, which is in the subject of its acknowledgement (ADR-15).

use std::ops::Range;

use super::wire::{number, some_digits};

/// The numbers of `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream sequence>.<consumer sequence>.<time>.<pending>`, or of its longer
/// form, which has domain and account before the stream and perhaps more behind the numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AckSubject {
    /// The number of the message's deliveries, this one included.
    pub deliveries: u64,
    pub stream_sequence: u64,
    /// The consumer's own count of its deliveries, from 1.
    pub consumer_sequence: u64,
    /// When the message was stored, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// The number of matching messages that are left behind it.
    pub pending: u64,
    /// Where these numbers stand in the subject.
    pub numbers: Range<usize>,
}

/// The number of dots in the short form, and the least number of dots in the long one.
const SHORT_DOTS: usize = 8;
const LONG_DOTS: usize = 10;

impl AckSubject {
    /// Reads the subject; None for any other subject.
    pub fn read(subject: &[u8]) -> Option<Self> {
        Self::read_short(subject).or_else(|| Self::read_any(subject))
    }

    /// The short form, whose numbers are walked once.
    fn read_short(subject: &[u8]) -> Option<Self> {
        let names = subject.strip_prefix(b"$JS.ACK.")?;
        let consumer = &names[memchr::memchr(b'.', names)? + 1..];
        let mut rest = &consumer[memchr::memchr(b'.', consumer)?..];
        let numbers = subject.len() - rest.len() + 1..subject.len();
        let mut next = || {
            let (number, behind) = some_digits(rest.strip_prefix(b".")?)?;
            rest = behind;
            Some(number)
        };
        let [deliveries, stream_sequence, consumer_sequence, time, pending] =
            [next()?, next()?, next()?, next()?, next()?];
        rest.is_empty().then_some(())?;
        let time_ns = i64::try_from(time).ok()?;
        Some(Self { deliveries, stream_sequence, consumer_sequence, time_ns, pending, numbers })
    }

    fn read_any(subject: &[u8]) -> Option<Self> {
        // No name of a stream or a consumer has a dot.
        let names = match memchr::memchr_iter(b'.', subject).count() {
            SHORT_DOTS => 4,
            LONG_DOTS.. => 6,
            _ => return None,
        };
        let start = memchr::memchr_iter(b'.', subject).nth(names - 1)? + 1;
        let mut end = start;
        let mut tokens = subject[start..].split(|byte| *byte == b'.');
        let mut next = || {
            let token = tokens.next()?;
            end += token.len() + 1;
            number(token)
        };
        let [deliveries, stream_sequence, consumer_sequence, time, pending] =
            [next()?, next()?, next()?, next()?, next()?];
        let time_ns = i64::try_from(time).ok()?;
        let numbers = start..end - 1;
        Some(Self { deliveries, stream_sequence, consumer_sequence, time_ns, pending, numbers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Numbers;

    #[test]
    fn both_forms_are_read() {
        for subject in
            ["$JS.ACK.S.c.1.7.3.42.9", "$JS.ACK.hub.Axyz.S.c.1.7.3.42.9", "$JS.ACK._.Axyz.S.c.1.7.3.42.9.random"]
        {
            let numbers = subject.find("1.7").map(|start| start..start + "1.7.3.42.9".len()).unwrap_or_default();
            let (deliveries, stream_sequence, consumer_sequence) = (1, 7, 3);
            let expected =
                AckSubject { deliveries, stream_sequence, consumer_sequence, time_ns: 42, pending: 9, numbers };
            assert_eq!(AckSubject::read(subject.as_bytes()), Some(expected), "{subject}");
        }
        for subject in
            ["$JS.ACK.S.c.1.7.3.42", "$JS.ACK.x.S.c.1.7.3.42.9", "$JS.ACK.S.c.1.x.3.42.9", "$JS.ACK.", "$JS.ACK.S.d"]
        {
            assert_eq!(AckSubject::read(subject.as_bytes()), None, "{subject}");
        }
    }

    #[test]
    fn the_short_form_reads_as_any() {
        let mut numbers = Numbers(15);
        let (mut short, mut long) = (0, 0);
        for _ in 0..50_000 {
            let mut subject = "$JS.ACK.".to_owned();
            for _ in 0..6 + numbers.below(4) {
                let token = numbers.one(&[
                    "S",
                    "c",
                    "1",
                    "42",
                    "0",
                    "007",
                    "1700000000000000000",
                    "99999999999999999999",
                    "",
                    "x1",
                ]);
                subject.push_str(&format!("{token}."));
            }
            subject.truncate(subject.len() - numbers.place(2));
            let (plain, any) = (AckSubject::read_short(subject.as_bytes()), AckSubject::read_any(subject.as_bytes()));
            assert!(plain.is_none() || plain == any, "{subject}");
            short += usize::from(plain.is_some());
            long += usize::from(plain.is_none() && any.is_some());
        }
        assert!(short > 100 && long > 100, "{short} {long}");
    }

    #[test]
    fn the_number_of_a_delivery() {
        let number = |subject: &str| AckSubject::read(subject.as_bytes()).map(|read| read.consumer_sequence);
        assert_eq!(number("$JS.ACK.S.d.1.700.42.1700000000000000000.3"), Some(42));
        assert_eq!(number("$JS.ACK._.ABC.S.d.1.700.42.1700000000000000000.3.token"), Some(42));
        assert_eq!(number("$JS.ACK.S.d"), None);
    }
}
