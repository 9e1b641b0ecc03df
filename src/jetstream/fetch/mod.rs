//! Reading a range of a stream: a task of its own keeps the wire busy and hands pages to the reader.
//!
//! ```text
//! Window (plan/)    what to ask for next, and what of the answers is whose turn; pure
//! Driver            sends what the window asks for, hands it every reply, passes on what is ready
//! Proof             that nothing is missing when the window is done, by what the server counts
//! Backlog           what is ready and waits for the reader, bounded
//! ReadTransport     where requests go out and replies come in: a socket of the read's own, or the shared client
//! ```

mod backlog;
mod counts;
mod driver;
mod proof;
mod request;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

pub use self::request::FetchRequest;
use self::request::PAGES;
use super::connection::Connection;
use super::runtime;
use crate::error::Result;
use crate::record::Record;

/// A running read. Dropping it ends it: nothing more is asked for.
pub struct Fetch {
    pages: mpsc::Receiver<Result<Vec<Record>>>,
    /// Says that more than the first page is wanted.
    appetite: watch::Sender<bool>,
    started: bool,
}

impl Fetch {
    /// Starts reading.
    pub fn start(connection: Arc<Connection>, request: FetchRequest) -> Result<Self> {
        let (sender, pages) = mpsc::channel(PAGES);
        let (appetite, hungry) = watch::channel(false);
        runtime::handle()?.spawn(async move {
            if let Err(error) = driver::run(&connection, &request, &sender, hungry).await {
                let _ = sender.send(Err(error.stream(&request.stream).server(connection.label()))).await;
            }
        });
        Ok(Self { pages, appetite, started: false })
    }

    /// The next records in sequence order; None at the end. Blocks until there are some, at most for the connection's
    /// timeout. After an error there is nothing more.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        if std::mem::replace(&mut self.started, true) {
            self.appetite.send_if_modified(|hungry| !std::mem::replace(hungry, true));
        }
        self.pages.blocking_recv().transpose()
    }
}
