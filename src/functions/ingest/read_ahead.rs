//! Makes the rows of a range on a thread of its own, so that DuckDB writes some while the next are read and decoded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::row_filter::Rows;
use super::row_reader::RowReader;
use crate::error::{Error, Kind, Result};
use crate::interrupt;

/// The number of pages that are ready and not taken, beside the one that is made.
const PAGES: usize = 2;

/// Rows that another thread makes. The thread ends when they are all made, by an error, and soon after this value is dropped.
pub struct ReadAhead {
    pages: Receiver<Result<Option<Rows>>>,
    thread: Option<JoinHandle<()>>,
    /// The share of the range that was read, as the bits of an `f64`.
    progress: Arc<AtomicU64>,
}

impl ReadAhead {
    /// Starts the thread, which makes pages of at most `capacity` rows.
    ///
    /// # Errors
    /// [`Kind::Internal`] when the system gives no thread.
    pub(super) fn start(rows: Box<RowReader>, capacity: usize) -> Result<Self> {
        let (made, pages) = sync_channel(PAGES);
        let progress = Arc::new(AtomicU64::new(rows.progress().to_bits()));
        let told = Arc::clone(&progress);
        let thread = Builder::new()
            .name("nats_js rows".to_owned())
            .spawn(move || make(rows, capacity, &made, &told))
            .map_err(|error| Error::foreign("cannot start a thread", &error).kind_or(Kind::Internal))?;
        Ok(Self { pages, thread: Some(thread), progress })
    }

    /// The next rows, at least one; None at the end.
    ///
    /// # Errors
    /// Those of reading, and [`Kind::Interrupted`].
    pub(super) fn next(&mut self) -> Result<Option<Rows>> {
        loop {
            match self.pages.recv_timeout(interrupt::EVERY) {
                Ok(page) => return page,
                Err(RecvTimeoutError::Timeout) => interrupt::look()?,
                Err(RecvTimeoutError::Disconnected) => {
                    if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                        std::panic::resume_unwind(panic);
                    }
                    // After the end, or an error.
                    return Ok(None);
                }
            }
        }
    }

    /// The share of the range that was read, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }
}

fn make(mut rows: Box<RowReader>, capacity: usize, made: &SyncSender<Result<Option<Rows>>>, progress: &AtomicU64) {
    loop {
        let page = rows.next_rows(capacity);
        progress.store(rows.progress().to_bits(), Ordering::Relaxed);
        let is_last = !matches!(page, Ok(Some(_)));
        if made.send(page).is_err() || is_last {
            return;
        }
    }
}
