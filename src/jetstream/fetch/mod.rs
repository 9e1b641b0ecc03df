//! Reads a range of a stream: a task of its own keeps requests in flight and passes pages to the reader.
//!
//! ```text
//! Window (plan/) the next requests, and the order in which answers leave; pure
//! Driver sends the window's requests, gives it every reply, passes on the ready records
//! Backlog the records that are ready and wait for the reader, bounded
//! Proof nothing is missing when the window is done, by the server's counts
//! read driver, then proof; where the counts prove nothing, the range once more without the filter
//! Part              the task of a read and its pages: one filter, or none
//! Merge (plan/)     several parts as one; pure
//! ReadTransport sends requests and receives replies: a socket of the read's own, or the shared client
//! ```
//!
//! Direct Get takes one filter (ADR-31). A few filters are a read each, merged by sequence, each with the proof that it is whole; a message that
//! matches two of them comes twice from the server, and once to the reader. Many filters are one read with a filter that includes them all; the
//! messages that match none of them are left out here.

mod backlog;
mod counts;
mod driver;
mod part;
mod proof;
mod read;
mod request;

use std::sync::Arc;

use self::part::Part;
pub use self::request::{FetchRequest, Route, Via};
use super::connection::Connection;
use crate::error::Result;
use crate::interrupt;
use crate::plan::{Merge, Subjects};
use crate::reads::{self, Outcome, Running};
use crate::record::Record;

/// Up to this many filters are a read each: each takes a connection and walks the stream by itself.
const FEW_FILTERS: usize = 8;
/// The most records of a page of several parts: DuckDB's vector size.
const PAGE: usize = 2_048;

/// A running read. Dropping it ends it: no more requests are sent.
pub struct Fetch {
    parts: Vec<Part>,
    /// Puts several parts together.
    merge: Merge,
    /// The messages that the reader wants, where others come as well.
    keep: Subjects,
    /// Its row of `nats_reads()`.
    shown: Running,
}

impl Fetch {
    /// Starts reading.
    ///
    /// # Errors
    /// `Kind::Internal` when the network threads cannot be started.
    pub fn start(connection: Arc<Connection>, request: FetchRequest) -> Result<Self> {
        let shown = reads::start(request.shown(&connection));
        let filters = request.subjects.filters();
        let (requests, keep) = match filters.len() {
            0 | 1 => (vec![request], Subjects::ALL),
            2..=FEW_FILTERS => {
                let one = |filter: &String| FetchRequest { subjects: filter.clone().into(), ..request.clone() };
                (filters.iter().map(one).collect(), Subjects::ALL)
            }
            _ => (vec![request.covering()], request.subjects),
        };
        let merge = Merge::new(requests.len());
        let parts = requests.into_iter().map(|request| Part::start(Arc::clone(&connection), request));
        Ok(Self { parts: parts.collect::<Result<_>>()?, merge, keep, shown })
    }

    /// The next records in sequence order; None at the end. Blocks until there are some, at most for the connection's
    /// timeout. After an error there is nothing more.
    ///
    /// # Errors
    /// `Kind::Damaged` when a message that the stream counts cannot be given; `Kind::Replaced` when the stream is no longer
    /// the one of the request; `Kind::Unavailable` when nobody answers Direct Get; `Kind::Interrupted`; those of any request.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        let page = self.wanted_page();
        match &page {
            Ok(Some(records)) => self.shown.add(records.len()),
            Ok(None) => self.shown.end(Outcome::Complete),
            Err(_) => self.shown.end(Outcome::Failed),
        }
        page
    }

    fn wanted_page(&mut self) -> Result<Option<Vec<Record>>> {
        loop {
            // Pages of which no row is left may go on coming.
            interrupt::look()?;
            let page = match self.parts.as_mut_slice() {
                [part] => part.next_page()?,
                _ => self.merged_page()?,
            };
            let Some(mut page) = page else { return Ok(None) };
            if !self.keep.is_all() {
                page.retain(|record| self.keep.matches(&record.subject));
            }
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
    }

    fn merged_page(&mut self) -> Result<Option<Vec<Record>>> {
        while let Some(run) = self.merge.wanting() {
            let page = match self.parts.get_mut(run) {
                Some(part) => part.next_page()?,
                None => None,
            };
            self.merge.feed(run, page);
        }
        Ok(self.merge.take(PAGE))
    }
}
