//! Each sequence asked for by itself: what comes back is about that one, on every server.

use std::sync::Arc;

use super::part::Part;
use crate::error::{Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::exchange::{Asked, exchange};
use crate::jetstream::failure::Failure;
use crate::jetstream::inspect::ask;
use crate::jetstream::single::{next_message, whole};
use crate::plan::{Fingerprint, Seen, SequenceRange};

/// The number of sequences in a part.
const PART: u64 = 1_024;

/// A stream, and the way to its messages.
pub(super) struct OneByOne {
    connection: Arc<Connection>,
    stream: String,
    access: Access,
}

impl OneByOne {
    pub fn new(connection: &Arc<Connection>, stream: &str, access: Access) -> Self {
        Self { connection: Arc::clone(connection), stream: stream.to_owned(), access }
    }

    /// Reads the next part. A part without a message goes on to the next one that there is.
    pub async fn read(&self, first: u64, last: u64) -> Result<Part> {
        let mut range = SequenceRange { first, last: first.saturating_add(PART - 1).min(last) };
        let seen = self.seen(range.first..=range.last).await?;
        if seen.is_empty() && range.last < last {
            let next = next_message(&self.connection, self.access, &self.stream, range.last + 1).await;
            let next = match next {
                Ok(next) => next,
                Err(failure) => return Err(self.explain(failure).await),
            };
            range.last = next.map_or(last, |next| next.sequence - 1).clamp(range.last, last);
        }
        Ok(Part { range, seen: vec![Some(seen)] })
    }

    /// Those of some sequences, ascending, whose messages there are. None are where the user may not ask.
    pub async fn present(&self, sequences: &[u64]) -> Result<Vec<u64>> {
        match self.ask(sequences.iter().copied()).await {
            Ok(seen) => Ok(seen.iter().map(|seen| seen.print.sequence).collect()),
            Err(Failure::Forbidden) => Ok(Vec::new()),
            Err(failure) => Err(self.explain(failure).await),
        }
    }

    async fn seen(&self, sequences: impl Iterator<Item = u64>) -> Result<Vec<Seen>> {
        match self.ask(sequences).await {
            Ok(seen) => Ok(seen),
            Err(failure) => Err(self.explain(failure).await),
        }
    }

    async fn ask(&self, sequences: impl Iterator<Item = u64>) -> std::result::Result<Vec<Seen>, Failure> {
        let asks = sequences.map(|sequence| ask(self.access, sequence)).collect();
        let answers = exchange(&self.connection, &self.stream, asks, whole(true)).await;
        let answers = answers.map_err(Failure::Other)?;
        // A damaged message that the server gives all the same is not there either.
        let is_damaged = |answer: &Asked| matches!(answer, Err(Failure::Other(error)) if error.kind() == Kind::Damaged);
        let records =
            answers.into_iter().filter(|answer| !is_damaged(answer)).filter_map(std::result::Result::transpose);
        records
            .map(|record| record.map(|record| Seen { print: Fingerprint::of(&record), time_ns: record.time_ns }))
            .collect()
    }

    async fn explain(&self, failure: Failure) -> crate::error::Error {
        self.connection.explain(failure, &self.access.call(&self.stream), &self.stream).await
    }
}
