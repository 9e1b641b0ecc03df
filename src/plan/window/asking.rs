//! The requests to send now, and how they are repeated when the connection breaks.

use super::Window;
use super::end_policy::EndPolicy;
use super::request::{Request, token};
use super::sizing::Mode;
use super::span::{InFlight, Span};

/// The most breaks of the connection in a row with the same sequence under way.
pub(super) const MAX_LOSSES: u32 = 3;

impl Window {
    /// The requests to send now.
    #[must_use = "requests that are not sent are never answered"]
    pub fn requests(&mut self) -> Vec<Request> {
        let wanted = self.release.wanted();
        let mut requests = Vec::new();
        let mut expected: u64 = 0;
        // Spans with an empty reply are asked again one at a time: the answer for the first may settle those behind it.
        let mut after_empty_replies = false;
        for position in 0..self.spans.len() {
            let span = &self.spans[position];
            expected += span.expected();
            let waits = after_empty_replies && span.empty_replies > 0;
            after_empty_replies |= span.empty_replies > 0;
            if span.request.is_none() && !span.done && !waits {
                let request = self.ask(position);
                expected += request.batch;
                requests.push(request);
            }
        }
        while !after_empty_replies
            && !self.is_assigned()
            && self.spans.len() < self.sizing.max_spans(self.mode, self.retired)
            && expected < wanted
        {
            let last = match self.mode {
                Mode::Probe => None,
                _ => {
                    let width = self.sizing.width(self.mode);
                    Some(self.range.last.min(self.next_unassigned.saturating_add(width - 1)))
                }
            };
            self.spans.push_back(Span::new(self.next_unassigned, last));
            self.next_unassigned = last.unwrap_or(self.range.last).saturating_add(1);
            let request = self.ask(self.spans.len() - 1);
            expected += request.batch;
            requests.push(request);
        }
        requests
    }

    fn ask(&mut self, position: usize) -> Request {
        let span = &self.spans[position];
        let (from, last) = (span.next, self.last_of(span));
        let leader = self.end_policy.asks_leader(span.empty_replies);
        let batch = match leader {
            true => 1,
            false => {
                let batch = self.sizing.batch(self.mode, self.retries_in_a_row > 0);
                batch.min(last - from + 1).min(self.release.wanted())
            }
        };
        let token = token(self.retired + position as u64, self.asked);
        self.asked += 1;
        self.spans[position].request = Some(InFlight { token, leader, from, asked: batch, received: 0, last: 0 });
        Request { token, from, batch, leader }
    }

    /// Forgets every request in flight, because the connection broke and their answers will not come any more;
    /// [`Window::requests`] then asks again for the missing messages. False when the connection broke at the same sequence
    /// several times in a row.
    pub fn forget_requests(&mut self) -> bool {
        self.forget(|_| true)
    }

    /// [`Window::forget_requests`] for those with these tokens, where one of several connections broke.
    pub fn forget_these(&mut self, tokens: &[u64]) -> bool {
        self.forget(|token| tokens.contains(&token))
    }

    fn forget(&mut self, lost: impl Fn(u64) -> bool) -> bool {
        let next = self.next_sequence();
        let is_lost = |span: &Span| span.request.as_ref().is_some_and(|request| lost(request.token));
        // Only the loss of the connection that had the next message under way counts against that message.
        if self.spans.front().is_none_or(|front| front.request.is_none() || is_lost(front)) {
            let count = if self.losses.0 == next { self.losses.1 + 1 } else { 1 };
            self.losses = (next, count);
        }
        for span in self.spans.iter_mut().filter(|span| is_lost(span)) {
            span.request = None;
            self.retries += 1;
        }
        self.losses.1 <= MAX_LOSSES
    }

    /// No connection took this request: it has to be made again.
    pub fn postpone(&mut self, token: u64) {
        if let Some(position) = self.owner(token) {
            self.retire_request(position);
            self.retries += 1;
        }
    }

    /// From now on the stream's leader answers every request, with one message.
    pub fn restart_with_leader(&mut self) {
        self.forget_requests();
        self.losses = (0, 0);
        if self.mode == Mode::Delivery && self.spans.front().is_some_and(|span| !span.done) {
            // The one span ends here, so that several requests are under way behind it.
            self.close_first(0);
        }
        self.mode = Mode::Single;
        self.end_policy = EndPolicy::AnyReply;
    }

    /// Takes note that the user may not ask the stream's leader, and forgets the requests to it.
    pub fn leader_is_denied(&mut self) {
        if self.end_policy == EndPolicy::Leader {
            self.end_policy = EndPolicy::SeveralReplicas;
        }
        for span in self.spans.iter_mut().filter(|span| span.asks_leader()) {
            span.request = None;
        }
    }
}
