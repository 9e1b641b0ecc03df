//! Which messages of a sequence of fast batches are stored, and which are to be sent; pure.
//!
//! A row is a message by its number from 1; a position is its place in the batch that runs, from 1 too. The server takes
//! a batch in order and without a gap, so what is stored is the rows up to one, but for those that it refused.
//!
//! Seen on server 2.15.1: it ends the batch before a message that it refuses at once, and goes on behind one that it refuses when it
//! stores it (for its `Nats-Expected-Last-Msg-Id`, or a full disk), which then counts as a message of the batch.

use std::collections::{BTreeMap, VecDeque};

use super::answer::{Answer, Failure};
use crate::error::{Error, Kind};
use crate::jetstream::publish::ack::no_stream;

/// How many times the number of messages between two of the server's answers may wait for an answer.
const OUTSTANDING: u64 = 4;
/// Bytes of payload without an acknowledgement; one message is always sent.
const BYTES: usize = 16 * 1024 * 1024;

/// How often a batch is begun again when nobody listened for its first message.
const MOST_UNHEARD: u32 = 3;

/// The facts of a message that the window needs.
pub(super) trait Message {
    /// Where it goes.
    fn subject(&self) -> &str;
    /// The bytes of its payload.
    fn size(&self) -> usize;
    /// Whether sending it twice stores it once.
    fn is_idempotent(&self) -> bool;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No batch runs.
    Idle,
    /// The first message was sent, and nothing was heard.
    Opening,
    /// The batch takes messages; the server answers each time after this number of them.
    Open { every: u64 },
    /// The end of the batch was sent.
    Ending,
}

/// The meaning of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Taken {
    /// More is stored than before, or the batch may go on.
    Progress,
    /// Nothing new.
    Nothing,
    /// The first message of a batch is not taken at the moment: it may be sent again after a pause.
    Pause,
    /// The batch is gone, and it is not known whether its unanswered messages are stored.
    Lost,
}

/// The next thing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// The position in the batch; 1 begins a new one.
    pub position: u64,
    /// Where the message stands among those that wait.
    pub index: usize,
    /// Whether the message was never sent before.
    pub is_new: bool,
}

/// The messages of a call, and how far they are.
pub(super) struct FastWindow<M> {
    /// The rows up to this one are stored.
    stored: u64,
    /// The rows behind it.
    waiting: VecDeque<M>,
    /// How many of those were sent in the batch that runs, and their bytes.
    sent: usize,
    sent_bytes: usize,
    /// The last row that was ever sent.
    ever_sent: u64,
    /// The last row before the batch that runs.
    base: u64,
    /// The last position of which the server spoke.
    spoken: u64,
    phase: Phase,
    /// The last row that was sent in a batch that is gone.
    unknown_to: u64,
    /// How often in a row nobody listened for the first message of a batch.
    unheard: u32,
    /// The rows that are not stored, with their subjects, and why.
    refused: BTreeMap<u64, (String, Error)>,
}

impl<M: Message> FastWindow<M> {
    pub fn new() -> Self {
        Self {
            stored: 0,
            waiting: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            ever_sent: 0,
            base: 0,
            spoken: 0,
            phase: Phase::Idle,
            unknown_to: 0,
            unheard: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Adds a row behind the others.
    pub fn push(&mut self, message: M) {
        self.waiting.push_back(message);
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.stored + self.waiting.len() as u64
    }

    /// How many rows are stored for certain.
    pub fn stored_count(&self) -> u64 {
        self.stored - self.refused.range(..=self.stored).count() as u64
    }

    /// The rows of which it is not known whether they are stored, as the first and the last of them.
    pub fn unknown(&self) -> Option<(u64, u64)> {
        let first = (self.stored + 1..).find(|row| !self.refused.contains_key(row))?;
        (first <= self.unknown_to).then_some((first, self.unknown_to))
    }

    /// The first row that is refused, its subject, and why.
    pub fn refused(&self) -> Option<(u64, &str, &Error)> {
        self.refused.first_key_value().map(|(row, (subject, error))| (*row, subject.as_str(), error))
    }

    /// The rows that are stored for certain, as the first and the last of each run.
    pub fn stored_runs(&self) -> Vec<(u64, u64)> {
        let mut runs = Vec::new();
        let mut first = 1;
        for row in self.refused.keys().copied().chain([self.stored + 1]).filter(|row| *row <= self.stored + 1) {
            if first < row {
                runs.push((first, row - 1));
            }
            first = row + 1;
        }
        runs
    }

    /// A message that waits.
    pub fn message(&self, index: usize) -> Option<&M> {
        self.waiting.get(index)
    }

    /// The messages that were sent in the batch and have no acknowledgement.
    pub fn sent(&self) -> impl Iterator<Item = &M> {
        self.waiting.iter().take(self.sent)
    }

    /// Whether every row was sent.
    pub fn is_sent(&self) -> bool {
        self.sent == self.waiting.len()
    }

    /// Whether no batch runs.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    /// Whether a batch takes messages.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Whether the end of the batch was sent.
    pub fn is_ending(&self) -> bool {
        self.phase == Phase::Ending
    }

    /// The position of the last message that was sent in the batch.
    pub fn position(&self) -> u64 {
        self.stored - self.base + self.sent as u64
    }

    /// The next thing that may be sent now; it counts as sent.
    pub fn next(&mut self) -> Option<Next> {
        let size = self.waiting.get(self.sent)?.size();
        if !self.refused.is_empty() || !self.has_room(size) {
            return None;
        }
        if self.phase == Phase::Idle {
            self.phase = Phase::Opening;
            self.base = self.stored;
        }
        self.sent += 1;
        self.sent_bytes += size;
        let row = self.stored + self.sent as u64;
        let is_new = row > self.ever_sent;
        self.ever_sent = self.ever_sent.max(row);
        Some(Next { position: self.position(), index: self.sent - 1, is_new })
    }

    fn has_room(&self, size: usize) -> bool {
        match self.phase {
            Phase::Idle => true,
            Phase::Open { every } => {
                let few = (self.sent as u64) < every * OUTSTANDING;
                self.sent == 0 || (few && self.sent_bytes.saturating_add(size) <= BYTES)
            }
            Phase::Opening | Phase::Ending => false,
        }
    }

    /// Whether messages wait for room, and the server has no reason to speak before more of them come: the end of the batch
    /// is a reason.
    pub fn is_stalled(&self) -> bool {
        let Phase::Open { every } = self.phase else { return false };
        let next = self.waiting.get(self.sent);
        next.is_some_and(|next| !self.has_room(next.size())) && self.position() < self.spoken + every
    }

    /// Notes that the end of the batch is sent; the position that it has.
    pub fn end(&mut self) -> u64 {
        self.phase = Phase::Ending;
        self.position() + 1
    }

    /// Takes an answer of the batch that runs. `stream` is the one that the messages are for.
    pub fn take(&mut self, answer: Answer, stream: &str) -> Taken {
        match answer {
            Answer::Stored { position, every } => {
                let opened = self.phase == Phase::Opening;
                if opened || self.is_open() {
                    self.unheard = 0;
                    self.phase = Phase::Open { every };
                }
                self.spoken = self.spoken.max(position);
                news(self.store_up_to(position) || opened)
            }
            Answer::Ended { messages } => {
                let progress = self.store_up_to(messages);
                self.close();
                news(progress)
            }
            Answer::Failed { position: 1, failure: Failure::Busy, .. } if self.phase == Phase::Opening => {
                self.close();
                Taken::Pause
            }
            // A stream without a leader has no listener.
            Answer::Nobody { position: 1 } if self.phase == Phase::Opening && self.unheard < MOST_UNHEARD => {
                self.unheard += 1;
                self.close();
                Taken::Pause
            }
            Answer::Failed { position, stream: other, failure: Failure::UnknownBatch } if other != stream => {
                self.refuse(position, foreign(&other))
            }
            Answer::Failed { failure: Failure::UnknownBatch, .. } => self.lose(),
            Answer::Nobody { position } => self.refuse(position, no_stream()),
            Answer::Refused { position, error } | Answer::Failed { position, failure: Failure::Refused(error), .. } => {
                self.refuse(position, error)
            }
            // It did not arrive: a gap, which ends the batch before it.
            Answer::Failed { failure: Failure::Busy, .. } | Answer::Gap => Taken::Nothing,
        }
    }

    /// The batch is gone: what was sent of it goes into another one, if sending it twice stores it once.
    pub fn lose(&mut self) -> Taken {
        self.unknown_to = self.unknown_to.max(self.stored + self.sent as u64);
        let open = self.waiting.iter().take(self.sent).zip(self.stored + 1..);
        let mut unknown =
            open.filter(|(_, row)| !self.refused.contains_key(row)).map(|(message, _)| message).peekable();
        if unknown.peek().is_some() {
            let is_over = self.refused.range(..=self.stored).next().is_some();
            if is_over || !unknown.all(Message::is_idempotent) {
                return Taken::Lost;
            }
            // A row that was refused is refused again, and so it is sent behind rows of which it is not known whether they are stored.
            self.refused.clear();
        }
        self.close();
        Taken::Nothing
    }

    /// A message of the batch is not stored. Alone in its batch it ends it.
    fn refuse(&mut self, position: u64, error: Error) -> Taken {
        let row = self.base + position;
        let index = row.checked_sub(self.stored + 1).and_then(|index| usize::try_from(index).ok());
        let subject = index.filter(|index| *index < self.sent).and_then(|index| self.waiting.get(index));
        let Some(subject) = subject.map(|message| message.subject().to_owned()) else { return Taken::Nothing };
        let is_news = self.refused.insert(row, (subject, error)).is_none();
        if self.position() == 1 {
            self.close();
        }
        news(is_news)
    }

    /// Lets go of the rows up to a position that were sent; whether there are any.
    fn store_up_to(&mut self, position: u64) -> bool {
        let stored = (self.base + position).min(self.stored + self.sent as u64);
        let news = stored > self.stored;
        while self.stored < stored {
            let size = self.waiting.pop_front().map_or(0, |message| message.size());
            self.stored += 1;
            self.sent -= 1;
            self.sent_bytes = self.sent_bytes.saturating_sub(size);
        }
        news
    }

    /// The batch is over: what it does not hold is not stored.
    fn close(&mut self) {
        self.phase = Phase::Idle;
        (self.sent, self.sent_bytes) = (0, 0);
        (self.base, self.spoken) = (self.stored, 0);
    }
}

fn news(is_news: bool) -> Taken {
    if is_news { Taken::Progress } else { Taken::Nothing }
}

fn foreign(stream: &str) -> Error {
    Error::of(Kind::Misuse, format!("stream '{stream}' captures the subject, so it is not stored"))
        .advice("copy rows for one stream at a time, to the stream that captures their subjects")
}
