//! A whole read: the driver brings the messages that the window asks for, the proof checks that they are all, and only then the last records leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::counts::Proof;
use super::driver::{Driver, Pages};
use super::proof::{left_out, prove};
use super::request::{FetchRequest, PAGES, Route};
use crate::error::Result;
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::wire::Want;
use crate::plan::{Subjects, Window, subject_matches};
use crate::record::Record;
use crate::stats;

/// The longest wait for the answers that are still owed when the reader has enough.
const HANG_UP: Duration = Duration::from_secs(1);

/// Reads until everything has been passed on, or the reader has gone away. `demand` says whether more than the first page is
/// wanted.
pub(super) async fn read(
    connection: &Arc<Connection>,
    request: &FetchRequest,
    pages: &Pages,
    demand: watch::Receiver<bool>,
) -> Result<()> {
    let mut driver = tokio::select! {
        driver = Driver::open(connection, request) => driver?,
        () = pages.closed() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = read_and_prove(connection, request, &mut driver, pages, demand) => outcome,
        () = pages.closed() => Ok(()),
    };
    let retries = driver.window().retries();
    stats::RETRIES.add(retries);
    if retries > 0 {
        driver.warn(&format!("{retries} requests of the read were sent again, because answers were missing"));
    }
    if let Err(error) = &outcome {
        driver.warn(&format!("the read is given up: {error}"));
    }
    // A consumer of the read's own is removed, whatever the end of the read.
    if outcome.is_ok() || driver.access() == Access::Consumer {
        let _ = tokio::time::timeout(HANG_UP, driver.hang_up()).await;
    }
    outcome
}

async fn read_and_prove(
    connection: &Arc<Connection>,
    request: &FetchRequest,
    driver: &mut Driver<'_>,
    pages: &Pages,
    demand: watch::Receiver<bool>,
) -> Result<()> {
    if driver.read(pages, demand).await? {
        if prove(connection, request, driver.window(), driver.access()).await? == Proof::Unsure {
            compare(connection, request, driver.window()).await?;
        }
        driver.pass_on_rest(pages).await;
    }
    Ok(())
}

/// Reads the range again without a filter, where every gap is checked, and compares. A message that cannot be given is an error that names it, and so
/// is a matching message that was not read.
async fn compare(connection: &Arc<Connection>, request: &FetchRequest, window: &Window) -> Result<()> {
    let (came, range) = (window.read(), window.covered());
    let Some(filter) = request.subject() else { return Ok(()) };
    let want = Want { subject: true, ..Want::default() };
    let route = Route::default();
    let all = FetchRequest { subjects: Subjects::ALL, limit: None, want, range, route, ..request.clone() };
    let (sender, mut pages) = mpsc::channel::<Result<Vec<Record>>>(PAGES);
    let (_reader, demand) = watch::channel(true);
    let again = async {
        let outcome = Box::pin(read(connection, &all, &sender, demand)).await;
        drop(sender);
        outcome
    };
    let missed = async {
        let mut missed = 0;
        while let Some(page) = pages.recv().await {
            let lacks = |record: &&Record| subject_matches(&record.subject, filter) && !came.contains(record.sequence);
            missed += page.unwrap_or_default().iter().filter(lacks).count() as u64;
        }
        missed
    };
    let (outcome, missed) = tokio::join!(again, missed);
    outcome?;
    match missed {
        0 => Ok(()),
        count => Err(left_out(count)),
    }
}
