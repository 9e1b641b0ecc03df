//! The proof that a read is whole: it knows the sequences that do not exist, and that the stream is still the one with which
//! the read began.

use super::range::{SequenceRange, StreamState};
use super::sequence_set::SequenceSet;
use crate::error::{Error, Kind, Result};

/// The sequences of a stream that do not exist (any more), as its leader reports.
#[derive(Debug, Clone, Default)]
pub struct Absent {
    /// The first sequence of the stream: no sequence before it exists.
    first: u64,
    deleted: SequenceSet,
}

impl Absent {
    /// All before the first sequence, and the deleted ones.
    #[must_use]
    pub fn new(first: u64, deleted: SequenceSet) -> Self {
        Self { first, deleted }
    }

    /// Whether no sequence of the range exists.
    #[must_use]
    pub fn covers(&self, range: SequenceRange) -> bool {
        let existing = self.beyond_first(range);
        existing.is_empty() || self.deleted.count_in(existing) == existing.last - existing.first + 1
    }

    /// The runs of sequences of a range that are not known to be absent.
    pub fn unexplained(&self, range: SequenceRange) -> impl Iterator<Item = SequenceRange> + '_ {
        self.deleted.gaps(self.beyond_first(range))
    }

    /// The number of these sequences in the range that are not known to be absent.
    #[must_use]
    pub fn count_present(&self, sequences: &SequenceSet, range: SequenceRange) -> u64 {
        let range = self.beyond_first(range);
        let deleted = self.deleted.runs().filter_map(|run| {
            let both = SequenceRange { first: run.first.max(range.first), last: run.last.min(range.last) };
            (!both.is_empty()).then(|| sequences.count_in(both))
        });
        sequences.count_in(range) - deleted.sum::<u64>()
    }

    fn beyond_first(&self, range: SequenceRange) -> SequenceRange {
        SequenceRange { first: range.first.max(self.first), last: range.last }
    }
}

/// The comparison of a stream with its state at the start of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// It is the same, and nothing was stored in it.
    Same,
    /// It has the same name and date, but may have been rewound: the message that was its last has to be checked.
    Grown,
}

/// Whether the stream is still the one with which the statement began.
///
/// # Errors
/// [`Kind::Replaced`] when it was deleted and made anew, or when it ends before it did: the server lost its end, or went back
/// to an older copy of its store.
pub fn continuity(began: &StreamState, now: &StreamState) -> Result<Continuity> {
    if let (Some(before), Some(after)) = (began.created_ns, now.created_ns)
        && before != after
    {
        return Err(Error::of(Kind::Replaced, "the stream was deleted and made anew while it was read")
            .advice("run the statement again"));
    }
    if now.last < began.last {
        return Err(Error::of(Kind::Replaced, format!(
            "the stream was reset, or went back to an older copy of its store, while it was read: it ends at sequence {}, and \
             ended at sequence {} when the statement began",
            now.last, began.last
        ))
        .advice("run the statement again, and check what else was read of the stream before"));
    }
    let same_end = now.last == began.last && now.last_time_ns == began.last_time_ns;
    Ok(if same_end { Continuity::Same } else { Continuity::Grown })
}

/// Checks that the message that was the stream's last when the statement began is still at its sequence. `time_ns` is the time at which the message
/// that now has this sequence was stored, in nanoseconds since 1970 UTC; None where there is no such message, because it may have been deleted.
///
/// # Errors
/// [`Kind::Replaced`] when the message is another one.
pub fn continuity_of_last(began: &StreamState, time_ns: Option<i64>) -> Result<()> {
    match (began.last_time_ns, time_ns) {
        (Some(before), Some(now)) if before != now => Err(Error::of(Kind::Replaced, format!(
            "the stream went back to an older copy of its store while it was read: sequence {} is another message than when \
             the statement began",
            began.last
        ))
        .advice("run the statement again, and check what else was read of the stream before")),
        _ => Ok(()),
    }
}

/// The error for messages that a stream counts and no server can give.
#[must_use]
pub fn damaged(stream: &str, replicas: u32, sequences: &[u64]) -> Error {
    let (who, where_from) = match replicas {
        0 | 1 => ("server", "the server's store"),
        _ => ("servers", "the stream"),
    };
    let (number, word) = match sequences.len() {
        1 => ("1 message".to_owned(), "sequence"),
        count => (format!("{count} messages"), "sequences"),
    };
    let list = list(sequences);
    Error::of(
        Kind::Damaged,
        format!("the {who} cannot give {number} that the stream counts, {word} {list}: damaged where stored"),
    )
    .stream(stream)
    .advice(format!("restore {where_from} from a backup, or read around them with start_seq and end_seq"))
}

/// The sequences as a text, the first few of many.
fn list(sequences: &[u64]) -> String {
    const MOST: usize = 10;
    let named: Vec<String> = sequences.iter().take(MOST).map(u64::to_string).collect();
    match (sequences.len(), named.as_slice()) {
        (more, _) if more > MOST => format!("{} and {} more", named.join(", "), more - MOST),
        (_, [before @ .., last]) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => named.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u64, last: u64) -> SequenceRange {
        SequenceRange { first, last }
    }

    fn state(last: u64, created_ns: i64, last_time_ns: i64) -> StreamState {
        StreamState {
            first: 1,
            last,
            messages: last,
            direct: Some(true),
            exact: true,
            created_ns: Some(created_ns),
            last_time_ns: Some(last_time_ns),
            replicas: 1,
            consumers_remove: false,
        }
    }

    #[test]
    fn what_is_absent_explains_gaps() {
        let mut deleted = SequenceSet::default();
        deleted.extend([12, 13, 20]);
        let absent = Absent::new(10, deleted);
        for (asked, covered) in [((1, 9), true), ((5, 10), false), ((12, 13), true), ((12, 14), false), ((7, 6), true)]
        {
            assert_eq!(absent.covers(range(asked.0, asked.1)), covered, "{asked:?}");
        }
        let left: Vec<_> = absent.unexplained(range(1, 21)).collect();
        assert_eq!(left, [range(10, 11), range(14, 19), range(21, 21)]);
        let mut read = SequenceSet::default();
        read.extend([2, 11, 12, 15, 20, 30]);
        assert_eq!(absent.count_present(&read, range(1, 29)), 2);
    }

    #[test]
    fn another_stream_is_no_continuation() {
        let began = state(100, 1, 50);
        assert_eq!(continuity(&began, &state(100, 1, 50)).unwrap(), Continuity::Same);
        assert_eq!(continuity(&began, &state(120, 1, 60)).unwrap(), Continuity::Grown);
        assert_eq!(continuity(&began, &state(100, 1, 51)).unwrap(), Continuity::Grown);
        for (now, words) in [(state(100, 2, 50), "made anew"), (state(99, 1, 49), "ends at sequence 99")] {
            let error = continuity(&began, &now).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(continuity_of_last(&began, Some(50)).is_ok() && continuity_of_last(&began, None).is_ok());
        let error = continuity_of_last(&began, Some(49)).unwrap_err().to_string();
        assert!(error.contains("sequence 100 is another message"), "{error}");
    }

    #[test]
    fn damage_is_named() {
        let one = damaged("S", 1, &[7]).to_string();
        assert!(
            one.starts_with("stream 'S': the server cannot give 1 message that the stream counts, sequence 7:"),
            "{one}"
        );
        let many: Vec<u64> = (1..=14).collect();
        let many = damaged("S", 3, &many).to_string();
        assert!(many.contains("give 14 messages") && many.contains("9, 10 and 4 more: damaged"), "{many}");
        assert!(damaged("S", 3, &[7, 9]).to_string().contains("sequences 7 and 9:"));
    }
}
