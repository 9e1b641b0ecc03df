//! A read with one filter: a task that reads, and the pages that it has ready.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};

use super::read::read;
use super::request::{FetchRequest, PAGES};
use crate::error::Result;
use crate::jetstream::connection::Connection;
use crate::jetstream::runtime;
use crate::record::Record;

/// A running read. Dropping it ends it: no more requests are sent.
pub(super) struct Part {
    pages: mpsc::Receiver<Result<Vec<Record>>>,
    /// Says that more than the first page is wanted.
    demand: watch::Sender<bool>,
    started: bool,
}

impl Part {
    /// Starts reading; the request has one filter, or none.
    pub fn start(connection: Arc<Connection>, request: FetchRequest) -> Result<Self> {
        let (sender, pages) = mpsc::channel(PAGES);
        let (demand, demanded) = watch::channel(false);
        runtime::handle()?.spawn(async move {
            if let Err(error) = read(&connection, &request, &sender, demanded).await {
                let _ = sender.send(Err(error.stream(&request.stream).server(connection.label()))).await;
            }
        });
        Ok(Self { pages, demand, started: false })
    }

    /// The next records in sequence order; None at the end.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        if std::mem::replace(&mut self.started, true) {
            self.demand.send_if_modified(|more| !std::mem::replace(more, true));
        }
        let page = match self.pages.try_recv() {
            Ok(page) => Some(page),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => runtime::block_on_read(async { Ok(self.pages.recv().await) })?,
        };
        page.transpose()
    }
}
