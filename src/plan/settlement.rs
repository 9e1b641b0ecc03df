//! The messages that a durable gave to a process, until they are settled.
//!
//! Each message is in one state:
//!
//! ```text
//! given ──► decided ──► acknowledged     the server confirmed
//!   ▲  ▲       │   ├──► returned         the server confirmed, and delivers it again
//!   │  │       │   └──► ended            the server confirmed: a dead letter was made of it
//!   │  └───────┘                         the server did not confirm
//!   ├──► kept ──┐                        it failed again, or this was its last delivery: read again by itself
//!   └───────────┘
//! given, kept ──► taken back             the server delivers it again after ack_wait, or gives it up (max_deliver)
//! ```
//!
//! An extension cannot see a COMMIT or a ROLLBACK. So one statement at a time reads a durable, and only after the messages of the statement before it
//! are settled or taken back: otherwise an acknowledgement could cover rows that were rolled back. One statement at a time decides, and no statement
//! reads until the server has confirmed or refused the decision.

mod decisions;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::RowKeys;
use super::given::Given;
use super::isolation::{Backoff, Failed, Isolation};
use crate::error::{Error, Result};

/// The outcome of a message that the statement was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A row that the caller may write.
    Row,
    /// No row: it repeats the row of this sequence, and the table is to have the key of that row.
    Repeats(u64),
    /// No row: it was published to the dead letters.
    DeadLetter,
    /// No row: it is a bad row, and `on_error` leaves such rows out.
    Skipped,
}

/// A message that was given and is not settled, as `nats_unsettled` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    /// Its place in the order in which messages were given: larger than those before it.
    pub place: u64,
    /// The stream sequence.
    pub sequence: u64,
    /// The key that the table is to have because of it: its own, or, for a repeat, that of the row that it repeats.
    pub correlation_key: Option<String>,
    /// Its other keys, in the order of their templates.
    pub keys: Vec<Option<String>>,
    /// The number of its deliveries, this one included.
    pub delivered: u64,
    /// When it was given, in microseconds since 1970-01-01 UTC.
    pub since_us: i64,
    /// The outcome; None when the statement ended before it.
    pub outcome: Option<Outcome>,
}

/// A message that the process was given.
#[derive(Debug)]
struct Entry {
    /// Its place in the order in which messages were given.
    number: u64,
    given: Given,
    /// Its outcome, and its keys.
    outcome: Option<(Outcome, RowKeys)>,
    /// The correlation key that the table will have in place of a repeat's own.
    kept_key: Option<Box<str>>,
}

impl Entry {
    /// The correlation key of the message itself.
    fn own_key(&self) -> Option<&str> {
        self.outcome.as_ref().and_then(|(_, keys)| keys.iter().next().flatten())
    }
}

/// The progress of the statement that read last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadState {
    /// It is still reading.
    Running,
    /// It ended before it had asked for everything, by a LIMIT or an error: it may have left out some of the last rows that it was given.
    CutShort,
    /// It took all rows that it was given.
    Whole,
}

/// The caller's decision about messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The table has them.
    Acknowledge,
    /// The server is to deliver them again.
    Return,
    /// Dead letters are made of them.
    End,
}

/// A decision to send to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The messages, in the order in which they were given.
    pub messages: Vec<Given>,
    /// The sequences of the messages that the process keeps; nothing is sent to the server about them.
    pub kept: Vec<u64>,
}

/// The result of a decision about messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// The sequences that the server confirmed.
    pub sequences: Vec<u64>,
    /// The number of messages that the server did not confirm: they are still given.
    pub unconfirmed: usize,
    /// The number of messages that are given and not settled.
    pub still_pending: u64,
}

/// The messages that one durable gave to one process.
#[derive(Debug)]
pub struct Settlement {
    /// In the order in which they were given.
    given: Vec<Entry>,
    decided: Option<(Decision, Vec<Entry>)>,
    reading: ReadState,
    /// The messages of the statement that reads, or read last.
    statement: HashSet<u64>,
    next_number: u64,
    /// The number of messages of `given` that have an outcome: those that came first.
    noted: usize,
    /// The time at which the server takes back the last given message; None before one was given.
    until: Option<Instant>,
    isolation: Isolation,
    /// The time of the last report to the server that the kept messages are in progress, and the time at which it takes them back.
    kept_alive: Option<(Instant, Instant)>,
}

impl Default for Settlement {
    fn default() -> Self {
        Self {
            given: Vec::new(),
            decided: None,
            reading: ReadState::Whole,
            statement: HashSet::new(),
            next_number: 0,
            noted: 0,
            until: None,
            isolation: Isolation::default(),
            kept_alive: None,
        }
    }
}

impl Settlement {
    /// A statement starts to read. Returns the number of messages that the server had taken back; they are forgotten.
    ///
    /// # Errors
    /// Another statement reads or settles, or the messages of an earlier one are not settled.
    pub fn start(&mut self, now: Instant) -> Result<u64> {
        if self.reading == ReadState::Running {
            return Err(Error::new(
                "another statement of this process is reading this durable, or another part of this one",
            )
            .advice("let it end first, or give each its own durable"));
        }
        self.check_undecided()?;
        let mut taken_back = 0;
        if self.until.is_none_or(|until| until <= now) {
            taken_back = self.given.len() as u64;
            self.given.clear();
        }
        if self.kept_alive.is_some_and(|(_, until)| until <= now) {
            taken_back += self.isolation.clear();
            self.kept_alive = None;
        }
        if !self.given.is_empty() {
            return Err(Error::new(format!(
                "{} that this process was given {} neither acknowledged nor returned",
                messages(self.given.len()),
                if self.given.len() == 1 { "is" } else { "are" }
            ))
            .advice("after COMMIT run FROM nats_ack(stream, durable), after ROLLBACK FROM nats_nak(stream, durable)"));
        }
        self.statement.clear();
        self.noted = 0;
        self.isolation.start();
        self.reading = ReadState::Running;
        Ok(taken_back)
    }

    /// The statement is given a message, which the server takes back at `until`. False when the statement already has it: the server has delivered it
    /// again, and a statement is given a message once.
    pub fn give(&mut self, message: Given, until: Instant) -> bool {
        self.until = Some(until);
        self.isolation.given(message.sequence);
        let new = self.statement.insert(message.sequence);
        if new {
            self.given.push(Entry { number: self.next_number, given: message, outcome: None, kept_key: None });
            self.next_number += 1;
        } else if let Some(entry) = self.given.iter_mut().rfind(|entry| entry.given.sequence == message.sequence) {
            entry.given = message;
        }
        new
    }

    /// Notes the outcomes of messages, in the order in which the statement was given them.
    pub fn note(&mut self, outcomes: impl IntoIterator<Item = (u64, Outcome, RowKeys)>) {
        for (sequence, outcome, keys) in outcomes {
            let rest = self.given.get_mut(self.noted..).unwrap_or_default();
            if let Some((entry, at)) = rest.iter_mut().zip(1..).find(|(entry, _)| entry.given.sequence == sequence) {
                entry.outcome = Some((outcome, keys));
                self.noted += at;
            }
        }
    }

    /// The messages that are given and not settled, in the order in which they were given: at most `most` of those from a place on.
    #[must_use]
    pub fn unsettled(&self, from: u64, most: usize) -> Vec<Unsettled> {
        let shown = |entry: &Entry| {
            let keys = entry.outcome.iter().flat_map(|(_, keys)| keys.iter().skip(1));
            Unsettled {
                place: entry.number,
                sequence: entry.given.sequence,
                correlation_key: entry.kept_key.as_deref().or(entry.own_key()).map(str::to_owned),
                keys: keys.map(|key| key.map(str::to_owned)).collect(),
                delivered: entry.given.delivered,
                since_us: entry.given.since_us,
                outcome: entry.outcome.as_ref().map(|(outcome, _)| *outcome),
            }
        };
        let start = self.given.partition_point(|entry| entry.number < from);
        self.given.iter().skip(start).take(most).map(shown).collect()
    }

    /// Notes for each repeat the key that the table is to have because of it, while the row that it repeats is known.
    fn resolve_repeats(&mut self) {
        let repeated = |entry: &Entry| match entry.outcome {
            Some((Outcome::Repeats(sequence), _)) => Some(sequence),
            _ => None,
        };
        let wanted: HashSet<u64> = self.given.iter().filter_map(repeated).collect();
        let kept = self.given.iter().filter(|entry| wanted.contains(&entry.given.sequence));
        let kept = kept.filter_map(|entry| Some((entry.given.sequence, Box::from(entry.own_key()?))));
        let kept: HashMap<u64, Box<str>> = kept.collect();
        for entry in &mut self.given {
            let key = repeated(entry).and_then(|sequence| kept.get(&sequence));
            entry.kept_key = key.filter(|key| entry.own_key() != Some(key)).cloned();
        }
    }

    /// Whether the statement that reads, or read last, was given a message.
    #[must_use]
    pub fn gave(&self, sequence: u64) -> bool {
        self.statement.contains(&sequence)
    }

    /// The statement has taken all messages that there were.
    pub fn end(&mut self) {
        self.reading = ReadState::Whole;
    }

    /// The statement is over, whether it has come to the end or not.
    pub fn stop(&mut self) {
        if self.reading == ReadState::Running {
            self.reading = ReadState::CutShort;
        }
        self.isolation.stop();
        self.resolve_repeats();
    }

    /// The statement failed by an error of the extension, so that none of its rows can be committed. Returns the messages that go back to the server;
    /// the others are kept.
    pub fn fail(&mut self, now: Instant) -> Vec<Given> {
        self.noted = 0;
        let all = self.given.drain(..).map(|entry| entry.given).collect();
        self.isolate(all, false, &Backoff::default(), now).to_server
    }

    /// Takes messages that the server has delivered, but that no statement was given. It keeps those that the server would not deliver again, and
    /// returns the others, which go back to the server.
    pub fn hand_back(&mut self, messages: Vec<Given>) -> Vec<Given> {
        let (last, others) = messages.into_iter().partition::<Vec<Given>, _>(|message| message.last);
        if !last.is_empty() {
            self.isolation.keep(last);
            self.kept_alive = None;
        }
        others
    }

    fn isolate(&mut self, messages: Vec<Given>, bury: bool, backoff: &Backoff, now: Instant) -> Failed {
        let failed = self.isolation.failed(messages, bury, backoff, now);
        if !failed.kept.is_empty() {
            self.kept_alive = None;
        }
        failed
    }

    /// The messages of the group that is to be read by itself next, at most `most` of them; none when the server is to be asked. A statement that has
    /// started is then given only these.
    pub fn next_kept(&mut self, most: usize, now: Instant) -> Vec<Given> {
        self.isolation.next(most, now)
    }

    /// The time at which a kept message is to be read; None when none is kept.
    #[must_use]
    pub fn next_kept_at(&self, now: Instant) -> Option<Instant> {
        self.isolation.next_at(now)
    }

    /// A message that was kept is not in the stream any more.
    pub fn is_gone(&mut self, sequence: u64) {
        self.isolation.given(sequence);
    }

    /// The kept messages that are to be reported to the server as in progress, so that it does not deliver them again: every quarter of `ack_wait`,
    /// if this is called that often.
    pub fn keep_alive(&mut self, now: Instant, ack_wait: Duration) -> Vec<Given> {
        if self.kept_alive.is_some_and(|(last, _)| now < last + ack_wait / 4) {
            return Vec::new();
        }
        self.kept_alive = Some((now, now + ack_wait));
        self.isolation.messages().cloned().collect()
    }

    /// The number of messages that are given and not settled.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.given.len() as u64
    }

    /// The messages of these sequences, of those that are given.
    #[must_use]
    pub fn given(&self, sequences: &HashSet<u64>) -> Vec<Given> {
        let given = self.given.iter().map(|entry| &entry.given);
        given.filter(|given| sequences.contains(&given.sequence)).cloned().collect()
    }

    /// The server was told that the messages of these sequences are in progress. It takes the last of the given ones back at `until`.
    pub fn extend(&mut self, sequences: &HashSet<u64>, until: Instant) {
        if self.given.iter().any(|entry| sequences.contains(&entry.given.sequence)) {
            self.until = self.until.max(Some(until));
        }
    }

    /// The number and the lowest sequence of the messages, given or kept, that are not decided about.
    #[must_use]
    pub fn in_hand(&self) -> (u64, Option<u64>) {
        let given = self.given.iter().map(|entry| entry.given.sequence);
        let kept = self.isolation.messages().map(|message| message.sequence);
        given.chain(kept).fold((0, None), |(count, lowest), sequence| {
            (count + 1, Some(lowest.map_or(sequence, |lowest: u64| lowest.min(sequence))))
        })
    }

    fn check_undecided(&self) -> Result<()> {
        if self.decided.is_none() {
            return Ok(());
        }
        Err(Error::new("another statement of this process is acknowledging or returning what this durable gave")
            .advice("let it end first"))
    }
}

/// `1 message`, `2 messages`.
#[must_use]
pub fn messages(count: usize) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod tests;
