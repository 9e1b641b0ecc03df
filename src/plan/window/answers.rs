//! The effect of a reply on the span that asked for it.

use super::Window;
use super::request::{Reply, span_of};
use super::sizing::Mode;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The most repeated requests of a span in a row, without a message in between, before the read fails.
pub(super) const MAX_RETRIES: u32 = 3;

impl Window {
    /// Whether an answer to this request is of interest.
    #[must_use]
    pub fn awaits(&self, token: u64) -> bool {
        self.owner(token).is_some()
    }

    /// The position of the span whose request has this token.
    pub(super) fn owner(&self, token: u64) -> Option<usize> {
        let position = usize::try_from(span_of(token).checked_sub(self.retired)?).ok()?;
        self.spans.get(position)?.awaits(token).then_some(position)
    }

    /// Takes one reply. An answer to a request that is no longer of interest is dropped.
    ///
    /// # Errors
    /// [`Kind::Protocol`] when the reply does not fit its request; [`Kind::Unreachable`] when replies are missing several times
    /// in a row.
    pub fn accept(&mut self, token: u64, reply: Reply) -> Result<()> {
        let Some(position) = self.owner(token) else { return Ok(()) };
        if self.spans[position].asks_leader() {
            return self.leader_reply(position, reply);
        }
        match reply {
            Reply::Message { record, previous, pending, size } => {
                if let Some(request) = &self.spans[position].request
                    && request.from == self.range.first
                    && request.received == 0
                {
                    self.counted = self.counted.or(pending.map(|pending| pending + 1));
                }
                self.message(position, record, previous, size)
            }
            Reply::End { pending, last } => self.end_of_batch(position, pending, last),
            Reply::Nothing => {
                self.sample(position);
                self.empty_reply(position);
                Ok(())
            }
        }
    }

    fn message(&mut self, position: usize, record: Record, previous: Option<u64>, size: usize) -> Result<()> {
        if self.mode == Mode::Probe {
            self.mode = if previous.is_some() { Mode::Batch } else { Mode::Single };
        }
        let end = self.range.last;
        let span = &mut self.spans[position];
        let Some(request) = &mut span.request else { return Ok(()) };
        span.empty_replies = 0;
        if previous.is_some_and(|previous| previous != request.last) {
            return self.reply_is_missing(position);
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
        let last = span.last.unwrap_or(end);
        if sequence <= last {
            span.records.push(record);
            self.bytes += size as u64;
            span.next = sequence + 1;
        }
        let complete = sequence >= last;
        if complete || previous.is_none() {
            self.sample(position);
            self.retire_request(position);
        }
        let span = &mut self.spans[position];
        if complete {
            span.done = true;
        } else if span.last.is_none() && self.mode == Mode::Single {
            self.close_first(position);
        }
        Ok(())
    }

    fn end_of_batch(&mut self, position: usize, pending: u64, last: u64) -> Result<()> {
        let span = &self.spans[position];
        let Some(request) = &span.request else { return Ok(()) };
        if last != request.last {
            return self.reply_is_missing(position);
        }
        if request.received == 0 && pending > 0 {
            return self.reply_is_missing(position);
        }
        self.sample(position);
        if pending == 0 {
            self.empty_reply(position);
            return Ok(());
        }
        self.retire_request(position);
        if self.spans[position].last.is_none() {
            self.close_first(position);
        }
        Ok(())
    }

    /// Ends the first span where its answer ended. Its sizes and density decide how the rest of the range is cut into spans.
    pub(super) fn close_first(&mut self, position: usize) {
        let span = &mut self.spans[position];
        span.last = Some(span.next - 1);
        span.done = true;
        self.next_unassigned = span.next;
    }

    /// Takes an empty reply: nothing is left from the span's next sequence on.
    fn empty_reply(&mut self, position: usize) {
        self.retire_request(position);
        let span = &mut self.spans[position];
        if span.next > span.last.unwrap_or(self.range.last) {
            span.done = true;
            return;
        }
        span.empty_replies += 1;
        if self.end_policy.believes(span.empty_replies) {
            self.end_here(position);
        }
    }

    /// The leader's answer where a replica said that nothing is left.
    fn leader_reply(&mut self, position: usize, reply: Reply) -> Result<()> {
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
        let last = self.last_of(&self.spans[position]);
        let span = &mut self.spans[position];
        span.empty_replies = 0;
        span.done = record.sequence >= last;
        if record.sequence <= last {
            // The answer before came from a replica that is behind.
            span.next = record.sequence + 1;
            span.records.push(record);
            self.retries += 1;
        }
        Ok(())
    }

    /// Nothing is left in the stream from this span's next sequence on: this span and those behind it are done.
    fn end_here(&mut self, position: usize) {
        for behind in position..self.spans.len() {
            self.retire_request(behind);
            self.spans[behind].done = true;
        }
        self.next_unassigned = self.range.last.saturating_add(1);
    }

    /// Takes note that a reply is missing: the messages before it are kept, the rest is asked for again.
    fn reply_is_missing(&mut self, position: usize) -> Result<()> {
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

    /// Learns the density from an answer that is complete.
    fn sample(&mut self, position: usize) {
        let Some(request) = &self.spans[position].request else { return };
        if request.received > 0 {
            let first = self.retired == 0 && self.spans.len() == 1;
            self.sizing.answered(request.received, request.last - request.from + 1, first);
        }
    }
}
