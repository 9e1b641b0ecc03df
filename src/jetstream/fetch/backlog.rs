//! Records whose turn it is, waiting for the reader.

use std::collections::VecDeque;

use crate::record::Record;

/// The number of records in a page: DuckDB's vector size, so that a page fills a chunk.
const PAGE: usize = 2_048;
/// The bytes of payload in a page; one record is always in it.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// While so many records wait, nothing more is asked for.
const FULL: usize = 2 * PAGE;
/// While so many bytes of payload wait, nothing more is asked for.
const FULL_BYTES: usize = 4 * PAGE_BYTES;

/// The queue between the wire and the pages, bounded by number and by bytes once what is under way has come in.
#[derive(Default)]
pub(super) struct Backlog {
    records: VecDeque<Record>,
    bytes: usize,
}

impl Backlog {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether there is enough for a page.
    pub fn fills_page(&self) -> bool {
        self.records.len() >= PAGE || self.bytes >= PAGE_BYTES
    }

    /// Whether more may be asked for.
    pub fn has_room(&self) -> bool {
        self.records.len() < FULL && self.bytes < FULL_BYTES
    }

    /// The next page; empty when nothing waits.
    pub fn page(&mut self) -> Vec<Record> {
        let mut bytes = 0;
        let fits = |record: &&Record| {
            let before = bytes;
            bytes += record.payload.len();
            before == 0 || bytes <= PAGE_BYTES
        };
        let count = self.records.iter().take(PAGE).take_while(fits).count();
        let page: Vec<Record> = self.records.drain(..count).collect();
        self.bytes -= page.iter().map(|record| record.payload.len()).sum::<usize>();
        page
    }
}

impl Extend<Record> for Backlog {
    fn extend<I: IntoIterator<Item = Record>>(&mut self, records: I) {
        let bytes = &mut self.bytes;
        self.records.extend(records.into_iter().inspect(|record| *bytes += record.payload.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Headers;

    fn records(sizes: &[usize]) -> impl Iterator<Item = Record> {
        (1..).zip(sizes).map(|(sequence, size)| Record {
            subject: "s".into(),
            sequence,
            time_ns: 0,
            headers: Headers::default(),
            payload: vec![0; *size].into(),
            part: None,
        })
    }

    fn pages(mut backlog: Backlog) -> Vec<usize> {
        let pages = std::iter::from_fn(|| Some(backlog.page().len()).filter(|count| *count > 0)).collect();
        assert_eq!((backlog.is_empty(), backlog.bytes), (true, 0));
        pages
    }

    #[test]
    fn pages_are_bounded_by_number_and_by_bytes() {
        for (sizes, expected) in [
            (vec![100; 5_000], vec![2_048, 2_048, 904]),
            (vec![0; 3_000], vec![2_048, 952]),
            (vec![PAGE_BYTES / 4; 10], vec![4, 4, 2]),
            (vec![3 * PAGE_BYTES, 1, 3 * PAGE_BYTES, 1], vec![1, 1, 1, 1]),
            (vec![0, 0, 3 * PAGE_BYTES], vec![3]),
        ] {
            let mut backlog = Backlog::default();
            backlog.extend(records(&sizes));
            assert_eq!(pages(backlog), expected);
        }
    }

    #[test]
    fn it_is_full_by_number_or_by_bytes() {
        for (size, room, full) in [(0, FULL - 1, FULL), (FULL_BYTES / 8, 7, 8)] {
            let mut backlog = Backlog::default();
            backlog.extend(records(&vec![size; room]));
            assert!(backlog.has_room());
            backlog.extend(records(&vec![size; full - room]));
            assert!(!backlog.has_room() && backlog.fills_page());
        }
    }
}
