//! The rows of a call that share a key are folded into one.
//!
//! Every row is shown twice, as with `keep := 'last'`: first to find the newest row of each key and to fold values, then to
//! leave, or not. The keys and the folded values are held in memory between the two, but not the rows.

use std::cmp::Ordering;

use super::merge_options::MergeOptions;
use crate::column::{Buffer, Column, Fold, Folded};
use crate::plan::{MergedKeys, MergedRow, RowKeys};

/// The keys of a call, and the folded values of their rows.
pub(super) struct Merger {
    keys: MergedKeys,
    /// The column that rows are ordered by, and the value of each key's newest row.
    order: Option<(usize, Folded)>,
    folds: Vec<(usize, Folded)>,
}

impl Merger {
    /// No rows yet; `columns` are those of the payload.
    pub(super) fn new(options: &MergeOptions, columns: &[Column]) -> Self {
        let folded = |column: usize, fold| (column, Folded::new(fold, &columns[column].ty));
        Self {
            keys: MergedKeys::default(),
            order: options.order_by.map(|column| folded(column, Fold::Max)),
            folds: options.folds.iter().map(|(column, fold)| folded(*column, *fold)).collect(),
        }
    }

    /// Notes a row; rows come in the order of their sequences. `values` are the columns of the payload, the row among them.
    pub(super) fn note(&mut self, sequence: u64, keys: &RowKeys, values: &[Buffer], row: usize) {
        let Some(key) = correlation_key(keys) else { return };
        let order = &self.order;
        let newer = |number| {
            order
                .as_ref()
                .is_none_or(|(column, newest)| newest.compare(&values[*column], row, number) != Some(Ordering::Less))
        };
        let number = self.keys.note(sequence, key, newer);
        for (column, folded) in self.order.iter_mut().chain(&mut self.folds) {
            folded.add(number, &values[*column], row);
        }
    }

    /// A row comes again: the number of its key and the rows of that key; None for one that was not noted.
    pub(super) fn comes(&mut self, sequence: u64, keys: &RowKeys) -> Option<(usize, MergedRow)> {
        self.keys.comes(sequence, correlation_key(keys)?)
    }

    /// Puts the folded values of these keys, a row each, in the place of the rows' own.
    pub(super) fn replace(&self, numbers: &[usize], columns: &[Column], values: &mut [Buffer]) {
        for (column, folded) in &self.folds {
            let mut replaced = Buffer::new(&columns[*column].ty);
            numbers.iter().for_each(|number| folded.push_to(*number, &mut replaced));
            values[*column] = replaced;
        }
    }

    /// The sequence of a row that was to leave and has not come.
    pub(super) fn missing(&self) -> Option<u64> {
        self.keys.missing()
    }

    /// About how many bytes of memory keys and values take.
    pub(super) fn size(&self) -> usize {
        self.keys.size() + self.order.iter().chain(&self.folds).map(|(_, folded)| folded.size()).sum::<usize>()
    }
}

fn correlation_key(keys: &RowKeys) -> Option<&str> {
    keys.iter().next().flatten()
}
