//! Keys as numbers: each distinct key of a call once, by its exact text.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct keys, numbered from 0 in the order in which they came. Keys of different templates are never equal.
///
/// A key costs its text and about 20 bytes; at most 2^32 of them fit.
#[derive(Default)]
pub(super) struct KeyTable {
    hasher: DefaultHashBuilder,
    numbers: HashTable<u32>,
    /// All keys end to end, each behind the number of its template.
    text: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
}

impl KeyTable {
    /// The number of keys.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The hash by which a key is looked up and added.
    pub fn hash(&self, template: u8, key: &str) -> u64 {
        self.hasher.hash_one((template, key.as_bytes()))
    }

    /// The number of a key that is there.
    pub fn find(&self, hash: u64, template: u8, key: &str) -> Option<u32> {
        let stored = |number: &u32| self.text[place(&self.ends, *number)].split_first();
        self.numbers.find(hash, |number| stored(number) == Some((&template, key.as_bytes()))).copied()
    }

    /// Adds a key that is not there; its number.
    pub fn add(&mut self, hash: u64, template: u8, key: &str) -> u32 {
        let number = self.ends.len() as u32;
        self.text.push(template);
        self.text.extend_from_slice(key.as_bytes());
        self.ends.push(self.text.len());
        let Self { hasher, numbers, text, ends } = self;
        let rehash = |number: &u32| match text[place(ends, *number)].split_first() {
            Some((template, key)) => hasher.hash_one((*template, key)),
            None => 0,
        };
        numbers.insert_unique(hash, number, rehash);
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
}
