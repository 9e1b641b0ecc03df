//! The past of subjects, read message by message: where that is faster than asking for each newest message, and as proof of an answer.
//!
//! A server that is asked for the newest messages up to a sequence passes over damaged messages without a word (seen on 2.10.26, 2.12.8 and 2.15.1),
//! and gives an older message of the subject. A message of an unknown subject may be damaged, so the answer is proved by a read of every message
//! behind the oldest row.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::connection::Connection;
use super::fetch::{Fetch, FetchRequest, Route};
use super::multi_last::LastRequest;
use super::single::whole;
use crate::error::Result;
use crate::plan::{SequenceRange, StreamState, subject_matches};
use crate::record::Record;

/// A snapshot of the past is read message by message when subjects have no more of them than this, on average.
const MESSAGES_PER_SUBJECT: u64 = 50;
/// With more filters than this, a read message by message is one read with all its subjects.
pub(super) const FEW_FILTERS: usize = 4;
/// The filter of a read of all subjects.
const EVERY: &str = ">";

/// How many messages may be read for so many subjects. For each request of about a thousand subjects a server walks back through its blocks until it
/// has found them all: 40 to 190 microseconds a subject were measured, and 1 microsecond for a message that is read.
pub(super) fn affordable(subjects: u64) -> u64 {
    MESSAGES_PER_SUBJECT.saturating_mul(subjects)
}

/// The stream as it was at a sequence.
pub(super) struct Past<'a> {
    pub(super) connection: &'a Arc<Connection>,
    pub(super) request: &'a LastRequest,
    pub(super) state: &'a StreamState,
    /// The last sequence that counts.
    pub(super) up_to: u64,
}

impl Past<'_> {
    /// The newest message of each subject that matches, for so many subjects. One of each is held.
    ///
    /// # Errors
    /// Those of a read; [`crate::error::Kind::Damaged`] for a message that the server counts and cannot give.
    pub(super) fn read(&self, subjects: u64) -> Result<Vec<Record>> {
        let filters = &self.request.subjects;
        let exact: HashSet<&[u8]> = filters.iter().map(String::as_bytes).collect();
        let wanted = |subject: &[u8]| exact.contains(subject) || filters.iter().any(|f| subject_matches(subject, f));
        // Where the server does not count what matches, a filter hides damage.
        let hides_damage = !self.connection.counts_exactly() || self.state.direct == Some(false);
        let every = [EVERY.to_owned()];
        let is_one_read = filters.len() > FEW_FILTERS || hides_damage && self.state.messages <= affordable(subjects);
        let mut newest = HashMap::new();
        for filter in if is_one_read { &every[..] } else { &filters[..] } {
            self.gather(filter, self.range(None), wanted, &mut newest)?;
        }
        Ok(sorted(newest))
    }

    /// The newest message of one subject.
    ///
    /// # Errors
    /// Those of a read.
    pub(super) fn newest_of(&self, subject: &str) -> Result<Option<Record>> {
        let mut newest = HashMap::new();
        self.gather(subject, self.range(None), |_| true, &mut newest)?;
        Ok(newest.into_values().next())
    }

    /// The newest messages of some subjects, of which these were found, in sequence order: with those that the answer lacks. Where too many messages stand behind the
    /// oldest one, or in front of the end when a subject has none, the answer is returned as it is.
    ///
    /// # Errors
    /// [`crate::error::Kind::Damaged`] for a message of any subject that the server counts and cannot give; those of a read.
    pub(super) fn prove(&self, subjects: &[String], found: Vec<Record>) -> Result<Vec<Record>> {
        let subjects: HashSet<&[u8]> = subjects.iter().map(String::as_bytes).collect();
        let oldest = found.iter().map(|record| record.sequence).min();
        let behind = oldest.filter(|_| found.len() >= subjects.len()).map(|oldest| oldest + 1);
        let range = self.range(behind);
        if range.is_empty() || range.len() > affordable(subjects.len() as u64) {
            return Ok(found);
        }
        let mut newest: HashMap<Bytes, Record> =
            found.into_iter().map(|record| (record.subject.clone(), record)).collect();
        self.gather(EVERY, range, |subject| subjects.contains(subject), &mut newest)?;
        Ok(sorted(newest))
    }

    /// The sequences that count, from the first one or from a later one on.
    fn range(&self, first: Option<u64>) -> SequenceRange {
        self.state.clamp(first, Some(self.up_to))
    }

    /// Reads a range, and keeps the newest message of each wanted subject.
    fn gather(
        &self,
        filter: &str,
        range: SequenceRange,
        wanted: impl Fn(&[u8]) -> bool,
        newest: &mut HashMap<Bytes, Record>,
    ) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let fetch = FetchRequest {
            stream: self.request.stream.clone(),
            range,
            subjects: filter.to_owned().into(),
            limit: None,
            state: *self.state,
            want: whole(self.request.headers),
            route: Route::default(),
            narrowed: false,
        };
        let mut fetch = Fetch::start(Arc::clone(self.connection), fetch)?;
        while let Some(page) = fetch.next_page()? {
            for record in page.into_iter().filter(|record| wanted(&record.subject)) {
                if newest.get(&record.subject).is_none_or(|known| known.sequence < record.sequence) {
                    let record = detached(record);
                    newest.insert(record.subject.clone(), record);
                }
            }
        }
        Ok(())
    }
}

/// In the order of their sequences.
fn sorted(newest: HashMap<Bytes, Record>) -> Vec<Record> {
    let mut records: Vec<Record> = newest.into_values().collect();
    records.sort_by_key(|record| record.sequence);
    records
}

/// A record with memory of its own, which does not keep the socket's buffer alive.
fn detached(record: Record) -> Record {
    Record {
        subject: Bytes::copy_from_slice(&record.subject),
        payload: Bytes::copy_from_slice(&record.payload),
        ..record
    }
}
