//! Which rows of a call repeat another: exact texts, no hash decides.
//!
//! A row has a correlation key and possibly more keys. It repeats an earlier row when one of its keys is a key of a row
//! that was kept; a row that repeats another registers none of its own keys. A key that is absent constrains nothing,
//! as NULL in a UNIQUE column does not.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::RowKeys;

/// The keys of the rows that were kept, each with the sequence of its row.
///
/// Keys lie end to end in blocks; an entry is 24 bytes beside its text.
#[derive(Default)]
pub struct KeptKeys {
    hasher: DefaultHashBuilder,
    table: HashTable<Entry>,
    text: Vec<u8>,
    /// The hashes of the keys of the row at hand.
    hashes: Vec<u64>,
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

impl KeptKeys {
    /// Says which kept row this one, of at most 256 keys, repeats; when none, the row is kept and its keys are remembered.
    pub fn keep(&mut self, sequence: u64, keys: &RowKeys) -> Option<Repeats> {
        self.hashes.clear();
        for (template, key) in keys.iter().enumerate() {
            let Some(key) = key else { continue };
            let (template, key) = (template as u8, key.as_bytes());
            let hash = self.hasher.hash_one((template, key));
            let equal = |entry: &Entry| entry.template == template && self.key(entry) == key;
            if let Some(found) = self.table.find(hash, equal) {
                return Some(Repeats { sequence: found.sequence, template: template.into() });
            }
            self.hashes.push(hash);
        }
        let present = keys.iter().enumerate().filter_map(|(template, key)| Some((template as u8, key?)));
        let Self { hasher, table, text, hashes } = self;
        for ((template, key), hash) in present.zip(hashes) {
            let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
            let entry = Entry { start: text.len(), length, template, sequence };
            text.extend_from_slice(key.as_bytes());
            let rehash = |entry: &Entry| {
                let key = &text[entry.start..entry.start + entry.length as usize];
                hasher.hash_one((entry.template, key))
            };
            table.insert_unique(*hash, entry, rehash);
        }
        None
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.text[entry.start..entry.start + entry.length as usize]
    }
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
