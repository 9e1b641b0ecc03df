//! A running read of a range.

use memchr::memmem;

use super::checkpoints::GapWatch;
use crate::error::Result;
use crate::jetstream::Fetch;
use crate::plan::{Bounds, SequenceRange, StoreTimes};
use crate::record::Record;

/// A running read of a range: its records in pages, in sequence order.
pub struct RangeRead {
    pub(super) fetch: Option<Fetch>,
    /// The stream and the server, for errors.
    pub(super) place: (String, String),
    /// Notices when retention removes messages from behind a checkpoint.
    pub(super) watch: Option<Box<GapWatch>>,
    /// Notices store times that step back further than a search by time allows for.
    pub(super) times: Option<StoreTimes>,
    pub(super) subject_contains: Option<String>,
    pub(super) bounds: Bounds,
    pub(super) range: SequenceRange,
    /// The last sequence that was passed on; 0 before.
    pub(super) reached: u64,
    pub(super) limit: u64,
    pub(super) left: u64,
}

impl RangeRead {
    /// The number of messages that were passed on.
    pub fn messages(&self) -> u64 {
        self.limit - self.left
    }

    /// The most messages that are left.
    pub fn messages_at_most(&self) -> u64 {
        self.left.min(self.range.len())
    }

    /// The share of the range that was passed on, from 0 to 1.
    pub fn progress(&self) -> f64 {
        let by_sequence = (self.reached + 1).saturating_sub(self.range.first) as f64 / self.range.len().max(1) as f64;
        let by_count = (self.limit - self.left) as f64 / self.limit.max(1) as f64;
        by_sequence.max(by_count).clamp(0.0, 1.0)
    }

    /// The next records; None at the end.
    ///
    /// # Errors
    /// The server cannot be reached any more, refuses, or does not give what it counts; retention removed messages behind the
    /// checkpoint; store times step back too far.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        while let Some(fetch) = self.fetch.as_mut().filter(|_| self.left > 0) {
            let Some(mut page) = fetch.next_page()? else { break };
            if let Some(watch) = &mut self.watch {
                watch.take(&page);
            }
            if let Some(times) = &mut self.times {
                let in_order = page.iter().try_for_each(|record| times.take(record.sequence, record.time_ns));
                in_order.map_err(|error| error.stream(&self.place.0).server(&self.place.1))?;
            }
            if let Some(part) = &self.subject_contains {
                page.retain(|record| memmem::find(&record.subject, part.as_bytes()).is_some());
            }
            page.retain(|record| self.bounds.admit_time(record.time_ns));
            page.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= page.len() as u64;
            if self.left == 0 {
                self.range.last = page.last().map_or(self.range.last, |record| record.sequence);
            }
            self.reached = page.last().map_or(self.reached, |record| record.sequence);
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        self.fetch = None;
        self.watch.take().map_or(Ok(None), |watch| watch.finish(self.range.last).map(|()| None))
    }
}
