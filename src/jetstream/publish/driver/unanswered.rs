//! Messages that have no answer are sent again where that is safe, or fail.

use std::sync::Arc;

use super::{Driver, Row};
use crate::error::{Error, Kind};
use crate::jetstream::failure::{Failure, no_permission, no_reply, refusal};
use crate::jetstream::pool;
use crate::jetstream::publish::transport::lost;
use crate::log;

impl Driver {
    pub(super) fn waiting(&self, idempotent: bool) -> Vec<usize> {
        let wanted = |(_, row): &(usize, &Row)| row.waiting && row.message.idempotent == idempotent;
        (self.first..).zip(&self.rows).filter(wanted).map(|(index, _)| index).collect()
    }

    /// Sends messages without an answer again, where that is safe.
    pub(super) fn send_again(&mut self) {
        let again = self.waiting(true);
        if !again.is_empty() {
            let (label, count) = (self.connection.label(), again.len());
            log::warning(format!("{label}: {count} messages are published again, because answers are missing"));
        }
        for index in again.into_iter().rev() {
            self.landed(index);
            self.queue.push_front(index);
        }
    }

    /// The connection was lost and is back: answers to earlier messages may never come.
    pub(super) fn reconnected(&mut self) {
        self.send_again();
        for index in self.waiting(false) {
            self.landed(index);
            self.fail(index, lost(true));
        }
    }

    pub(super) fn forbid(&mut self, words: &str) {
        let refused = |(index, row): (usize, &Row)| {
            refusal(words, &row.message.subject).filter(|_| row.waiting).map(|failure| (index, failure))
        };
        let refused: Vec<(usize, Failure)> = (self.first..).zip(&self.rows).filter_map(refused).collect();
        for (index, failure) in refused {
            self.landed(index);
            let error = match failure {
                Failure::ReplyDenied(inbox) => no_reply(&inbox),
                _ => no_permission("publish to it"),
            };
            self.fail(index, error);
        }
    }

    /// No answer came for the whole timeout: what is not settled fails, the first of them or each.
    pub(super) fn give_up(&mut self) {
        pool::discard(&Arc::downgrade(&self.connection));
        let unsettled = (self.first..).zip(&self.rows).filter(|(_, row)| !row.is_settled()).map(|(index, _)| index);
        let unsettled: Vec<usize> = unsettled.collect();
        let (label, count) = (self.connection.label(), unsettled.len());
        log::warning(format!("{label}: publishing is given up: {count} messages have no answer"));
        self.queue.clear();
        for index in unsettled {
            if self.failed.is_some() {
                break;
            }
            let error = self.unanswered(index);
            self.landed(index);
            self.fail(index, error);
        }
        self.paused.clear();
    }

    /// Why there is no answer to a row.
    pub(super) fn unanswered(&self, index: usize) -> Error {
        let seconds = self.connection.timeout.as_secs_f64();
        let sent = self.row(index).map_or(0, |row| row.sent);
        if !self.transport.is_up() || sent == 0 {
            return lost(sent > 0);
        }
        if self.paused.iter().any(|(_, paused)| *paused == index) {
            return Error::of(Kind::Unavailable, format!("the stream takes no more messages, for {seconds:.1} s"))
                .advice("check the stream, publish less at a time, or give it more time with timeout");
        }
        Error::of(
            Kind::TimedOut,
            format!("no acknowledgement within {seconds:.1} s, so it is not known whether it is stored"),
        )
        .advice("give it more time with timeout, and a Nats-Msg-Id header makes it safe to publish it again")
    }
}
