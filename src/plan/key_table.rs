//! Keys as numbers: each distinct key of a call once, by its exact text.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct keys, numbered from 0 in the order in which they came. Keys of different templates are never equal.
///
/// A key costs its text and about 24 bytes; at most 2^32 of them fit.
#[derive(Default)]
pub(super) struct KeyTable {
    hasher: DefaultHashBuilder,
    entries: HashTable<Entry>,
    /// All keys end to end, each behind the number of its template.
    text: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
}

/// A key as the table has it. With its hash, the table grows and passes over other keys without a look at their texts, which are somewhere in memory.
struct Entry {
    hash: u32,
    number: u32,
}

impl Entry {
    /// The hash by which the table places it: the table takes the place from the lower bits and a mark from the upper ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl KeyTable {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The hash by which a key is looked up and added.
    pub fn hash(&self, template: u8, key: &str) -> u32 {
        self.hasher.hash_one((template, key.as_bytes())) as u32
    }

    /// The number of a key that is there.
    pub fn find(&self, hash: u32, template: u8, key: &str) -> Option<u32> {
        let stored = |number: u32| self.text[place(&self.ends, number)].split_first();
        let is_same = |entry: &Entry| entry.hash == hash && stored(entry.number) == Some((&template, key.as_bytes()));
        self.entries.find(Entry::spread(hash), is_same).map(|entry| entry.number)
    }

    /// Adds a key that is not there; its number.
    pub fn add(&mut self, hash: u32, template: u8, key: &str) -> u32 {
        let number = self.ends.len() as u32;
        self.text.push(template);
        self.text.extend_from_slice(key.as_bytes());
        self.ends.push(self.text.len());
        self.entries.insert_unique(Entry::spread(hash), Entry { hash, number }, |entry| Entry::spread(entry.hash));
        number
    }
}

fn place(ends: &[usize], number: u32) -> Range<usize> {
    let number = number as usize;
    (if number == 0 { 0 } else { ends[number - 1] })..ends[number]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_and_told_apart() {
        let mut table = KeyTable::default();
        let keys: Vec<(u8, String)> = (0..40_000).map(|i| ((i % 3) as u8, format!("k{}", i / 3))).collect();
        for (number, (template, key)) in (0..).zip(&keys) {
            let hash = table.hash(*template, key);
            assert_eq!(table.find(hash, *template, key), None);
            assert_eq!(table.add(hash, *template, key), number);
        }
        assert_eq!(table.len(), keys.len());
        for (number, (template, key)) in (0..).zip(&keys) {
            assert_eq!(table.find(table.hash(*template, key), *template, key), Some(number));
        }
        assert_eq!(table.find(table.hash(3, "k0"), 3, "k0"), None);
    }

    #[test]
    fn keys_of_one_hash_are_told_apart_by_their_texts() {
        let mut table = KeyTable::default();
        table.add(7, 0, "a");
        assert_eq!((table.find(7, 0, "b"), table.find(7, 1, "a"), table.find(8, 0, "a")), (None, None, None));
        table.add(7, 0, "b");
        assert_eq!((table.find(7, 0, "a"), table.find(7, 0, "b")), (Some(0), Some(1)));
    }
}
