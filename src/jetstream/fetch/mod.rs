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

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::connection::Connection;
use super::runtime;
use super::wire::Want;
use crate::error::Result;
use crate::plan::{Absent, SequenceRange, SequenceSet, StreamState};
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
    /// What the stream held when the range was planned: the read fails when it is not the same stream any more.
    pub state: StreamState,
    /// The parts of the messages that are wanted; others may be empty.
    pub want: Want,
}

/// With so many holes, and one for each so many messages, it takes longer to list them than to count what is left.
const FEW_HOLES: u64 = 500;
const MESSAGES_PER_HOLE: u64 = 20;

impl FetchRequest {
    /// Whether the server says how many messages match.
    fn counts(&self, connection: &Connection) -> bool {
        connection.knows_batches() && self.state.direct != Some(false)
    }

    /// What explains gaps when the read begins: everything exists, or nothing is known yet and the first gap is looked at.
    /// None where gaps are not looked at one by one: under a filter they are the rule, and long lists of holes cost more than
    /// the read.
    fn known_absent(&self) -> Option<Absent> {
        let every_subject = self.subject.as_deref().is_none_or(|subject| subject == ">");
        let few = self.state.holes() <= FEW_HOLES + self.state.messages / MESSAGES_PER_HOLE;
        (every_subject && self.state.exact && few).then(|| Absent::new(self.state.first, SequenceSet::default()))
    }
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
