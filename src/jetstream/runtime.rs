//! One tokio runtime for the process.
//!
//! It is never shut down: DuckDB unloads no extension, and a runtime that ended with a database would end the reads of
//! another. After `fork` only the calling thread exists in the child, so the child leaves the parent's runtime (and its
//! sockets) untouched and makes its own.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Kind, Result};
use crate::interrupt;

/// The threads that read sockets and keep windows; the work of decoding is DuckDB's.
const WORKERS: usize = 2;

static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);

/// The process's runtime.
pub(super) fn handle() -> Result<&'static Handle> {
    let mut slot: MutexGuard<'_, _> = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, runtime)) = *slot
        && owner == process
    {
        return Ok(runtime.handle());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("nats_js")
        .enable_all()
        .build()
        .map_err(|error| Error::foreign("cannot start the network threads", &error).kind_or(Kind::Internal))?;
    let runtime: &'static Runtime = Box::leak(Box::new(runtime));
    *slot = Some((process, runtime));
    Ok(runtime.handle())
}

/// As [`block_on`], for what only reads: when the statement is interrupted, the future is dropped where it waits.
///
/// # Errors
/// `Kind::Interrupted` besides.
pub(super) fn block_on_read<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    if !interrupt::is_watched() {
        return block_on(future);
    }
    block_on(async {
        let mut future = std::pin::pin!(future);
        loop {
            match tokio::time::timeout(interrupt::EVERY, &mut future).await {
                Ok(outcome) => return outcome,
                Err(_) => interrupt::look()?,
            }
        }
    })
}

/// Runs a future to its end on the calling thread, which must not be one of the runtime's own. The future bounds its
/// own waiting.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    handle()?.block_on(future)
}
