//! Reading a range of a stream: a task of its own keeps the wire busy and hands pages to the reader.
//!
//! ```text
//! Window (plan/)    what to ask for next, and what of the answers is whose turn; pure
//! Driver            sends what the window asks for, hands it every reply, passes on what is ready
//! Backlog           what is ready and waits for the reader, bounded
//! ReadTransport     where requests go out and replies come in: a socket of the read's own, or the shared client
//! ```

mod backlog;
mod driver;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::connection::Connection;
use super::runtime;
use super::wire::Want;
use crate::error::Result;
use crate::plan::SequenceRange;
use crate::record::Record;

/// Pages that may wait for the reader.
const PAGES: usize = 4;

/// What to read.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The stream's name.
    pub stream: String,
    /// The sequences to read.
    pub range: SequenceRange,
    /// A subject filter, applied by the server.
    pub subject: Option<String>,
    /// How many messages are wanted at most.
    pub limit: Option<u64>,
    /// The share of the range's sequences that is expected to match, from 0 to 1.
    pub density: f64,
    /// Whether the stream answers Direct Get; None when that is not known.
    pub direct: Option<bool>,
    /// The parts of the messages that are wanted; others may be empty.
    pub want: Want,
}

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
