//! The request for a read.

use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::connection::Connection;
use crate::jetstream::wire::Want;
use crate::plan::{Absent, SequenceRange, SequenceSet, StreamState, Subjects};
use crate::reads::Asked;

/// Pages that may wait for the reader.
pub(super) const PAGES: usize = 4;

/// The way in which messages come from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Whether they are asked for or delivered.
    pub via: Via,
    /// The number of connections that share the requests, from 1 to [`Route::MOST_CONNECTIONS`]; None for as many as raise the rate.
    pub connections: Option<usize>,
}

impl Via {
    /// Its name in SQL.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Via::Direct => "direct",
            Via::Consumer => "consumer",
        }
    }
}

impl Route {
    /// The most connections of one read.
    pub const MOST_CONNECTIONS: usize = 16;
}

impl Default for Route {
    fn default() -> Self {
        Self { via: Via::Direct, connections: None }
    }
}

/// Whether requests or a consumer decide the next message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// Batches are asked for, by Direct Get or, on streams without it, by `MSG.GET`: nothing is left on the server.
    #[default]
    Direct,
    /// A consumer of the read's own delivers, which is removed at the end.
    Consumer,
}

/// What to read.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// The stream's name.
    pub stream: String,
    /// The sequences to read.
    pub range: SequenceRange,
    /// The subject filters, applied by the server.
    pub subjects: Subjects,
    /// The most messages that are wanted.
    pub limit: Option<u64>,
    /// The state of the stream when the range was planned: the read fails when it is no longer the same stream.
    pub state: StreamState,
    /// The parts of the messages that are wanted; others may be empty.
    pub want: Want,
    /// How to read it.
    pub route: Route,
    /// Whether conditions of the query narrowed the range or the subjects; for `nats_reads()`.
    pub narrowed: bool,
}

/// With this many holes, and one for each this many messages, listing the holes takes longer than counting the messages that are left.
const FEW_HOLES: u64 = 500;
const MESSAGES_PER_HOLE: u64 = 20;

impl FetchRequest {
    /// Its row of `nats_reads()`.
    pub(super) fn shown(&self, connection: &Connection) -> Asked {
        Asked {
            stream: self.stream.clone(),
            server: connection.label().to_owned(),
            first: self.range.first,
            last: self.range.last,
            subjects: self.subjects.filters().to_vec(),
            via: self.route.via.word(),
            narrowed: self.narrowed,
        }
    }

    /// The way in which the read begins to ask for messages.
    pub(super) fn access(&self) -> Result<Access> {
        match self.route.via {
            Via::Direct => Ok(Access::of(&self.state)),
            Via::Consumer if self.state.consumers_remove => Err(Error::of(
                Kind::Unsupported,
                "the stream's retention depends on its consumers, so a consumer of the read's own could remove messages",
            )
            .advice("leave via := 'consumer' out")),
            Via::Consumer => Ok(Access::Consumer),
        }
    }

    /// The filter of a read with one; None reads every subject.
    pub(super) fn subject(&self) -> Option<&str> {
        self.subjects.single()
    }

    /// One read that brings all messages that this one wants, and perhaps more: its reader leaves the others out, by subject, and counts by itself.
    pub(super) fn covering(&self) -> Self {
        let want = Want { subject: true, ..self.want };
        Self { subjects: self.subjects.cover(), limit: None, want, ..self.clone() }
    }

    /// Whether the server says exactly how many messages match.
    pub(super) fn counts(&self, connection: &Connection) -> bool {
        connection.counts_exactly() && self.state.direct != Some(false)
    }

    /// The explanation of gaps when the read begins: every sequence exists, or nothing is known yet and the first gap is checked. None where gaps are
    /// not checked one by one: under a filter nearly every sequence is a gap, and long lists of holes cost more than the read.
    pub(super) fn known_absent(&self) -> Option<Absent> {
        let every_subject = self.subjects.is_all();
        let few = self.state.holes() <= FEW_HOLES + self.state.messages / MESSAGES_PER_HOLE;
        (every_subject && self.state.exact && few).then(|| Absent::new(self.state.first, SequenceSet::default()))
    }
}
