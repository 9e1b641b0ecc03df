//! Requests in flight, and their replies in order: the rule that nothing is missing.
//!
//! A range of sequences is cut into spans that lie end to end. Each span has at most one request in flight, which asks
//! for messages from a sequence on; a request has a start and a count but no end (ADR-31), so replies past the span's
//! end are dropped, and what a request left out is asked for again. A span is done when a reply beyond its end, its own
//! last sequence, or the server's word that nothing is left says so; records leave in the order of the spans. So every
//! message of the range leaves once, in order, whatever the order in which answers come.
//!
//! "Nothing is left" is the one answer that another may contradict: any replica of a stream may give it, also one that is
//! behind the others. Before it ends a span that is not at its end, the stream's leader is asked; what the leader still
//! has is taken from it, and reading goes on behind that. When the leader may not be asked, the answer must come several
//! times.
//!
//! A message that is not there was deleted, or the server could not give it and did not say so: damaged messages are left
//! out of answers. Where it is known which sequences do not exist ([`Absent`]), nothing leaves behind a gap that this does not
//! explain before [`Window::question`] is answered.
//!
//! A server that answers batches (2.11 and later) numbers the messages that are left in each reply; one that does not
//! answers a batch request with its first message alone. The first request finds out which, and the rest is the same
//! with batches of one.

mod sizing;

use std::collections::VecDeque;

use self::sizing::{Mode, Sizing};
use super::completeness::Absent;
use super::range::SequenceRange;
use super::sequence_set::SequenceSet;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// How often in a row, without a message in between, a span is asked for again before the read fails.
const MAX_RETRIES: u32 = 3;
/// How often in a row the same sequence may be under way when the connection breaks.
const MAX_LOSSES: u32 = 3;
/// How often in a row "nothing is left" must be said when the leader may not be asked.
const REPLICAS_ASKED: u32 = 3;

/// A token is the number of a span, and behind it so many bits of the number of the request: it says at once whose a
/// reply is, and an answer to an earlier request of the span is known.
const REQUEST_BITS: u32 = 20;

/// A request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Tells its replies apart.
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
        /// How many bytes its payload has, also when the payload was not wanted.
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

struct Span {
    /// The last sequence; None for the first, whose length its answer decides.
    to: Option<u64>,
    /// The next sequence that may come.
    next: u64,
    records: Vec<Record>,
    request: Option<InFlight>,
    /// How often in a row an answer said that nothing is left, before the span's end.
    doubt: u32,
    done: bool,
}

struct InFlight {
    token: u64,
    leader: bool,
    from: u64,
    asked: u64,
    received: u64,
    last: u64,
}

/// Whose word it takes that nothing is left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// That of any answer: the leader gives them all.
    Any,
    /// The leader's.
    Leader,
    /// That of several answers: the leader may not be asked.
    SeveralReplicas,
}

/// The state of one read of a range of sequences.
pub struct Window {
    /// The first sequence of the range.
    first: u64,
    /// The last sequence of the range.
    end: u64,
    /// The first sequence that no span covers yet.
    uncovered: u64,
    /// How many more messages the reader wants.
    wanted: u64,
    mode: Mode,
    verdict: Verdict,
    spans: VecDeque<Span>,
    /// The number of spans that have left the front; a span's number is this plus its position.
    retired: u64,
    /// The number of requests so far.
    asked: u64,
    sizing: Sizing,
    retries_in_a_row: u32,
    retries: u64,
    /// Bytes of the payloads that came since they were last asked for.
    bytes: u64,
    /// The sequence that was next when the connection broke, and how often in a row it was.
    losses: (u64, u32),
    /// Which sequences do not exist; None where gaps are not questioned.
    absent: Option<Absent>,
    /// The sequence that may leave next: everything before has left, or is absent.
    leaves: u64,
    /// What has left.
    read: SequenceSet,
    /// How many messages the server counted from the range's first sequence on when it was first asked.
    counted: Option<u64>,
}

impl Window {
    /// A read of `range` that stops after `limit` messages. `density` is the share of the range's sequences that are
    /// expected to match, from 0 to 1. `single` says that the server is known to answer one message a request.
    #[must_use]
    pub fn new(range: SequenceRange, limit: Option<u64>, density: f64, single: bool) -> Self {
        Window {
            first: range.first.max(1),
            end: range.last.min(u64::MAX - 1),
            uncovered: range.first.max(1),
            wanted: limit.unwrap_or(u64::MAX),
            mode: if single { Mode::Single } else { Mode::Probe },
            verdict: Verdict::Leader,
            spans: VecDeque::new(),
            retired: 0,
            asked: 0,
            sizing: Sizing::new(density),
            retries_in_a_row: 0,
            retries: 0,
            bytes: 0,
            losses: (0, 0),
            absent: None,
            leaves: range.first.max(1),
            read: SequenceSet::default(),
            counted: None,
        }
    }

    /// From the start on every gap is questioned that these absent sequences do not explain.
    #[must_use]
    pub fn questioning(mut self, absent: Absent) -> Self {
        self.absent = Some(absent);
        self
    }

    /// Whether gaps are questioned, so that what has left lacks nothing.
    #[must_use]
    pub fn questions(&self) -> bool {
        self.absent.is_some()
    }

    /// The sequences that have left.
    #[must_use]
    pub fn read(&self) -> &SequenceSet {
        &self.read
    }

    /// The range that what has left covers: up to the end, or to the last message when no more was wanted.
    #[must_use]
    pub fn covered(&self) -> SequenceRange {
        let last = if self.wanted == 0 { self.leaves.saturating_sub(1) } else { self.end };
        SequenceRange { first: self.first, last }
    }

    /// How many messages the server counted from the range's first sequence on, to the end of the stream, when it was first
    /// asked; None when it did not say.
    #[must_use]
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// How many bytes of payloads have come since this was last asked.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// How often something was asked for again.
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
        let rest = SequenceRange { first: self.leaves, last: self.end };
        let covered = self.spans.is_empty() && self.uncovered > self.end;
        self.wanted == 0 || (covered && self.absent.as_ref().is_none_or(|absent| absent.covers(rest)))
    }

    /// Whether an answer is owed.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.spans.iter().any(|span| span.request.is_some())
    }

    /// Moves the records whose turn it is into `out`.
    pub fn take_ready(&mut self, out: &mut impl Extend<Record>) {
        while let Some(front) = self.spans.front_mut() {
            let most = usize::try_from(self.wanted).map_or(front.records.len(), |w| w.min(front.records.len()));
            let count = match &self.absent {
                None => most,
                Some(absent) => continuous(&front.records[..most], self.leaves, absent),
            };
            let (read, leaves) = (&mut self.read, &mut self.leaves);
            self.wanted -= count as u64;
            out.extend(front.records.drain(..count).inspect(|record| {
                read.push(record.sequence);
                *leaves = record.sequence + 1;
            }));
            if self.wanted == 0 || !front.done || !front.records.is_empty() {
                return;
            }
            let to = front.to.unwrap_or(self.end);
            let rest = SequenceRange { first: self.leaves, last: to };
            if self.absent.as_ref().is_some_and(|absent| !absent.covers(rest)) {
                return;
            }
            self.leaves = self.leaves.max(to.saturating_add(1));
            self.spans.pop_front();
            self.retired += 1;
        }
    }

    /// The gaps that hold up what follows them, because nothing explains them.
    #[must_use]
    pub fn question(&self) -> Option<Vec<SequenceRange>> {
        let absent = self.absent.as_ref()?;
        if self.wanted == 0 {
            return None;
        }
        let (records, to) = match self.spans.front() {
            Some(front) => (&front.records[..], front.done.then(|| front.to.unwrap_or(self.end))),
            None => (&[][..], (self.uncovered > self.end).then_some(self.end)),
        };
        let mut next = self.leaves;
        let mut gaps = Vec::new();
        let mut before = |first: u64, last: u64| {
            let gap = SequenceRange { first, last };
            if !gap.is_empty() && !absent.covers(gap) {
                gaps.push(gap);
            }
        };
        for record in records {
            before(next, record.sequence - 1);
            next = record.sequence + 1;
        }
        if let Some(to) = to {
            before(next, to);
        }
        (!gaps.is_empty()).then_some(gaps)
    }

    /// Answers [`Window::question`]: what is known to be absent now, and messages that lie in the gaps.
    pub fn answer(&mut self, absent: Absent, found: Vec<Record>) {
        self.absent = Some(absent);
        self.retries += found.len() as u64;
        match self.spans.front_mut() {
            _ if found.is_empty() => {}
            Some(front) => {
                front.records.extend(found);
                front.records.sort_by_key(|record| record.sequence);
                front.records.dedup_by_key(|record| record.sequence);
            }
            None => {
                let (to, next) = (Some(self.end), self.end + 1);
                self.spans.push_back(Span { to, next, records: found, request: None, doubt: 0, done: true });
            }
        }
    }

    /// The requests to send now.
    pub fn requests(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        let mut expected: u64 = 0;
        // What comes of the first doubt decides on those behind it.
        let mut doubt = false;
        for position in 0..self.spans.len() {
            let span = &self.spans[position];
            expected += span.records.len() as u64;
            let waits = doubt && span.doubt > 0;
            doubt |= span.doubt > 0;
            match &span.request {
                Some(request) => expected += request.asked - request.received.min(request.asked),
                None if !span.done && !waits => {
                    let request = self.ask(position);
                    expected += request.batch;
                    requests.push(request);
                }
                None => {}
            }
        }
        while !doubt
            && self.uncovered <= self.end
            && self.spans.len() < self.sizing.max_spans(self.mode, self.retired)
            && expected < self.wanted
        {
            let to = match self.mode {
                Mode::Probe => None,
                _ => Some(self.end.min(self.uncovered.saturating_add(self.sizing.width(self.mode) - 1))),
            };
            let records = Vec::new();
            self.spans.push_back(Span { to, next: self.uncovered, records, request: None, doubt: 0, done: false });
            self.uncovered = to.unwrap_or(self.end).saturating_add(1);
            let request = self.ask(self.spans.len() - 1);
            expected += request.batch;
            requests.push(request);
        }
        requests
    }

    /// Forgets every request in flight, because the connection broke and their answers will not come any more;
    /// [`Window::requests`] then asks again for what is missing. False when it broke at the same sequence time after
    /// time.
    pub fn forget_requests(&mut self) -> bool {
        let next = self.next_sequence();
        let count = if self.losses.0 == next { self.losses.1 + 1 } else { 1 };
        self.losses = (next, count);
        for span in &mut self.spans {
            if span.request.take().is_some() {
                self.retries += 1;
            }
        }
        count <= MAX_LOSSES
    }

    /// A request was not taken by anybody: it is to be made again.
    pub fn postpone(&mut self, token: u64) {
        if let Some(position) = self.owner(token) {
            self.retire_request(position);
            self.retries += 1;
        }
    }

    /// The sequence before which everything has arrived.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.spans.front().map_or(self.uncovered, |span| span.next)
    }

    /// From now on the stream's leader answers every request, with one message.
    pub fn restart_with_leader(&mut self) {
        self.forget_requests();
        self.losses = (0, 0);
        self.mode = Mode::Single;
        self.verdict = Verdict::Any;
    }

    /// Whether an answer to this request is of interest.
    #[must_use]
    pub fn awaits(&self, token: u64) -> bool {
        self.owner(token).is_some()
    }

    /// The position of the span whose request has this token.
    fn owner(&self, token: u64) -> Option<usize> {
        let position = usize::try_from((token >> REQUEST_BITS).checked_sub(self.retired)?).ok()?;
        self.spans.get(position)?.request.as_ref().is_some_and(|request| request.token == token).then_some(position)
    }

    /// Says that the stream's leader may not be asked: what it was asked is forgotten.
    pub fn leader_is_silent(&mut self) {
        if self.verdict == Verdict::Leader {
            self.verdict = Verdict::SeveralReplicas;
        }
        for position in 0..self.spans.len() {
            if self.spans[position].request.as_ref().is_some_and(|request| request.leader) {
                self.retire_request(position);
            }
        }
    }

    /// Takes one reply. An answer to a request that is no longer of interest is dropped.
    ///
    /// # Errors
    /// [`Kind::Protocol`] when the answer is none to what was asked; [`Kind::Unreachable`] when replies are missing time
    /// after time.
    pub fn accept(&mut self, token: u64, reply: Reply) -> Result<()> {
        let Some(position) = self.owner(token) else { return Ok(()) };
        if self.spans[position].request.as_ref().is_some_and(|request| request.leader) {
            return self.leaders_word(position, reply);
        }
        match reply {
            Reply::Message { record, previous, pending, size } => {
                if let Some(request) = &self.spans[position].request
                    && request.from == self.first
                    && request.received == 0
                {
                    self.counted = self.counted.or(pending.map(|pending| pending + 1));
                }
                self.message(position, record, previous, size)
            }
            Reply::End { pending, last } => self.end_of_batch(position, pending, last),
            Reply::Nothing => {
                self.sample(position);
                self.nothing_left(position);
                Ok(())
            }
        }
    }

    fn message(&mut self, position: usize, record: Record, previous: Option<u64>, size: usize) -> Result<()> {
        if self.mode == Mode::Probe {
            self.mode = if previous.is_some() { Mode::Batch } else { Mode::Single };
        }
        let end = self.end;
        let span = &mut self.spans[position];
        let Some(request) = &mut span.request else { return Ok(()) };
        span.doubt = 0;
        if previous.is_some_and(|previous| previous != request.last) {
            return self.lost(position);
        }
        let sequence = record.sequence;
        if sequence < request.from || sequence <= request.last {
            return Err(Error::of(
                Kind::Protocol,
                format!(
                    "the server answered with sequence {sequence} where {} or later was asked for",
                    request.from.max(request.last + 1)
                ),
            ));
        }
        request.last = sequence;
        request.received += 1;
        self.retries_in_a_row = 0;
        self.sizing.message(size);
        let to = span.to.unwrap_or(end);
        if sequence <= to {
            span.records.push(record);
            self.bytes += size as u64;
            span.next = sequence + 1;
        }
        let complete = sequence >= to;
        if complete || previous.is_none() {
            self.sample(position);
            self.retire_request(position);
        }
        let span = &mut self.spans[position];
        if complete {
            span.done = true;
        } else if span.to.is_none() && self.mode == Mode::Single {
            self.close_first(position);
        }
        Ok(())
    }

    fn end_of_batch(&mut self, position: usize, pending: u64, last: u64) -> Result<()> {
        let span = &self.spans[position];
        let Some(request) = &span.request else { return Ok(()) };
        if last != request.last {
            return self.lost(position);
        }
        if request.received == 0 && pending > 0 {
            return self.lost(position);
        }
        self.sample(position);
        if pending == 0 {
            self.nothing_left(position);
            return Ok(());
        }
        self.retire_request(position);
        if self.spans[position].to.is_none() {
            self.close_first(position);
        }
        Ok(())
    }

    /// The first span ends where its answer ended; what follows is cut by what was learnt from it.
    fn close_first(&mut self, position: usize) {
        let span = &mut self.spans[position];
        span.to = Some(span.next - 1);
        span.done = true;
        self.uncovered = span.next;
    }

    /// An answer says that nothing is left from the span's next sequence on.
    fn nothing_left(&mut self, position: usize) {
        self.retire_request(position);
        let span = &mut self.spans[position];
        if span.next > span.to.unwrap_or(self.end) {
            span.done = true;
            return;
        }
        span.doubt += 1;
        let believed = match self.verdict {
            Verdict::Any => true,
            Verdict::Leader => false,
            Verdict::SeveralReplicas => span.doubt >= REPLICAS_ASKED,
        };
        if believed {
            self.end_here(position);
        }
    }

    /// The leader's answer to a doubt.
    fn leaders_word(&mut self, position: usize, reply: Reply) -> Result<()> {
        let from = self.spans[position].next;
        self.retire_request(position);
        let record = match reply {
            Reply::Message { record, .. } => record,
            Reply::Nothing | Reply::End { .. } => {
                self.end_here(position);
                return Ok(());
            }
        };
        if record.sequence < from {
            return Err(Error::of(
                Kind::Protocol,
                format!("the server answered with sequence {} where {from} or later was asked for", record.sequence),
            ));
        }
        let to = self.spans[position].to.unwrap_or(self.end);
        let span = &mut self.spans[position];
        span.doubt = 0;
        span.done = record.sequence >= to;
        if record.sequence <= to {
            // The answer before came from a replica that is behind.
            span.next = record.sequence + 1;
            span.records.push(record);
            self.retries += 1;
        }
        Ok(())
    }

    /// Nothing is left in the stream from this span's next sequence on: it and those behind it are done.
    fn end_here(&mut self, position: usize) {
        for behind in position..self.spans.len() {
            self.retire_request(behind);
            self.spans[behind].done = true;
        }
        self.uncovered = self.end.saturating_add(1);
    }

    /// A reply is missing: what came before it is kept, the rest is asked for again.
    fn lost(&mut self, position: usize) -> Result<()> {
        self.retire_request(position);
        self.retries += 1;
        self.retries_in_a_row += 1;
        if self.retries_in_a_row > MAX_RETRIES {
            let from = self.spans[position].next;
            return Err(Error::of(
                Kind::Unreachable,
                format!("replies are missing from a batch at sequence {from}, also after {MAX_RETRIES} more attempts"),
            ));
        }
        Ok(())
    }

    fn retire_request(&mut self, position: usize) {
        self.spans[position].request = None;
    }

    /// Learns the density from an answer that is complete.
    fn sample(&mut self, position: usize) {
        let Some(request) = &self.spans[position].request else { return };
        if request.received > 0 {
            let first = self.retired == 0 && self.spans.len() == 1;
            self.sizing.answered(request.received, request.last - request.from + 1, first);
        }
    }

    fn ask(&mut self, position: usize) -> Request {
        let batch = self.sizing.batch(self.mode, self.retries_in_a_row > 0);
        let number = self.retired + position as u64;
        let span = &mut self.spans[position];
        let room = span.to.unwrap_or(self.end) - span.next + 1;
        let leader = span.doubt > 0 && self.verdict == Verdict::Leader;
        let batch = if leader { 1 } else { batch.min(room).min(self.wanted) };
        let (token, from) = (number << REQUEST_BITS | self.asked & ((1 << REQUEST_BITS) - 1), span.next);
        let request = Request { token, from, batch, leader };
        span.request = Some(InFlight { token, leader, from, asked: batch, received: 0, last: 0 });
        self.asked += 1;
        request
    }
}

/// How many of the records follow each other without a gap that is not explained, from a sequence on.
fn continuous(records: &[Record], from: u64, absent: &Absent) -> usize {
    let mut next = from;
    let follows = |record: &&Record| {
        let gap = SequenceRange { first: next, last: record.sequence - 1 };
        next = record.sequence + 1;
        gap.is_empty() || absent.covers(gap)
    };
    records.iter().take_while(follows).count()
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
