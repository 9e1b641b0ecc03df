//! Merges several runs of records, each in sequence order, into one. Pure.

use std::collections::VecDeque;

use crate::record::Record;

/// Merges runs by sequence; a message that is in several of them is given once.
#[derive(Debug)]
pub struct Merge {
    /// The records of each run that wait for their turn; None when the run has ended and no record waits.
    runs: Vec<Option<VecDeque<Record>>>,
    /// The sequence that was given last; 0 before.
    given: u64,
}

impl Merge {
    /// A merge of this many runs, before any of them has brought a record.
    #[must_use]
    pub fn new(runs: usize) -> Self {
        Self { runs: (0..runs).map(|_| Some(VecDeque::new())).collect(), given: 0 }
    }

    /// The run that must bring records before the merge can go on; None when no run is missing.
    #[must_use]
    pub fn wanting(&self) -> Option<usize> {
        self.runs.iter().position(|run| run.as_ref().is_some_and(VecDeque::is_empty))
    }

    /// The next records of a run, in sequence order and behind those that it brought before; None when it has ended.
    pub fn feed(&mut self, run: usize, records: Option<Vec<Record>>) {
        if let Some(waiting) = self.runs.get_mut(run) {
            match records {
                Some(records) => waiting.get_or_insert_default().extend(records),
                None => *waiting = None,
            }
        }
    }

    /// The next records, at most this many. They end where a run has no record waiting. None when all runs have ended.
    pub fn take(&mut self, most: usize) -> Option<Vec<Record>> {
        if self.runs.iter().all(Option::is_none) {
            return None;
        }
        let mut records = Vec::new();
        while records.len() < most && self.wanting().is_none() {
            let heads = self.runs.iter_mut().flatten();
            let first = heads.min_by_key(|run| run.front().map_or(u64::MAX, |record| record.sequence));
            let Some(record) = first.and_then(VecDeque::pop_front) else { break };
            if record.sequence > self.given {
                self.given = record.sequence;
                records.push(record);
            }
        }
        Some(records)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::record::Headers;

    fn record(sequence: u64) -> Record {
        Record {
            subject: "s".into(),
            sequence,
            time_ns: 0,
            headers: Headers::default(),
            payload: bytes::Bytes::default(),
            part: None,
        }
    }

    /// Over many runs that overlap, in pages of any size: every sequence once, in order.
    #[test]
    fn every_sequence_is_given_once_and_in_order() {
        let mut seed = 11_u64;
        let mut any = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as usize % below
        };
        for _ in 0..500 {
            let count = 1 + any(4);
            let runs: Vec<Vec<u64>> = (0..count).map(|_| (1..60).filter(|_| any(3) == 0).collect()).collect();
            let expected: Vec<u64> = runs.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let mut left: Vec<VecDeque<u64>> = runs.iter().map(|run| run.iter().copied().collect()).collect();
            let mut merge = Merge::new(count);
            let mut given = Vec::new();
            loop {
                while let Some(run) = merge.wanting() {
                    let size = (1 + any(7)).min(left[run].len());
                    let page: Vec<Record> = left[run].drain(..size).map(record).collect();
                    merge.feed(run, (!page.is_empty()).then_some(page));
                }
                let Some(records) = merge.take(1 + any(9)) else { break };
                given.extend(records.iter().map(|record| record.sequence));
            }
            assert_eq!(given, expected, "{runs:?}");
        }
    }
}
