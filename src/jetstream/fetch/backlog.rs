//! The records that are next in order and wait for the reader.

use std::collections::VecDeque;

use crate::record::Record;

/// The number of records in a page: DuckDB's vector size, so that a page fills a chunk.
const PAGE: usize = 2_048;
/// The bytes of payload in a page; one record is always in it.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// While this many records wait, no more are asked for.
const FULL: usize = 2 * PAGE;
/// While this many bytes of payload wait, no more are asked for.
const FULL_BYTES: usize = 4 * PAGE_BYTES;

/// The queue of pages between the wire and the reader, bounded by number and by bytes once what is under way has come in.
#[derive(Default)]
pub(super) struct Backlog {
    full: VecDeque<Page>,
    /// The page that takes what comes next.
    open: Page,
    count: usize,
    bytes: usize,
}

#[derive(Default)]
struct Page {
    records: Vec<Record>,
    bytes: usize,
}

impl Page {
    fn has_room_for(&self, bytes: usize) -> bool {
        self.records.len() < PAGE && (self.bytes == 0 || self.bytes + bytes <= PAGE_BYTES)
    }
}

impl Backlog {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is enough for a page.
    pub fn fills_page(&self) -> bool {
        self.count >= PAGE || self.bytes >= PAGE_BYTES
    }

    /// Whether more may be asked for.
    pub fn has_room(&self) -> bool {
        self.count < FULL && self.bytes < FULL_BYTES
    }

    /// The next page; empty when nothing waits.
    pub fn page(&mut self) -> Vec<Record> {
        let page = self.full.pop_front().unwrap_or_else(|| std::mem::take(&mut self.open));
        self.count -= page.records.len();
        self.bytes -= page.bytes;
        page.records
    }
}

impl Extend<Record> for Backlog {
    fn extend<I: IntoIterator<Item = Record>>(&mut self, records: I) {
        for record in records {
            let bytes = record.payload.len();
            if !self.open.has_room_for(bytes) {
                self.full.push_back(std::mem::take(&mut self.open));
            }
            if self.open.records.is_empty() && self.count > 0 {
                // Others wait, so that this page fills up as well.
                self.open.records.reserve_exact(PAGE);
            }
            self.open.records.push(record);
            self.open.bytes += bytes;
            self.count += 1;
            self.bytes += bytes;
        }
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
