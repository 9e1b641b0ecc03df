//! One run of a table function, shared by the threads that DuckDB lends it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use duckdb_neo as neo;
use neo::data_chunk::DataChunkRef;
use neo::vector::Unknown;

use super::boundary::{contain, refuse};
use super::emit;
use crate::column::{Chunk, Column};
use crate::error::{Error, Result};
use crate::ffi::port::TableFunction;

/// The state of one run.
pub(super) struct Run<T: TableFunction> {
    pages: Mutex<Pages<T>>,
    decoder: T::Decoder,
    threads: usize,
    columns: Vec<Column>,
    /// For each vector of the output, the column that it stands for; None for one that stands for no column.
    projection: Vec<Option<usize>>,
    /// How many pages were read.
    read: AtomicUsize,
    /// The share of the run that is read, as the bits of a number from 0 to 1.
    progress: AtomicU64,
}

struct Pages<T: TableFunction> {
    reader: T::Reader,
    /// No page is left, or the run has failed.
    ended: bool,
}

impl<T: TableFunction> Run<T> {
    /// Starts a run whose output has a vector for each entry of the projection.
    pub(super) fn open(plan: &T::Plan, columns: &[Column], projection: Vec<Option<usize>>) -> neo::Result<Self> {
        contain(T::NAME, || {
            let wanted: Vec<usize> = projection.iter().flatten().copied().collect();
            let (reader, decoder) = T::open(plan, &wanted)?;
            let threads = T::threads(&reader).max(1);
            let pages = Mutex::new(Pages { reader, ended: false });
            let (read, progress) = (AtomicUsize::new(0), AtomicU64::new(0));
            Ok(Self { pages, decoder, threads, columns: columns.to_vec(), projection, read, progress })
        })
    }

    /// The share of the run that is read, from 0 to 1. Waits for nothing: DuckDB asks while the run waits for the server.
    pub(super) fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }

    /// How many threads may call [`Run::next`] at once.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Fills the output with the rows of the next page that has any; none at the end. Answers the number of the page,
    /// which grows in the order in which pages are read.
    pub(super) fn next(&self, output: &mut DataChunkRef<'_>) -> neo::Result<Option<usize>> {
        let capacity = output.capacity()?;
        let filled = self.fill(output, capacity);
        if filled.is_err() {
            self.fail();
        }
        filled
    }

    fn fill(&self, output: &mut DataChunkRef<'_>, capacity: usize) -> neo::Result<Option<usize>> {
        while let Some((number, page)) = contain(T::NAME, || self.page(capacity))? {
            let chunk = contain(T::NAME, || self.decode(&page, capacity))?;
            if !chunk.is_empty() {
                self.emit(&chunk, output)?;
                return Ok(Some(number));
            }
        }
        output.get_vector_at_mut::<Unknown>(0)?.set_size(0)?;
        Ok(None)
    }

    fn page(&self, capacity: usize) -> Result<Option<(usize, T::Page)>> {
        let mut pages = self.pages.lock().map_err(|_| Error::new("an earlier internal error ended this query"))?;
        if pages.ended {
            return Ok(None);
        }
        let page = T::read(&mut pages.reader, capacity)?;
        pages.ended = page.is_none();
        let progress = if pages.ended { 1.0 } else { T::progress(&pages.reader) };
        self.progress.store(progress.to_bits(), Ordering::Relaxed);
        Ok(page.map(|page| (self.read.fetch_add(1, Ordering::Relaxed), page)))
    }

    fn decode<'p>(&'p self, page: &'p T::Page, capacity: usize) -> Result<Chunk<'p>> {
        let chunk = T::decode(&self.decoder, page)?;
        let checked = chunk.check(&self.columns, &self.projection, capacity);
        checked.map_err(|why| Error::new(format!("internal error: {why}")).advice("please report it"))?;
        Ok(chunk)
    }

    fn emit(&self, chunk: &Chunk<'_>, output: &mut DataChunkRef<'_>) -> neo::Result<()> {
        for (index, position) in self.projection.iter().enumerate() {
            let mut vector = output.get_vector_at_mut::<Unknown>(index)?;
            match position.and_then(|position| chunk.column(position)) {
                // SAFETY: `decode` has checked the chunk against the columns that bind declared.
                Some(cells) => unsafe { emit::write(vector, cells, chunk.len())? },
                None => vector.set_size(chunk.len())?,
            }
        }
        Ok(())
    }

    fn fail(&self) {
        let failed = contain(T::NAME, || {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            if !pages.ended {
                pages.ended = true;
                T::fail(&mut pages.reader);
            }
            Ok(())
        });
        // The first failure is the one that is reported.
        drop(failed);
    }
}

/// Checks that bind declares the columns that a `COPY ... FROM` fills.
pub(super) fn check_target<T: TableFunction>(target: &[Column], columns: &[Column]) -> neo::Result<()> {
    if target.is_empty() || target == columns {
        return Ok(());
    }
    Err(refuse(T::NAME, &Error::new("internal error: rows do not fit the table").advice("please report it")))
}
