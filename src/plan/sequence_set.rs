//! A set of stream sequences that takes at most a bit for each sequence between its first and its last.

use super::range::SequenceRange;

/// The number of sequences in a block.
const BLOCK: u64 = 65_536;
/// The words of a block's bits.
const WORDS: usize = (BLOCK / 64) as usize;
/// A block with more runs than this is kept as bits, which take no more room.
const MAX_RUNS: usize = WORDS * 2;

/// Sequences, added in ascending order.
#[derive(Debug, Clone, Default)]
pub struct SequenceSet {
    blocks: Vec<Block>,
    count: u64,
    last: Option<u64>,
}

#[derive(Debug, Clone)]
struct Block {
    /// The sequences of the block divided by [`BLOCK`].
    number: u64,
    count: u64,
    members: Members,
}

#[derive(Debug, Clone)]
enum Members {
    /// First and last of each run, ascending and apart from each other.
    Runs(Vec<(u16, u16)>),
    Bits(Box<[u64; WORDS]>),
}

impl SequenceSet {
    /// Adds a sequence; one that is not above the last changes nothing.
    pub fn push(&mut self, sequence: u64) {
        if self.last.is_some_and(|last| sequence <= last) {
            return;
        }
        self.last = Some(sequence);
        self.count += 1;
        let (number, low) = (sequence / BLOCK, (sequence % BLOCK) as u16);
        match self.blocks.last_mut() {
            Some(block) if block.number == number => block.push(low),
            _ => self.blocks.push(Block { number, count: 1, members: Members::Runs(vec![(low, low)]) }),
        }
    }

    /// The number of sequences in the set.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of the range's sequences that are in the set.
    #[must_use]
    pub fn count_in(&self, range: SequenceRange) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let start = self.blocks.partition_point(|block| block.number < range.first / BLOCK);
        let blocks = self.blocks[start..].iter().take_while(|block| block.number <= range.last / BLOCK);
        blocks.map(|block| block.count_in(range)).sum()
    }

    /// Whether the set has a sequence.
    #[must_use]
    pub fn contains(&self, sequence: u64) -> bool {
        self.count_in(SequenceRange { first: sequence, last: sequence }) == 1
    }

    /// The runs of sequences in the set, apart from each other, ascending.
    pub fn runs(&self) -> impl Iterator<Item = SequenceRange> + '_ {
        joined(self.blocks.iter().flat_map(Block::runs))
    }

    /// The runs of sequences of a range that the set lacks, ascending.
    pub fn gaps(&self, range: SequenceRange) -> impl Iterator<Item = SequenceRange> + '_ {
        let mut next = range.first;
        let past = SequenceRange { first: range.last.saturating_add(1), last: u64::MAX };
        self.runs().chain(std::iter::once(past)).filter_map(move |run| {
            let gap = SequenceRange { first: next, last: run.first.saturating_sub(1).min(range.last) };
            next = next.max(run.last.saturating_add(1));
            (!gap.is_empty()).then_some(gap)
        })
    }

    /// The number of sequences that two sets share.
    #[must_use]
    pub fn shared(&self, other: &SequenceSet) -> u64 {
        let (few, many) = if self.blocks.len() < other.blocks.len() { (self, other) } else { (other, self) };
        few.runs().map(|run| many.count_in(run)).sum()
    }
}

impl Extend<u64> for SequenceSet {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, sequences: I) {
        sequences.into_iter().for_each(|sequence| self.push(sequence));
    }
}

/// Runs that touch become one.
fn joined(runs: impl Iterator<Item = SequenceRange>) -> impl Iterator<Item = SequenceRange> {
    let mut runs = runs.peekable();
    std::iter::from_fn(move || {
        let mut run = runs.next()?;
        while let Some(next) = runs.next_if(|next| next.first == run.last + 1) {
            run.last = next.last;
        }
        Some(run)
    })
}

impl Block {
    fn push(&mut self, low: u16) {
        self.count += 1;
        match &mut self.members {
            Members::Runs(runs) => {
                let full = runs.len() >= MAX_RUNS;
                match runs.last_mut() {
                    Some((_, last)) if *last + 1 == low => *last = low,
                    _ if !full => runs.push((low, low)),
                    _ => {
                        let mut bits = Box::new([0; WORDS]);
                        for member in runs.iter().flat_map(|(first, last)| *first..=*last).chain([low]) {
                            bits[usize::from(member) / 64] |= 1 << (member % 64);
                        }
                        self.members = Members::Bits(bits);
                    }
                }
            }
            Members::Bits(bits) => bits[usize::from(low) / 64] |= 1 << (low % 64),
        }
    }

    fn count_in(&self, range: SequenceRange) -> u64 {
        let start = self.number * BLOCK;
        if range.first <= start && range.last >= start + (BLOCK - 1) {
            return self.count;
        }
        let (low, high) = (range.first.max(start) - start, range.last.min(start + (BLOCK - 1)) - start);
        match &self.members {
            Members::Runs(runs) => {
                let from = runs.partition_point(|(_, last)| u64::from(*last) < low);
                let runs = runs[from..].iter().take_while(|(first, _)| u64::from(*first) <= high);
                runs.map(|(first, last)| u64::from(*last).min(high) - u64::from(*first).max(low) + 1).sum()
            }
            Members::Bits(bits) => {
                (low..=high).filter(|at| bits[(at / 64) as usize] >> (at % 64) & 1 == 1).count() as u64
            }
        }
    }

    fn runs(&self) -> Box<dyn Iterator<Item = SequenceRange> + '_> {
        let start = self.number * BLOCK;
        let range = move |first: u64, last: u64| SequenceRange { first: start + first, last: start + last };
        match &self.members {
            Members::Runs(runs) => {
                Box::new(runs.iter().map(move |(first, last)| range(u64::from(*first), u64::from(*last))))
            }
            Members::Bits(bits) => Box::new(joined(
                (0..BLOCK).filter(|at| bits[(at / 64) as usize] >> (at % 64) & 1 == 1).map(move |at| range(at, at)),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::Numbers;

    fn range(first: u64, last: u64) -> SequenceRange {
        SequenceRange { first, last }
    }

    #[test]
    fn it_holds_what_a_set_holds() {
        for seed in 0..30 {
            let mut numbers = Numbers(seed);
            let (step, most) = (1 + numbers.below(70), 60_000 + numbers.below(120_000));
            let (mut set, mut model) = (SequenceSet::default(), BTreeSet::new());
            let mut at = numbers.below(100_000);
            for _ in 0..3_000 + numbers.below(9_000) {
                at += 1 + if numbers.below(3) == 0 { numbers.below(step) } else { 0 };
                set.push(at);
                model.insert(at);
            }
            assert_eq!(set.len(), model.len() as u64);
            for _ in 0..200 {
                let first = numbers.below(most);
                let asked = range(first, first + numbers.below(20_000));
                let expected = model.range(asked.first..=asked.last).count() as u64;
                assert_eq!(set.count_in(asked), expected, "seed {seed}, {asked:?}");
                assert_eq!(set.contains(first), model.contains(&first));
            }
            let runs: Vec<u64> = set.runs().flat_map(|run| run.first..=run.last).collect();
            assert!(runs.iter().eq(model.iter()), "seed {seed}");
            let asked = range(numbers.below(50_000), 50_000 + numbers.below(200_000));
            let gaps: Vec<u64> = set.gaps(asked).flat_map(|gap| gap.first..=gap.last).collect();
            let expected: Vec<u64> = (asked.first..=asked.last).filter(|at| !model.contains(at)).collect();
            assert_eq!(gaps, expected, "seed {seed}, {asked:?}");
        }
    }

    #[test]
    fn sets_share_what_both_have() {
        let (mut even, mut third) = (SequenceSet::default(), SequenceSet::default());
        even.extend((2..=200_000).step_by(2));
        third.extend((3..=300_000).step_by(3));
        assert_eq!((even.shared(&third), third.shared(&even)), (200_000 / 6, 200_000 / 6));
    }

    #[test]
    fn a_run_is_one_entry_and_every_second_a_bit() {
        let mut dense = SequenceSet::default();
        dense.extend(1..=1_000_000);
        assert!(dense.blocks.iter().all(|block| matches!(&block.members, Members::Runs(runs) if runs.len() == 1)));
        let mut half = SequenceSet::default();
        half.extend((1..=1_000_000).step_by(2));
        assert!(half.blocks[..15].iter().all(|block| matches!(&block.members, Members::Bits(_))));
        assert_eq!(half.gaps(range(1, 9)).count(), 4);
    }

    #[test]
    fn the_ends_of_numbers_are_no_trouble() {
        let mut set = SequenceSet::default();
        set.extend([1, u64::MAX]);
        set.push(5);
        assert_eq!(set.len(), 2, "what is not above the last is left out");
        assert_eq!(set.gaps(range(1, u64::MAX)).collect::<Vec<_>>(), [range(2, u64::MAX - 1)]);
        assert_eq!(set.count_in(range(1, u64::MAX)), 2);
        assert_eq!(SequenceSet::default().gaps(range(4, 6)).collect::<Vec<_>>(), [range(4, 6)]);
        assert_eq!(SequenceSet::default().gaps(range(6, 4)).count(), 0);
    }
}
