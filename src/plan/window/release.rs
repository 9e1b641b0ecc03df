//! Records leave the window in the order of their sequences, and no record leaves before every gap in front of it is explained.

use std::collections::VecDeque;

use super::span::Span;
use crate::plan::completeness::Absent;
use crate::plan::range::SequenceRange;
use crate::plan::sequence_set::SequenceSet;
use crate::record::Record;

/// The records that have left the window, and the sequence that may leave next.
pub(super) struct Release {
    range: SequenceRange,
    /// How many more messages the reader wants.
    wanted: u64,
    /// The sequence that may leave next: everything before it has left, or does not exist.
    next: u64,
    /// The sequences that have left.
    read: SequenceSet,
    /// The sequences that do not exist; None where gaps need no explanation.
    absent: Option<Absent>,
}

impl Release {
    pub fn new(range: SequenceRange, limit: Option<u64>) -> Self {
        let wanted = limit.unwrap_or(u64::MAX);
        Self { range, wanted, next: range.first, read: SequenceSet::default(), absent: None }
    }

    /// How many more messages the reader wants.
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// The sequences that have left.
    pub fn read(&self) -> &SequenceSet {
        &self.read
    }

    /// Whether gaps need an explanation.
    pub fn explains_gaps(&self) -> bool {
        self.absent.is_some()
    }

    /// From now on gaps need an explanation; `absent` explains some.
    pub fn explain(&mut self, absent: Absent) {
        self.absent = Some(absent);
    }

    /// The range that the read has covered: up to its end, or up to the last message when no more was wanted.
    pub fn covered(&self) -> SequenceRange {
        let last = if self.wanted == 0 { self.next.saturating_sub(1) } else { self.range.last };
        SequenceRange { first: self.range.first, last }
    }

    /// Whether nothing is left to leave once every span has.
    pub fn is_complete(&self) -> bool {
        self.explained_to(self.range.last)
    }

    /// Whether no sequence is missing from the next one to `last`.
    fn explained_to(&self, last: u64) -> bool {
        let rest = SequenceRange { first: self.next, last };
        self.absent.as_ref().is_none_or(|absent| absent.covers(rest))
    }

    /// Moves the records that are next in order into `out`, and removes the spans that are done. Returns how many spans it
    /// removed.
    pub fn take(&mut self, spans: &mut VecDeque<Span>, out: &mut impl Extend<Record>) -> u64 {
        let mut retired = 0;
        while let Some(front) = spans.front_mut() {
            let most = usize::try_from(self.wanted).map_or(front.records.len(), |w| w.min(front.records.len()));
            let count = match &self.absent {
                None => most,
                Some(absent) => continuous(&front.records[..most], self.next, absent),
            };
            let (read, next) = (&mut self.read, &mut self.next);
            self.wanted -= count as u64;
            out.extend(front.records.drain(..count).inspect(|record| {
                read.push(record.sequence);
                *next = record.sequence + 1;
            }));
            if self.wanted == 0 || !front.done || !front.records.is_empty() {
                return retired;
            }
            let last = front.last.unwrap_or(self.range.last);
            if !self.explained_to(last) {
                return retired;
            }
            self.next = self.next.max(last.saturating_add(1));
            spans.pop_front();
            retired += 1;
        }
        retired
    }

    /// The gaps without an explanation, which hold back the records behind them. `front` is the first span; None when there is
    /// no span and all of the range was assigned.
    pub fn unexplained(&self, front: Option<&Span>) -> Option<Vec<SequenceRange>> {
        let absent = self.absent.as_ref()?;
        if self.wanted == 0 {
            return None;
        }
        let (records, last) = match front {
            Some(front) => (&front.records[..], front.done.then(|| front.last.unwrap_or(self.range.last))),
            None => (&[][..], Some(self.range.last)),
        };
        let mut next = self.next;
        let mut gaps = Vec::new();
        let mut before = |first: u64, last: u64| {
            let gap = SequenceRange { first, last };
            if !gap.is_empty() && !absent.covers(gap) {
                gaps.push(gap);
            }
        };
        for record in records {
            before(next, record.sequence - 1);
            next = record.sequence + 1;
        }
        if let Some(last) = last {
            before(next, last);
        }
        (!gaps.is_empty()).then_some(gaps)
    }
}

/// The number of records that follow each other from a sequence on, without an unexplained gap.
fn continuous(records: &[Record], from: u64, absent: &Absent) -> usize {
    let mut next = from;
    let follows = |record: &&Record| {
        let gap = SequenceRange { first: next, last: record.sequence - 1 };
        next = record.sequence + 1;
        gap.is_empty() || absent.covers(gap)
    };
    records.iter().take_while(follows).count()
}
