//! Which rows of a call repeat another: exact texts, no hash decides.
//!
//! A row has a correlation key and possibly more keys. It repeats an earlier row when one of its keys is a key of a row
//! that was kept; a row that repeats another registers none of its own keys. A key that is absent constrains nothing,
//! as NULL in a UNIQUE column does not.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// The keys of the rows that were kept, each with the sequence of its row.
///
/// Keys lie end to end in blocks; an entry is 24 bytes beside its text.
pub struct KeptKeys {
    hasher: RandomState,
    table: HashTable<Entry>,
    text: Vec<u8>,
}

struct Entry {
    start: usize,
    length: u32,
    /// Which of the row's keys it is: keys of different templates are never equal.
    template: u8,
    sequence: u64,
}

/// The row that another repeats, and by which of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// The sequence of the row that was kept.
    pub sequence: u64,
    /// The position of the key that both share: 0 is the correlation key.
    pub template: usize,
}

impl Default for KeptKeys {
    fn default() -> Self {
        Self { hasher: RandomState::new(), table: HashTable::new(), text: Vec::new() }
    }
}

impl KeptKeys {
    /// Says which kept row this one, of at most 256 keys, repeats; when none, the row is kept and its keys are remembered.
    pub fn keep(&mut self, sequence: u64, keys: &[Option<&str>]) -> Option<Repeats> {
        for (template, key) in keys.iter().enumerate() {
            if let Some(found) = key.and_then(|key| self.find(template, key)) {
                return Some(Repeats { sequence: found, template });
            }
        }
        for (template, key) in keys.iter().enumerate() {
            if let Some(key) = key {
                self.insert(template, key, sequence);
            }
        }
        None
    }

    fn hash(&self, template: usize, key: &[u8]) -> u64 {
        self.hasher.hash_one((template as u8, key))
    }

    fn find(&self, template: usize, key: &str) -> Option<u64> {
        let hash = self.hash(template, key.as_bytes());
        let equal = |entry: &Entry| entry.template == template as u8 && self.key(entry) == key.as_bytes();
        self.table.find(hash, equal).map(|entry| entry.sequence)
    }

    fn insert(&mut self, template: usize, key: &str, sequence: u64) {
        let hash = self.hash(template, key.as_bytes());
        let entry = Entry {
            start: self.text.len(),
            length: u32::try_from(key.len()).unwrap_or(u32::MAX),
            template: template as u8,
            sequence,
        };
        self.text.extend_from_slice(key.as_bytes());
        let Self { hasher, table, text } = self;
        let rehash = |entry: &Entry| {
            let key = &text[entry.start..entry.start + entry.length as usize];
            hasher.hash_one((entry.template, key))
        };
        table.insert_unique(hash, entry, rehash);
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.text[entry.start..entry.start + entry.length as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_repeats_the_row_that_was_kept() {
        let mut kept = KeptKeys::default();
        assert_eq!(kept.keep(1, &[Some("a"), Some("x")]), None);
        assert_eq!(kept.keep(2, &[Some("a"), Some("y")]), Some(Repeats { sequence: 1, template: 0 }));
        assert_eq!(kept.keep(3, &[Some("b"), Some("x")]), Some(Repeats { sequence: 1, template: 1 }));
        // Row 2 was not kept, so its second key is free.
        assert_eq!(kept.keep(4, &[Some("c"), Some("y")]), None);
    }

    #[test]
    fn keys_of_different_templates_are_different() {
        let mut kept = KeptKeys::default();
        assert_eq!(kept.keep(1, &[Some("a"), None]), None);
        assert_eq!(kept.keep(2, &[Some("b"), Some("a")]), None);
    }

    #[test]
    fn an_absent_key_constrains_nothing() {
        let mut kept = KeptKeys::default();
        assert_eq!(kept.keep(1, &[Some("a"), None]), None);
        assert_eq!(kept.keep(2, &[Some("b"), None]), None);
    }

    #[test]
    fn many_keys_stay_exact() {
        let mut kept = KeptKeys::default();
        for sequence in 0..50_000_u64 {
            assert_eq!(kept.keep(sequence, &[Some(&format!("key-{sequence}"))]), None);
        }
        for sequence in 0..50_000_u64 {
            let repeats = Some(Repeats { sequence, template: 0 });
            assert_eq!(kept.keep(99_999, &[Some(&format!("key-{sequence}"))]), repeats);
        }
    }
}
