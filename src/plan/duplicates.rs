//! The rows of a call that repeat another. Keys are compared by their exact texts, not by a hash.
//!
//! A row has a correlation key and possibly more keys. It repeats an earlier row when one of its keys is a key of a row
//! that was kept; a row that repeats another registers none of its own keys. A key that is absent constrains nothing,
//! as NULL in a UNIQUE column does not.

use super::RowKeys;
use super::key_table::KeyTable;

/// The keys of the rows that were kept, each with the sequence of its row.
#[derive(Default)]
pub struct KeptKeys {
    keys: KeyTable,
    /// By the number of the key.
    sequences: Vec<u64>,
    /// The hashes of the keys of the present row.
    hashes: Vec<u32>,
}

/// The row that another row repeats, and the key that they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// The sequence of the row that was kept.
    pub sequence: u64,
    /// The position of the key that both share: 0 is the correlation key.
    pub template: usize,
}

impl KeptKeys {
    /// Returns the kept row that this row repeats. A row that repeats none is kept, and its keys are remembered. A row has at
    /// most 256 keys.
    pub fn keep(&mut self, sequence: u64, keys: &RowKeys) -> Option<Repeats> {
        self.hashes.clear();
        for (template, key) in present(keys) {
            let hash = self.keys.hash(template, key);
            if let Some(found) = self.keys.find(hash, template, key) {
                return Some(Repeats { sequence: self.sequences[found as usize], template: template.into() });
            }
            self.hashes.push(hash);
        }
        for ((template, key), hash) in present(keys).zip(&self.hashes) {
            self.keys.add(*hash, template, key);
            self.sequences.push(sequence);
        }
        None
    }
}

/// The keys that have a value, each with the position of its template.
pub(super) fn present(keys: &RowKeys) -> impl Iterator<Item = (u8, &str)> {
    keys.iter().enumerate().filter_map(|(template, key)| Some((template as u8, key?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(kept: &mut KeptKeys, sequence: u64, keys: &[Option<&str>]) -> Option<Repeats> {
        kept.keep(sequence, &keys.iter().copied().collect())
    }

    #[test]
    fn a_row_repeats_the_row_that_was_kept() {
        let mut kept = KeptKeys::default();
        assert_eq!(keep(&mut kept, 1, &[Some("a"), Some("x")]), None);
        assert_eq!(keep(&mut kept, 2, &[Some("a"), Some("y")]), Some(Repeats { sequence: 1, template: 0 }));
        assert_eq!(keep(&mut kept, 3, &[Some("b"), Some("x")]), Some(Repeats { sequence: 1, template: 1 }));
        // Row 2 was not kept, so its second key is free.
        assert_eq!(keep(&mut kept, 4, &[Some("c"), Some("y")]), None);
    }

    #[test]
    fn keys_of_different_templates_are_different() {
        let mut kept = KeptKeys::default();
        assert_eq!(keep(&mut kept, 1, &[Some("a"), None]), None);
        assert_eq!(keep(&mut kept, 2, &[Some("b"), Some("a")]), None);
    }

    #[test]
    fn an_absent_key_constrains_nothing() {
        let mut kept = KeptKeys::default();
        assert_eq!(keep(&mut kept, 1, &[Some("a"), None]), None);
        assert_eq!(keep(&mut kept, 2, &[Some("b"), None]), None);
    }

    #[test]
    fn many_keys_stay_exact() {
        let mut kept = KeptKeys::default();
        for sequence in 0..50_000_u64 {
            assert_eq!(keep(&mut kept, sequence, &[Some(&format!("key-{sequence}"))]), None);
        }
        for sequence in 0..50_000_u64 {
            let repeats = Some(Repeats { sequence, template: 0 });
            assert_eq!(keep(&mut kept, 99_999, &[Some(&format!("key-{sequence}"))]), repeats);
        }
    }
}
