//! Reads the messages of a call and makes rows of them.

use std::sync::Arc;

use super::options::{OnBadRow, Options};
use super::row_filter::{RowFilter, Rows};
use super::source::{self, MessageSource};
use crate::error::Result;
use crate::functions::connection;
use crate::jetstream::Want;

/// The messages of a call, and what is known of their keys.
pub struct RowReader {
    options: Arc<Options>,
    source: MessageSource,
    filter: RowFilter,
}

impl RowReader {
    /// Opens the source, of whose messages these parts are wanted, and shows its messages to the filter where rows depend on the rows behind them.
    ///
    /// # Errors
    /// Those of connecting and of reading.
    pub(super) fn open(options: &Arc<Options>, want: Want) -> Result<Self> {
        let connection = connection::open(&options.connect)?;
        let dead_letters = options
            .dead_letters
            .as_ref()
            .map(|letters| letters.open(&connection, options.stream(), &source::subjects(options, &connection)?))
            .transpose()?;
        let mut source = MessageSource::open(options, &connection, want)?;
        let mut filter = RowFilter::new(Arc::clone(options), dead_letters);
        if options.looks_ahead() {
            source.first_pass(&mut filter)?;
        }
        Ok(Self { options: Arc::clone(options), source, filter })
    }

    /// Whether rows may be made before DuckDB asks for them: nothing but reading depends on how many DuckDB takes.
    pub(super) fn may_run_ahead(&self) -> bool {
        self.options.durable.is_none() && self.options.dead_letters.is_none()
    }

    /// At least one row, at most `capacity`; None at the end.
    ///
    /// # Errors
    /// Those of reading; a bad row, where it fails the statement.
    pub(super) fn next_rows(&mut self, capacity: usize) -> Result<Option<Rows>> {
        loop {
            let page = self.source.next_page(capacity)?;
            if self.options.on_error != OnBadRow::Fail {
                let given_up = self.source.given_up();
                self.filter.give_up(&given_up).inspect_err(|_| self.source.keep_given_up(&given_up))?;
            }
            let Some(page) = page else { return self.filter.end().map(|()| None) };
            let rows = self.filter.apply(page)?;
            self.source.note(self.filter.take_outcomes());
            if !rows.records.is_empty() {
                return Ok(Some(rows));
            }
        }
    }

    /// The share of a range that was read, from 0 to 1.
    pub(super) fn progress(&self) -> f64 {
        self.source.progress()
    }

    /// Returns all messages of a durable that the statement was given: it failed.
    pub(super) fn return_all(&mut self) {
        self.source.return_all();
    }
}
