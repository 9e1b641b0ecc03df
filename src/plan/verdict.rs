//! The steps that are left at the end of a read before it is proven whole.

use super::range::{SequenceRange, StreamState};

/// A read with a finished window, of a stream that is still the one with which it began.
#[derive(Debug, Clone, Copy)]
pub struct ReadEnd<'a> {
    /// The state of the stream when the read began.
    pub began: &'a StreamState,
    /// Its state now.
    pub now: &'a StreamState,
    /// The range that the messages that were read cover.
    pub range: SequenceRange,
    /// The number of messages that were read.
    pub read: u64,
    /// The number of messages from the range's first sequence on, as the server counted them in its first answer.
    pub counted: Option<u64>,
    /// The subject filter; None where every subject was read.
    pub filter: Option<&'a str>,
    /// Whether gaps were checked as they came, so that every sequence that the window passed is accounted for.
    pub explained: bool,
    /// Whether the server can count the matching messages of a range.
    pub counts: bool,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: every message was read.
    Whole,
    /// Nothing: no request can prove more (docs/guarantees.md, "Where it ends").
    Unproven,
    /// The messages of the range have to be counted.
    Count,
    /// The messages of the subject in the whole stream have to be counted.
    CountSubject,
    /// The deleted messages have to be listed, and missing ones looked for.
    List,
}

impl ReadEnd<'_> {
    /// What is left to do.
    ///
    /// 1. Where the window demands an explanation of gaps, every sequence that it passed is accounted for.
    /// 2. The received messages are a part of those that existed when the read began: a range has an end, and nothing is stored below it. So when
    ///    both numbers are equal, nothing is missing. The number that existed is the stream's own count for a whole stream; under a filter, for a
    ///    range that ends with the stream, it is the count in the server's first answer, if nothing was stored meanwhile.
    /// 3. Otherwise messages were deleted meanwhile, or are missing, and have to be counted or listed.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Self { began, now, range, .. } = self;
        if self.explained {
            return Verdict::Whole;
        }
        let whole = range.first <= began.first.max(1) && range.last >= began.last;
        let still = now.last == began.last;
        let expected = match self.filter {
            None => Some(began.messages).filter(|_| whole && began.exact),
            // Replicas that count differently are found by asking several.
            Some(_) => self.counted.filter(|_| range.last >= began.last && still && began.exact && began.replicas == 1),
        };
        if expected == Some(self.read) {
            return Verdict::Whole;
        }
        if self.counts && (self.filter.is_some() || !began.exact) {
            return Verdict::Count;
        }
        match self.filter {
            // Servers before 2.11, and streams without Direct Get: the stream's own count of a subject is that of all of it.
            Some(filter) if whole && still && now.messages == began.messages && !filter.contains(['*', '>']) => {
                Verdict::CountSubject
            }
            Some(_) => Verdict::Unproven,
            // A user who may not ask for the state cannot tell a deletion from a missing message, on a server that does not count.
            None if !began.exact => Verdict::Unproven,
            None => Verdict::List,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: StreamState = StreamState {
        first: 5,
        last: 20,
        messages: 10,
        direct: Some(true),
        exact: true,
        created_ns: Some(1),
        last_time_ns: Some(2),
        replicas: 1,
        consumers_remove: false,
    };

    fn end(filter: Option<&'static str>) -> ReadEnd<'static> {
        let range = SequenceRange { first: 1, last: 20 };
        ReadEnd {
            began: &BEGAN,
            now: &BEGAN,
            range,
            read: 10,
            counted: Some(10),
            filter,
            explained: false,
            counts: true,
        }
    }

    #[test]
    fn what_was_read_is_whole_when_its_number_is_what_existed() {
        assert_eq!(end(None).verdict(), Verdict::Whole);
        assert_eq!(end(Some("a.*")).verdict(), Verdict::Whole);
        assert_eq!(ReadEnd { read: 9, explained: true, ..end(None) }.verdict(), Verdict::Whole);
        assert_eq!(ReadEnd { read: 9, ..end(None) }.verdict(), Verdict::List);
        assert_eq!(ReadEnd { read: 9, ..end(Some("a.*")) }.verdict(), Verdict::Count);
        let part = SequenceRange { first: 6, last: 20 };
        assert_eq!(ReadEnd { range: part, ..end(None) }.verdict(), Verdict::List);
        assert_eq!(ReadEnd { range: part, ..end(Some("a")) }.verdict(), Verdict::Whole);
        let early = SequenceRange { first: 1, last: 19 };
        assert_eq!(ReadEnd { range: early, ..end(Some("a")) }.verdict(), Verdict::Count);
        assert_eq!(ReadEnd { counted: None, ..end(Some("a")) }.verdict(), Verdict::Count);
    }

    #[test]
    fn a_count_of_one_replica_of_several_or_of_a_stream_that_grew_proves_nothing() {
        let several = StreamState { replicas: 3, ..BEGAN };
        let grown = StreamState { last: 21, ..BEGAN };
        assert_eq!(ReadEnd { began: &several, ..end(Some("a")) }.verdict(), Verdict::Count);
        assert_eq!(ReadEnd { now: &grown, ..end(Some("a")) }.verdict(), Verdict::Count);
        assert_eq!(ReadEnd { now: &grown, ..end(None) }.verdict(), Verdict::Whole);
    }

    #[test]
    fn where_nobody_counts_a_range_the_count_of_a_subject_is_what_there_is() {
        let no_counts = |filter| ReadEnd { counts: false, read: 9, ..end(filter) };
        assert_eq!(no_counts(Some("a")).verdict(), Verdict::CountSubject);
        assert_eq!(no_counts(Some("a.*")).verdict(), Verdict::Unproven);
        let fewer = StreamState { messages: 9, ..BEGAN };
        assert_eq!(ReadEnd { now: &fewer, ..no_counts(Some("a")) }.verdict(), Verdict::Unproven);
        let inexact = StreamState { exact: false, ..BEGAN };
        assert_eq!(ReadEnd { began: &inexact, ..no_counts(None) }.verdict(), Verdict::Unproven);
        assert_eq!(ReadEnd { began: &inexact, counts: true, ..no_counts(None) }.verdict(), Verdict::Count);
    }
}
