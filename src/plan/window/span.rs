//! A run of sequences that one request at a time asks for.

use crate::record::Record;

/// A span of the range.
pub(super) struct Span {
    /// The last sequence; None for the first span, which ends where its answer ends.
    pub last: Option<u64>,
    /// The next sequence that may come.
    pub next: u64,
    /// The records that have come and have not left, in ascending order.
    pub records: Vec<Record>,
    pub request: Option<InFlight>,
    /// How many empty replies came in a row before the span's end.
    pub empty_replies: u32,
    /// Everything has come.
    pub done: bool,
}

/// A request that is not answered completely.
pub(super) struct InFlight {
    pub token: u64,
    /// Whether the leader must answer.
    pub leader: bool,
    /// The sequence from which it asks.
    pub from: u64,
    /// The number of messages that it asks for.
    pub asked: u64,
    /// The number of messages that have come.
    pub received: u64,
    /// The sequence of the last message that has come; 0 before the first.
    pub last: u64,
}

impl Span {
    /// A span of which nothing has come.
    pub fn new(first: u64, last: Option<u64>) -> Self {
        Self { last, next: first, records: Vec::new(), request: None, empty_replies: 0, done: false }
    }

    /// Whether its request has this token.
    pub fn awaits(&self, token: u64) -> bool {
        self.request.as_ref().is_some_and(|request| request.token == token)
    }

    /// Whether the leader was asked.
    pub fn asks_leader(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.leader)
    }

    /// The number of messages that have come or are under way.
    pub fn expected(&self) -> u64 {
        let owed = self.request.as_ref().map_or(0, |request| request.asked - request.received.min(request.asked));
        self.records.len() as u64 + owed
    }
}
