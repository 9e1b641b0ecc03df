//! The keys of one row.

use smallvec::SmallVec;

/// The keys of one row, the correlation key first; one that has no value constrains nothing. One value is used for all rows, so that a row costs no
/// allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowKeys {
    text: String,
    /// Where each key ends in the text; None for one that has no value.
    ends: SmallVec<[Option<u32>; 2]>,
}

impl RowKeys {
    /// Forgets all keys.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds the key that `write` appends to a text; when `write` returns false, the row has no such key. After an error the
    /// keys are as they were.
    ///
    /// # Errors
    /// The error of `write`.
    pub fn push<E>(&mut self, write: impl FnOnce(&mut String) -> Result<bool, E>) -> Result<(), E> {
        let start = self.text.len();
        let written = write(&mut self.text);
        if !matches!(written, Ok(true)) {
            self.text.truncate(start);
        }
        // The keys of a row come from one message, which is far smaller than 4 GiB.
        let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        written.map(|present| self.ends.push(present.then_some(end)))
    }

    /// The keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let end = (*end)? as usize;
            let key = self.text.get(start..end);
            start = end;
            key
        })
    }
}

impl<'a> FromIterator<Option<&'a str>> for RowKeys {
    fn from_iter<I: IntoIterator<Item = Option<&'a str>>>(keys: I) -> Self {
        let mut row = RowKeys::default();
        for key in keys {
            let Ok(()) = row.push::<std::convert::Infallible>(|text| {
                text.push_str(key.unwrap_or_default());
                Ok(key.is_some())
            });
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_in_order() {
        for keys in [&[Some("a"), None, Some(""), Some("bc")][..], &[None], &[]] {
            let row: RowKeys = keys.iter().copied().collect();
            assert_eq!(row.iter().collect::<Vec<_>>(), keys);
        }
    }

    #[test]
    fn a_key_that_fails_leaves_nothing() {
        let mut row: RowKeys = [Some("a")].into_iter().collect();
        let failed = row.push(|text| {
            text.push_str("half");
            Err("no")
        });
        assert_eq!((failed, row.iter().collect::<Vec<_>>()), (Err("no"), vec![Some("a")]));
        row.clear();
        assert_eq!(row.iter().count(), 0);
    }
}
