//! The caller's decisions about messages that were given, and the server's confirmation of them.

use std::collections::HashSet;
use std::time::Instant;

use super::{Confirmed, Decided, Decision, Entry, ReadState, Settlement, messages};
use crate::error::{Error, Result};
use crate::plan::given::Given;
use crate::plan::isolation::{Backoff, Failed};

impl Settlement {
    /// Decides to acknowledge all given messages, or only those that were written up to a sequence. Returns the messages to acknowledge to the
    /// server. Call [`Settlement::confirm`], [`Settlement::undo`] or [`Settlement::forget`] next.
    ///
    /// # Errors
    /// A statement reads or settles, or the last read was cut short and no sequence is given up to which it wrote.
    pub fn acknowledge(&mut self, up_to: Option<u64>) -> Result<Decided> {
        self.check_settleable()?;
        let Some(limit) = up_to else {
            if self.reading == ReadState::CutShort && !self.given.is_empty() {
                return Err(Error::new(format!(
                    "the statement that was given {} ended before it had read them all, by a LIMIT or an error: \
                     which of them it wrote is not known",
                    messages(self.given.len())
                ))
                .advice(
                    "FROM nats_nak(stream, durable) returns them; use max_messages instead of LIMIT, or say with \
                     up_to_seq which sequence was written last",
                ));
            }
            let all = std::mem::take(&mut self.given);
            return Ok(self.decide(Decision::Acknowledge, all));
        };
        let chosen = if self.reading == ReadState::Whole {
            self.given.extract_if(.., |entry| entry.given.sequence <= limit).collect()
        } else {
            // A statement that was cut short wrote the messages that came first. A message that was delivered again can have a
            // lower sequence than those before it, so the order of delivery decides.
            let named = self.given.iter().position(|entry| entry.given.sequence == limit).map(|position| position + 1);
            let beyond = self.given.iter().position(|entry| entry.given.sequence > limit).unwrap_or(self.given.len());
            let written = named.map_or(beyond, |named| named.min(beyond));
            self.given.drain(..written).collect()
        };
        Ok(self.decide(Decision::Acknowledge, chosen))
    }

    /// Decides to return all given messages: to the server, or, when they failed again, to the groups that are read by themselves. With `bury`, a
    /// message that fails alone becomes a dead letter.
    ///
    /// # Errors
    /// A statement reads or settles.
    pub fn return_all(&mut self, bury: bool, backoff: &Backoff, now: Instant) -> Result<Decided> {
        self.check_settleable()?;
        let mut entries = std::mem::take(&mut self.given);
        let messages = entries.iter().map(|entry| entry.given.clone()).collect();
        let Failed { to_server, culprit, kept } = self.isolate(messages, bury, backoff, now);
        let decision = if culprit.is_some() { Decision::End } else { Decision::Return };
        if to_server.is_empty() && culprit.is_none() {
            entries.clear();
        }
        Ok(Decided { kept, ..self.decide(decision, entries) })
    }

    /// Decides to acknowledge exactly the messages of these sequences, of those that are given.
    ///
    /// # Errors
    /// A statement reads or settles.
    pub fn acknowledge_these(&mut self, sequences: &HashSet<u64>) -> Result<Decided> {
        self.check_settleable()?;
        let chosen = self.given.extract_if(.., |entry| sequences.contains(&entry.given.sequence)).collect();
        Ok(self.decide(Decision::Acknowledge, chosen))
    }

    /// Decides to return exactly the messages of these sequences, of those that are given. Those that the server would not
    /// deliver again are kept, and read by themselves when their time has come.
    ///
    /// # Errors
    /// A statement reads or settles.
    pub fn return_these(&mut self, sequences: &HashSet<u64>, not_before: Option<Instant>) -> Result<Decided> {
        self.check_settleable()?;
        let chosen = self.given.extract_if(.., |entry| sequences.contains(&entry.given.sequence));
        let (last, others): (Vec<Entry>, Vec<Entry>) = chosen.partition(|entry| entry.given.last);
        let last: Vec<Given> = last.into_iter().map(|entry| entry.given).collect();
        let kept = last.iter().map(|given| given.sequence).collect();
        if !last.is_empty() {
            self.isolation.keep_until(last, not_before);
            self.kept_alive = None;
        }
        Ok(Decided { kept, ..self.decide(Decision::Return, others) })
    }

    /// Decides that exactly the messages of these sequences, of those that are given, are never delivered again.
    ///
    /// # Errors
    /// A statement reads or settles.
    pub fn end_these(&mut self, sequences: &HashSet<u64>) -> Result<Decided> {
        self.check_settleable()?;
        let chosen = self.given.extract_if(.., |entry| sequences.contains(&entry.given.sequence)).collect();
        Ok(self.decide(Decision::End, chosen))
    }

    fn decide(&mut self, decision: Decision, chosen: Vec<Entry>) -> Decided {
        let messages = chosen.iter().map(|entry| entry.given.clone()).collect();
        self.decided = Some((decision, chosen));
        Decided { decision, messages, kept: Vec::new() }
    }

    /// Takes the server's answer for each message that was decided about, in their order. Where there is no answer, or the list ends, the message is
    /// still given, at its old place.
    pub fn confirm(&mut self, confirmed: impl IntoIterator<Item = bool>) -> Confirmed {
        let mut outcome = Confirmed::default();
        let mut confirmed = confirmed.into_iter();
        let Some((decision, decided)) = self.decided.take() else { return outcome };
        for entry in decided {
            if !confirmed.next().unwrap_or(false) {
                outcome.unconfirmed += 1;
                self.given.push(entry);
                continue;
            }
            outcome.sequences.push(entry.given.sequence);
        }
        self.sort();
        if decision == Decision::Acknowledge && !outcome.sequences.is_empty() && self.given.is_empty() {
            self.isolation.succeeded();
        }
        outcome.still_pending = self.pending();
        outcome
    }

    /// Takes back a decision that was not sent to the server: all of its messages are still given.
    pub fn undo(&mut self) {
        let (_, decided) = self.decided.take().unwrap_or((Decision::Return, Vec::new()));
        self.given.extend(decided);
        self.sort();
    }

    /// Forgets the messages that were decided about: their consumer is gone, so they are neither acknowledged nor returned.
    pub fn forget(&mut self) {
        self.decided = None;
        self.isolation.clear();
    }

    fn sort(&mut self) {
        self.given.sort_by_key(|entry| entry.number);
    }

    fn check_settleable(&self) -> Result<()> {
        if self.reading == ReadState::Running {
            return Err(Error::new("a statement of this process is still reading this durable")
                .advice("let it end and its transaction be committed or rolled back first"));
        }
        self.check_undecided()
    }
}
