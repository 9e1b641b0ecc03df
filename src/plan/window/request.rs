//! The window's requests, and the replies to them.

use crate::record::Record;

/// A request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The token by which its replies are recognised.
    pub token: u64,
    /// The sequence from which to read.
    pub from: u64,
    /// The number of messages to ask for.
    pub batch: u64,
    /// Whether the stream's leader must answer, with the first message from there on.
    pub leader: bool,
}

/// One reply to a request.
#[derive(Debug)]
pub enum Reply {
    /// A message.
    Message {
        /// The message.
        record: Record,
        /// The sequence of the message before it in this batch, 0 for the first; None when the server does not say,
        /// that is, when it does not know batches.
        previous: Option<u64>,
        /// How many matching messages the server counts behind it; only for the first message of a batch.
        pending: Option<u64>,
        /// The length of its payload in bytes, also when the payload was not wanted.
        size: usize,
    },
    /// The end of a batch (status 204).
    End {
        /// How many matching messages are left behind it in the stream.
        pending: u64,
        /// The sequence of the last message of the batch.
        last: u64,
    },
    /// Nothing matches from the asked sequence on (status 404).
    Nothing,
}

/// The number of bits of a token that hold the number of the request; the bits above them hold the number of the span. So a token
/// leads to its span at once, and a reply to an earlier request of that span is recognised.
const REQUEST_BITS: u32 = 20;

/// The token of a request of a span; `request` is the number of requests that the read made before.
pub(super) fn token(span: u64, request: u64) -> u64 {
    span << REQUEST_BITS | request & ((1 << REQUEST_BITS) - 1)
}

/// The number of the span that a token belongs to.
pub(super) fn span_of(token: u64) -> u64 {
    token >> REQUEST_BITS
}
