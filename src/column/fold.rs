//! Folding the values of several rows into one.
//!
//! A fold gives the same value for every grouping of the rows, also when some of them come twice: folding folded values is folding all values. Sums
//! and counts are not folds for that reason.

use std::cmp::Ordering;

use super::buffer::{Buffer, TextValues, Values};
use super::types::Type;

/// The rule by which the values of the rows of one key become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// The value of the row that was added first, also when it is NULL.
    First,
    /// The least that is not NULL.
    Min,
    /// The greatest that is not NULL.
    Max,
}

/// The folded values of one column, one for each key. Keys are numbers from 0.
pub struct Folded {
    fold: Fold,
    /// The values, and those that a later one replaced.
    values: Buffer,
    /// The position of each key's value.
    places: Vec<usize>,
    /// The bytes of the replaced values.
    replaced: usize,
}

/// The most bytes of replaced values that are held, beside [`LEAST_REPLACED`].
const MOST_REPLACED: usize = 8 << 20;
/// The bytes of replaced values below which the others are not moved together.
const LEAST_REPLACED: usize = 64 << 10;

impl Folded {
    /// No values yet.
    #[must_use]
    pub fn new(fold: Fold, ty: &Type) -> Self {
        Self { fold, values: Buffer::new(ty), places: Vec::new(), replaced: 0 }
    }

    /// Adds the value of a row to a key: to one that is there, or to the next one.
    pub fn add(&mut self, key: usize, from: &Buffer, row: usize) {
        match self.places.get(key).copied() {
            None => self.places.push(self.values.len()),
            Some(place) if self.replaces(place, from, row) => {
                self.replaced += value_size(&self.values, place);
                self.places[key] = self.values.len();
            }
            Some(_) => return,
        }
        self.values.push_from(from, row);
        if self.replaced > LEAST_REPLACED + (self.size() / 4).min(MOST_REPLACED) {
            self.compact();
        }
    }

    /// Appends the value of a key to a buffer of the same type.
    pub fn push_to(&self, key: usize, to: &mut Buffer) {
        to.push_from(&self.values, self.places.get(key).copied().unwrap_or(usize::MAX));
    }

    /// The order of a value that is not NULL and that of a key; None when the key has none.
    #[must_use]
    pub fn compare(&self, from: &Buffer, row: usize, key: usize) -> Option<Ordering> {
        let place = *self.places.get(key)?;
        self.values.valid.get(place)?.then(|| from.compare(row, &self.values, place))
    }

    /// About how many bytes of memory the values take. Replaced values, of which there are some MiB at most, do not count.
    #[must_use]
    pub fn size(&self) -> usize {
        size(&self.values) - self.replaced + self.places.len() * size_of::<usize>()
    }

    fn replaces(&self, place: usize, from: &Buffer, row: usize) -> bool {
        let wanted = match self.fold {
            Fold::First => return false,
            Fold::Min => Ordering::Less,
            Fold::Max => Ordering::Greater,
        };
        match (from.valid.get(row), self.values.valid.get(place)) {
            (Some(true), Some(true)) => from.compare(row, &self.values, place) == wanted,
            (Some(true), _) => true,
            _ => false,
        }
    }

    /// Removes the replaced values, without a copy of the others.
    fn compact(&mut self) {
        let mut keep = vec![false; self.values.len()];
        self.places.iter().for_each(|place| keep[*place] = true);
        self.values.retain(&keep);
        let moved: Vec<usize> = keep
            .iter()
            .scan(0, |kept, keep| {
                let place = *kept;
                *kept += usize::from(*keep);
                Some(place)
            })
            .collect();
        self.places.iter_mut().for_each(|place| *place = moved[*place]);
        self.replaced = 0;
    }
}

/// The bytes of one value. Values that are replaced are ordered, so they are texts, or have one width.
fn value_size(buffer: &Buffer, row: usize) -> usize {
    match &buffer.values {
        Values::Text(texts) => 1 + texts.get(row).len() + size_of::<usize>(),
        _ => size(buffer) / buffer.len().max(1),
    }
}

/// The bytes of a buffer.
fn size(buffer: &Buffer) -> usize {
    let rows = buffer.len();
    let values = match &buffer.values {
        Values::Bool(_) | Values::I8(_) | Values::U8(_) => rows,
        Values::I16(_) | Values::U16(_) => 2 * rows,
        Values::I32(_) | Values::U32(_) | Values::F32(_) => 4 * rows,
        Values::I64(_) | Values::U64(_) | Values::F64(_) => 8 * rows,
        Values::I128(_) | Values::U128(_) | Values::Interval(_) => 16 * rows,
        Values::Text(TextValues { bytes, .. }) => bytes.len() + rows * size_of::<usize>(),
        Values::List(list) => size(&list.child) + rows * size_of::<usize>(),
        Values::Struct(members) => members.iter().map(size).sum(),
    };
    rows + values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Numbers;

    fn column(values: &[Option<i64>]) -> Buffer {
        let valid = values.iter().map(Option::is_some).collect();
        Buffer { valid, values: Values::I64(values.iter().map(|value| value.unwrap_or_default()).collect()) }
    }

    fn texts(values: &[Option<String>]) -> Buffer {
        let mut buffer = Buffer::new(&Type::Varchar);
        for value in values {
            match value {
                Some(value) => buffer.push_bytes(value.as_bytes()),
                None => buffer.push_null(),
            }
        }
        buffer
    }

    fn folded(fold: Fold, ty: &Type, rows: &[(usize, &Buffer, usize)], keys: usize) -> Buffer {
        let mut folded = Folded::new(fold, ty);
        rows.iter().for_each(|(key, from, row)| folded.add(*key, from, *row));
        let mut out = Buffer::new(ty);
        (0..keys).for_each(|key| folded.push_to(key, &mut out));
        out
    }

    #[test]
    fn a_fold_is_that_of_all_values_whatever_the_groups_and_however_often_they_come() {
        let mut numbers = Numbers(15);
        for round in 0..400 {
            let count = 1 + numbers.below(60) as usize;
            let value = |drawn: u64| (drawn > 4).then_some(drawn as i64 - 15);
            let values: Vec<Option<i64>> = (0..count).map(|_| value(numbers.below(25))).collect();
            let column = column(&values);
            let words = texts(&values.iter().map(|value| value.map(|value| format!("t{value}"))).collect::<Vec<_>>());
            for fold in [Fold::First, Fold::Min, Fold::Max] {
                let all: Vec<(usize, &Buffer, usize)> = (0..count).map(|row| (0, &column, row)).collect();
                let whole = folded(fold, &Type::BigInt, &all, 1);
                let known = values.iter().flatten().copied();
                let expected = match fold {
                    Fold::First => values[0],
                    Fold::Min => known.min(),
                    Fold::Max => known.max(),
                };
                assert_eq!(whole, self::column(&[expected]), "round {round}, {fold:?}");
                // The rows come in groups of any size, some of them twice, and the groups are folded.
                let group = 1 + numbers.below(count as u64) as usize;
                let parts: Vec<Buffer> = all.chunks(group).map(|rows| folded(fold, &Type::BigInt, rows, 1)).collect();
                let mut again: Vec<(usize, &Buffer, usize)> = parts.iter().map(|part| (0, part, 0)).collect();
                let twice = numbers.below(again.len() as u64) as usize;
                again.push(again[twice]);
                assert_eq!(folded(fold, &Type::BigInt, &again, 1), whole, "round {round}, {fold:?}");
                let all: Vec<(usize, &Buffer, usize)> = (0..count).map(|row| (0, &words, row)).collect();
                let text = known_text(fold, &words, count);
                assert_eq!(folded(fold, &Type::Varchar, &all, 1), texts(&[text]), "round {round}, {fold:?}");
            }
        }
    }

    fn known_text(fold: Fold, words: &Buffer, count: usize) -> Option<String> {
        let Values::Text(values) = &words.values else { unreachable!() };
        let text = |row: usize| words.valid[row].then(|| String::from_utf8(values.get(row).to_vec()).unwrap());
        let known = (0..count).filter_map(text);
        match fold {
            Fold::First => text(0),
            Fold::Min => known.min(),
            Fold::Max => known.max(),
        }
    }

    #[test]
    fn values_that_were_replaced_take_no_memory_for_ever() {
        let mut folded = Folded::new(Fold::Max, &Type::Varchar);
        for round in 0..100_000_u64 {
            folded.add((round % 10) as usize, &texts(&[Some(format!("{round:08}"))]), 0);
            assert!(size(&folded.values) < 2 * LEAST_REPLACED, "{}", size(&folded.values));
        }
        let mut out = Buffer::new(&Type::Varchar);
        (0..10).for_each(|key| folded.push_to(key, &mut out));
        let expected: Vec<_> = (99_990..100_000).map(|round| Some(format!("{round:08}"))).collect();
        assert_eq!(out, texts(&expected));
        // A value is a byte of validity, its text, where that ends, and the place of its key.
        assert_eq!(folded.size(), 10 * (1 + 8 + 8 + 8), "replaced values do not count");
        folded.push_to(10, &mut out);
        assert_eq!(out.valid.last(), Some(&false), "a key that is not there");
    }

    #[test]
    fn long_values_that_were_replaced_are_let_go_of_before_they_are_many() {
        let mut folded = Folded::new(Fold::Min, &Type::Varchar);
        for round in 0..600_usize {
            let text = format!("{:04}{}", 9_999 - round, "x".repeat(100_000));
            folded.add(round % 3, &texts(&[Some(text)]), 0);
            // The three values that stay, and the replaced ones below the limit.
            assert!(
                size(&folded.values) < 3 * 100_100 + 2 * 100_100 + LEAST_REPLACED,
                "round {round}: {}",
                size(&folded.values)
            );
        }
        assert!(folded.size() < 3 * 100_100, "{}", folded.size());
        let mut out = Buffer::new(&Type::Varchar);
        (0..3).for_each(|key| folded.push_to(key, &mut out));
        let Values::Text(texts) = &out.values else { unreachable!() };
        assert_eq!([0, 1, 2].map(|row| &texts.get(row)[..4]), [b"9402", b"9401", b"9400"]);
    }

    #[test]
    fn numbers_that_were_replaced_take_no_memory_for_ever() {
        let mut folded = Folded::new(Fold::Max, &Type::BigInt);
        for round in 0..200_000_i64 {
            folded.add((round % 7) as usize, &column(&[Some(round)]), 0);
        }
        assert!(size(&folded.values) < 2 * LEAST_REPLACED, "{}", size(&folded.values));
        assert_eq!(folded.size(), 7 * (1 + 8 + 8));
    }
}
