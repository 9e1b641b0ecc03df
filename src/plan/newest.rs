//! The rows of a call that are the newest of their keys.

use std::collections::{HashMap, HashSet};

use super::RowKeys;
use super::duplicates::present;
use super::key_table::KeyTable;

/// The keys of all rows of a call, in the order in which they came.
///
/// Keys are stored once; a row costs 8 bytes and 4 for each of its keys beside that.
#[derive(Default)]
pub struct NewestKeys {
    keys: KeyTable,
    rows: Vec<Row>,
    /// The keys of all rows, end to end.
    row_keys: Vec<u32>,
}

struct Row {
    sequence: u64,
    /// Where the row's keys end in `row_keys`.
    end: usize,
}

/// The result of [`NewestKeys`], by sequence.
#[derive(Debug, Default)]
pub struct Newest {
    stay: HashSet<u64>,
    /// The rows that do not stay, each with a newer one that stays in its place.
    replaced: HashMap<u64, u64>,
    /// The newer rows that replaced a row and that the second reading has not brought yet.
    owed: HashSet<u64>,
}

impl Newest {
    /// Whether a row stays, when the rows come again in the same order. A row that did not come before does not.
    pub fn stays(&mut self, sequence: u64) -> bool {
        if let Some(newer) = self.replaced.get(&sequence) {
            self.owed.insert(*newer);
        }
        self.owed.remove(&sequence);
        self.stay.contains(&sequence)
    }

    /// The newer row that stays in the place of one that does not.
    #[must_use]
    pub fn replaced_by(&self, sequence: u64) -> Option<u64> {
        self.replaced.get(&sequence).copied()
    }

    /// A row that replaced another row, but did not come in the second reading.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        self.owed.iter().min().copied()
    }
}

impl NewestKeys {
    /// Notes a row of at most 256 keys. A key that is absent constrains nothing.
    pub fn note(&mut self, sequence: u64, keys: &RowKeys) {
        for (template, key) in present(keys) {
            let hash = self.keys.hash(template, key);
            let found = self.keys.find(hash, template, key);
            self.row_keys.push(found.unwrap_or_else(|| self.keys.add(hash, template, key)));
        }
        self.rows.push(Row { sequence, end: self.row_keys.len() });
    }

    /// The rows that stay. It goes from the newest row to the oldest; a row stays when it shares no key with a row that stays
    /// already.
    #[must_use]
    pub fn finish(self) -> Newest {
        // For each key the position of the row that stays and has it.
        let mut owner: Vec<Option<usize>> = vec![None; self.keys.len()];
        let mut newest = Newest::default();
        for (index, row) in self.rows.iter().enumerate().rev() {
            let start = if index == 0 { 0 } else { self.rows[index - 1].end };
            let keys = &self.row_keys[start..row.end];
            match keys.iter().find_map(|key| owner[*key as usize]) {
                Some(position) => {
                    newest.replaced.insert(row.sequence, self.rows[position].sequence);
                }
                None => {
                    keys.iter().for_each(|key| owner[*key as usize] = Some(index));
                    newest.stay.insert(row.sequence);
                }
            }
        }
        newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(rows: &[(u64, &[Option<&str>])]) -> Vec<u64> {
        let mut keys = NewestKeys::default();
        for (sequence, row) in rows {
            keys.note(*sequence, &row.iter().copied().collect());
        }
        let mut newest = keys.finish();
        rows.iter().map(|(sequence, _)| *sequence).filter(|sequence| newest.stays(*sequence)).collect()
    }

    #[test]
    fn the_newest_row_of_a_key_stays() {
        assert_eq!(newest(&[(1, &[Some("a")]), (2, &[Some("b")]), (3, &[Some("a")])]), [2, 3]);
    }

    #[test]
    fn a_row_that_does_not_stay_takes_no_key() {
        // From the newest: 3 stays with a and y; 2 repeats y, so its b is free for 1.
        let rows: [(u64, &[Option<&str>]); 3] =
            [(1, &[Some("b"), Some("x")]), (2, &[Some("b"), Some("y")]), (3, &[Some("a"), Some("y")])];
        assert_eq!(newest(&rows), [1, 3]);
    }

    #[test]
    fn absent_keys_and_other_templates_do_not_meet() {
        assert_eq!(
            newest(&[(1, &[Some("a"), None]), (2, &[Some("b"), None]), (3, &[Some("c"), Some("a")])]),
            [1, 2, 3]
        );
    }

    #[test]
    fn many_keys() {
        let mut keys = NewestKeys::default();
        for sequence in 0..40_000_u64 {
            keys.note(sequence, &[Some(format!("k{}", sequence % 1_000).as_str())].into_iter().collect());
        }
        let mut newest = keys.finish();
        assert!((0..40_000).all(|sequence| newest.stays(sequence) == (sequence >= 39_000)));
        assert_eq!(newest.missing(), None);
    }

    #[test]
    fn a_row_that_stays_must_come_when_another_gave_way() {
        let mut keys = NewestKeys::default();
        for (sequence, key) in [(1, "a"), (2, "b"), (3, "a")] {
            keys.note(sequence, &[Some(key)].into_iter().collect());
        }
        let mut newest = keys.finish();
        // 1 and 2 expired meanwhile: no row was replaced by them.
        assert!(newest.stays(3));
        assert_eq!(newest.missing(), None);
        // 3 was deleted meanwhile.
        assert!(!newest.stays(1) && newest.stays(2));
        assert_eq!(newest.missing(), Some(3));
    }
}
