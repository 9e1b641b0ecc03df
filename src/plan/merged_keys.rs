//! The rows of a call that share a key become one row: its sequence, and the sequences of the rows that it stands for.

use super::key_table::KeyTable;

/// The rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergedRow {
    /// The sequence of the row that stays: the newest.
    pub newest: u64,
    /// The lowest sequence among them.
    pub first: u64,
    /// The highest sequence among them.
    pub last: u64,
}

/// The keys of all rows of a call, numbered from 0 in the order in which they came, each with its rows.
///
/// A key costs its text and about 60 bytes.
#[derive(Default)]
pub struct MergedKeys {
    keys: KeyTable,
    rows: Vec<MergedRow>,
    /// Whether the row that stays has come.
    came: Vec<bool>,
    /// The bytes of all keys.
    text: usize,
}

impl MergedKeys {
    /// Notes a row and returns the number of its key. For a known key, `newer` returns whether the row is newer than the one that has stayed so far.
    pub fn note(&mut self, sequence: u64, key: &str, newer: impl FnOnce(usize) -> bool) -> usize {
        let hash = self.keys.hash(0, key);
        let Some(number) = self.keys.find(hash, 0, key) else {
            self.text += key.len();
            self.rows.push(MergedRow { newest: sequence, first: sequence, last: sequence });
            self.came.push(false);
            return self.keys.add(hash, 0, key) as usize;
        };
        let number = number as usize;
        let replaces = newer(number);
        let row = &mut self.rows[number];
        (row.first, row.last) = (row.first.min(sequence), row.last.max(sequence));
        if replaces {
            row.newest = sequence;
        }
        number
    }

    /// The number of the key of a row that comes again, and the rows of that key. None for a key that was not noted.
    pub fn comes(&mut self, sequence: u64, key: &str) -> Option<(usize, MergedRow)> {
        let number = self.keys.find(self.keys.hash(0, key), 0, key)? as usize;
        let row = self.rows[number];
        self.came[number] |= row.newest == sequence;
        Some((number, row))
    }

    /// The sequence of a row that stays and has not come.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        let missing = self.rows.iter().zip(&self.came).filter(|(_, came)| !**came);
        missing.map(|(row, _)| row.newest).min()
    }

    /// About how many bytes of memory the keys take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text + self.rows.len() * 60
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::Numbers;

    #[test]
    fn one_row_of_each_key_stays_and_every_row_is_one_that_it_stands_for() {
        let mut numbers = Numbers(15);
        for _ in 0..300 {
            let rows: Vec<(u64, String, u64)> = (1..1 + numbers.below(80))
                .map(|sequence| (sequence * 3, format!("k{}", numbers.below(9)), numbers.below(6)))
                .collect();
            let mut keys = MergedKeys::default();
            let mut order: Vec<u64> = Vec::new();
            for (sequence, key, at) in &rows {
                let number = keys.note(*sequence, key, |number| *at >= order[number]);
                match order.get_mut(number) {
                    Some(newest) => *newest = (*newest).max(*at),
                    None => order.push(*at),
                }
            }
            let mut expected: BTreeMap<&str, Vec<(u64, u64)>> = BTreeMap::new();
            rows.iter().for_each(|(sequence, key, at)| expected.entry(key).or_default().push((*at, *sequence)));
            let stays = |key: &str| expected[key].iter().max().map(|(_, sequence)| *sequence);
            assert_eq!(keys.missing(), expected.keys().filter_map(|key| stays(key)).min());
            for (sequence, key, _) in &rows {
                let (number, row) = keys.comes(*sequence, key).unwrap();
                assert_eq!(Some(row.newest), stays(key));
                let sequences = expected[key.as_str()].iter().map(|(_, sequence)| *sequence);
                assert_eq!(Some(row.first), sequences.clone().min());
                assert_eq!(Some(row.last), sequences.max());
                assert!(number < expected.len());
            }
            assert_eq!(keys.missing(), None);
            assert_eq!(keys.comes(1, "another"), None);
        }
    }
}
