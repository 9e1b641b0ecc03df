//! The part of a stream that a statement reads.

/// The state of a stream at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamState {
    /// The sequence of the first message; for an empty stream one past the last.
    pub first: u64,
    /// The sequence of the newest message ever stored, deleted or not; 0 when there was none.
    pub last: u64,
    /// The number of messages that exist.
    pub messages: u64,
    /// Whether the stream answers Direct Get (`allow_direct`); None when that is not known.
    pub direct: Option<bool>,
    /// Whether the stream's leader reported this state. Otherwise it comes from replies of replicas to single requests, and `messages` is the largest
    /// possible number.
    pub exact: bool,
    /// When the stream was made, in nanoseconds since 1970-01-01 UTC; None when that is not known.
    pub created_ns: Option<i64>,
    /// When its last message was stored, in nanoseconds since 1970-01-01 UTC; None when there is none, or not known.
    pub last_time_ns: Option<i64>,
    /// The number of its replicas; 1 when that is not known.
    pub replicas: u32,
    /// Whether acknowledged messages leave the stream (retention by interest, or as a work queue); false when that is not known.
    pub consumers_remove: bool,
}

/// The bounds that a statement gives; both ends inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bounds {
    /// The whole stream.
    #[default]
    All,
    /// By stream sequence.
    Sequence {
        /// The first sequence; None is the stream's first.
        first: Option<u64>,
        /// The last sequence; None is the stream's last.
        last: Option<u64>,
    },
    /// By the time at which the server stored a message, in microseconds since 1970-01-01 UTC.
    Time {
        /// The earliest time; None is the stream's first message.
        start: Option<i64>,
        /// The latest time; None is the stream's last message.
        end: Option<i64>,
    },
}

/// A run of sequences, both ends inclusive; empty when `first > last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceRange {
    /// The first sequence.
    pub first: u64,
    /// The last sequence.
    pub last: u64,
}

impl SequenceRange {
    /// Whether the range holds no sequence.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }

    /// The number of sequences in the range.
    #[must_use]
    pub fn len(self) -> u64 {
        if self.is_empty() { 0 } else { (self.last - self.first).saturating_add(1) }
    }
}

impl StreamState {
    /// The stream's whole range.
    #[must_use]
    pub fn range(&self) -> SequenceRange {
        SequenceRange { first: self.first.max(1), last: self.last }
    }

    /// The part of the stream between two sequences, clamped to what there is.
    #[must_use]
    pub fn clamp(&self, first: Option<u64>, last: Option<u64>) -> SequenceRange {
        let whole = self.range();
        SequenceRange {
            first: first.map_or(whole.first, |first| first.max(whole.first)),
            last: last.map_or(whole.last, |last| last.min(whole.last)),
        }
    }

    /// The number of sequences between the first and the last message that do not exist.
    #[must_use]
    pub fn holes(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first.max(1)).saturating_sub(self.messages)
    }

    /// Whether every sequence from the first to the last exists.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        self.exact && self.messages > 0 && self.last - self.first + 1 == self.messages
    }

    /// The share of sequences that exist, from 0 to 1.
    #[must_use]
    pub fn density(&self) -> f64 {
        if self.messages == 0 || self.last < self.first {
            return 1.0;
        }
        (self.messages as f64 / (self.last - self.first + 1) as f64).clamp(f64::MIN_POSITIVE, 1.0)
    }
}

impl Bounds {
    /// Whether a message stored at this time (nanoseconds since 1970 UTC) lies within time bounds, at the microsecond
    /// precision in which SQL sees it. Always true for other bounds.
    #[must_use]
    pub fn admit_time(&self, time_ns: i64) -> bool {
        match self {
            Bounds::Time { start, end } => {
                let micros = time_ns.div_euclid(1_000);
                start.is_none_or(|start| micros >= start) && end.is_none_or(|end| micros <= end)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: StreamState = StreamState {
        first: 10,
        last: 20,
        messages: 11,
        direct: Some(true),
        exact: true,
        created_ns: None,
        last_time_ns: None,
        replicas: 1,
        consumers_remove: false,
    };

    #[test]
    fn bounds_are_inclusive_and_clamped() {
        let cases = [
            (None, None, (10, 20)),
            (Some(1), Some(100), (10, 20)),
            (Some(12), Some(15), (12, 15)),
            (Some(21), None, (21, 20)),
            (Some(15), Some(12), (15, 12)),
            (None, Some(0), (10, 0)),
        ];
        for (start, end, (first, last)) in cases {
            assert_eq!(STATE.clamp(start, end), SequenceRange { first, last }, "{start:?}..{end:?}");
        }
    }

    #[test]
    fn an_empty_stream_is_an_empty_range() {
        let fresh = StreamState { first: 0, last: 0, messages: 0, ..STATE };
        assert!(fresh.range().is_empty());
        let purged = StreamState { first: 8, last: 7, messages: 0, ..STATE };
        assert_eq!((fresh.holes(), purged.holes(), STATE.holes()), (0, 0, 0));
        assert_eq!(StreamState { messages: 4, ..STATE }.holes(), 7);
        assert!(purged.range().is_empty());
        assert!(!purged.is_dense());
    }

    #[test]
    fn times_are_compared_as_sql_sees_them() {
        let bounds = Bounds::Time { start: Some(5), end: Some(6) };
        let cases = [(4_999, false), (5_000, true), (6_000, true), (6_999, true), (7_000, false)];
        for (time_ns, admitted) in cases {
            assert_eq!(bounds.admit_time(time_ns), admitted, "{time_ns}");
        }
    }
}
