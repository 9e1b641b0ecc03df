//! Requests in flight, and their replies in order: the rule that nothing is missing.
//!
//! A range of sequences is cut into spans that lie end to end. Each span has at most one request in flight, which asks for messages from a sequence
//! on. A request has a start and a count but no end (ADR-31), so replies past the span's end are dropped, and messages that a request left out are
//! asked for again. A span is done when a reply beyond its end, its own last sequence, or the server's report that nothing is left shows it. Records
//! leave in the order of the spans. So every message of the range leaves once, in order, in whatever order answers come.
//!
//! "Nothing is left" is the only answer that another answer may contradict: any replica of a stream may give it, also one that is behind the others.
//! Before it ends a span that is not at its end, the stream's leader is asked. Messages that the leader still has are taken from it, and reading goes
//! on behind them. When the leader may not be asked, the answer must come several times.
//!
//! A missing message was deleted, or the server could not give it and did not report that: the server leaves damaged messages out of its answers.
//! Where the absent sequences are known ([`Absent`]), no record behind a gap that they do not explain leaves before [`Window::unexplained_gaps`] are
//! explained.
//!
//! A server that answers batches (2.11 and later) numbers the messages that are left in each reply; one that does not answers a batch request with
//! its first message alone. The first request shows which server it is; the rest is the same with batches of one.
//!
//! ```text
//! request      requests and replies
//! span         a run of sequences, with one request at a time
//! asking       which requests to send now
//! answers      the effect of a reply on its span
//! end_policy   whether an empty reply is believed
//! release      records leave in order, with every gap explained
//! sizing       how much to ask for
//! ```

mod answers;
mod asking;
mod end_policy;
mod release;
mod request;
mod sizing;
mod span;

use std::collections::VecDeque;

use self::end_policy::EndPolicy;
use self::release::Release;
pub use self::request::{Reply, Request};
use self::sizing::{Mode, Sizing};
use self::span::Span;
use super::completeness::Absent;
use super::range::SequenceRange;
use super::sequence_set::SequenceSet;
use crate::record::Record;

/// The state of one read of a range of sequences.
pub struct Window {
    range: SequenceRange,
    /// The first sequence that is in no span yet.
    next_unassigned: u64,
    spans: VecDeque<Span>,
    /// The number of spans that have left the front; a span's number is this plus its position.
    retired: u64,
    release: Release,
    mode: Mode,
    end_policy: EndPolicy,
    sizing: Sizing,
    /// The number of requests so far.
    asked: u64,
    retries_in_a_row: u32,
    retries: u64,
    /// Bytes of the payloads that came since they were last asked for.
    bytes: u64,
    /// The sequence that was next when the connection broke, and the number of breaks in a row at this sequence.
    losses: (u64, u32),
    /// The number of messages from the range's first sequence on, as the server counted them in its first answer.
    counted: Option<u64>,
}

impl Window {
    /// A read of `range` that stops after `limit` messages. `density` is the share of the range's sequences that are
    /// expected to match, from 0 to 1. `single` says that the server is known to answer one message a request.
    #[must_use]
    pub fn new(range: SequenceRange, limit: Option<u64>, density: f64, single: bool) -> Self {
        let range = SequenceRange { first: range.first.max(1), last: range.last.min(u64::MAX - 1) };
        Window {
            range,
            next_unassigned: range.first,
            spans: VecDeque::new(),
            retired: 0,
            release: Release::new(range, limit),
            mode: if single { Mode::Single } else { Mode::Probe },
            end_policy: EndPolicy::Leader,
            sizing: Sizing::new(density),
            asked: 0,
            retries_in_a_row: 0,
            retries: 0,
            bytes: 0,
            losses: (0, 0),
            counted: None,
        }
    }

    /// From now on the requests go over this many connections: more requests are under way, each for fewer messages.
    pub fn spread(&mut self, connections: usize) {
        self.sizing.spread(connections);
    }

    /// The bytes of messages that have come, including headers and framing.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.sizing.received()
    }

    /// The bytes of messages that were asked for and have not left, estimated from the sizes so far.
    #[must_use]
    pub fn bytes_under_way(&self) -> u64 {
        let messages = self.spans.iter().map(Span::expected).fold(0_u64, u64::saturating_add);
        self.sizing.bytes_of(messages)
    }

    /// The bytes of messages that are still to come, estimated from the sizes and the density so far.
    #[must_use]
    pub fn bytes_left(&self) -> u64 {
        let sequences = self.range.last.saturating_sub(self.next_sequence()).saturating_add(1);
        self.sizing.bytes_of(self.sizing.expected(sequences).min(self.release.wanted()))
    }

    /// The most bytes that the server shall send for one request.
    #[must_use]
    pub fn batch_bytes(&self) -> u64 {
        self.sizing.batch_bytes()
    }

    /// One request to a consumer brings everything from a sequence on, until nothing is left or a message is lost.
    #[must_use]
    pub fn delivered(mut self) -> Self {
        self.mode = Mode::Delivery;
        self
    }

    /// Demands an explanation of every gap, from the start on. `absent` has the sequences that are known not to exist.
    #[must_use]
    pub fn explaining_gaps(mut self, absent: Absent) -> Self {
        self.release.explain(absent);
        self
    }

    /// Whether gaps need an explanation, so that the records that have left are all there are.
    #[must_use]
    pub fn explains_gaps(&self) -> bool {
        self.release.explains_gaps()
    }

    /// The sequences that have left.
    #[must_use]
    pub fn read(&self) -> &SequenceSet {
        self.release.read()
    }

    /// The range that the read has covered: up to its end, or up to the last message when no more was wanted.
    #[must_use]
    pub fn covered(&self) -> SequenceRange {
        self.release.covered()
    }

    /// The number of messages from the range's first sequence to the end of the stream, as the server counted them in its first answer; None when it
    /// gave no count.
    #[must_use]
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// The bytes of payloads that have come since the last call.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// The number of repeated requests.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// Whether the server answers one message a request.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.mode == Mode::Single
    }

    /// Whether everything wanted has left through [`Window::take_ready`].
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.release.wanted() == 0 || (self.spans.is_empty() && self.is_assigned() && self.release.is_complete())
    }

    /// Whether every sequence of the range is or was in a span.
    fn is_assigned(&self) -> bool {
        self.next_unassigned > self.range.last
    }

    /// Whether an answer is owed.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.spans.iter().any(|span| span.request.is_some())
    }

    /// The sequence before which everything has arrived.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.spans.front().map_or(self.next_unassigned, |span| span.next)
    }

    /// Moves the records that are next in order into `out`.
    pub fn take_ready(&mut self, out: &mut impl Extend<Record>) {
        self.retired += self.release.take(&mut self.spans, out);
    }

    /// The gaps without an explanation, which hold back the records behind them.
    #[must_use]
    pub fn unexplained_gaps(&self) -> Option<Vec<SequenceRange>> {
        let front = self.spans.front();
        if front.is_none() && !self.is_assigned() {
            return None;
        }
        self.release.unexplained(front)
    }

    /// Explains [`Window::unexplained_gaps`]: by the sequences that are absent now, and by messages that lie in the gaps.
    pub fn explain_gaps(&mut self, absent: Absent, found: Vec<Record>) {
        self.release.explain(absent);
        self.retries += found.len() as u64;
        match self.spans.front_mut() {
            _ if found.is_empty() => {}
            Some(front) => {
                front.records.extend(found);
                front.records.sort_by_key(|record| record.sequence);
                front.records.dedup_by_key(|record| record.sequence);
            }
            None => {
                let mut span = Span::new(self.range.last + 1, Some(self.range.last));
                (span.records, span.done) = (found, true);
                self.spans.push_back(span);
            }
        }
    }

    /// The last sequence of a span.
    fn last_of(&self, span: &Span) -> u64 {
        span.last.unwrap_or(self.range.last)
    }

    fn retire_request(&mut self, position: usize) {
        self.spans[position].request = None;
    }
}

#[cfg(test)]
mod driver_simulation;
#[cfg(test)]
mod driver_world;
#[cfg(test)]
mod reports_tests;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
