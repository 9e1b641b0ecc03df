//! Finds the message of a batch that is at fault: a batch that fails again is read again in halves, until one message is alone.
//!
//! A batch that fails for the first time goes back to the server. When messages fail that were delivered before, or that
//! the server would not deliver again (`max_deliver`), the process keeps them instead, in two groups, and reads each group
//! by itself; a group that fails is halved again. Nothing is delivered for that, so no message comes nearer to its last
//! delivery. One that fails alone is the culprit.
//!
//! When both halves of a group are written after all, the group failed for another reason than its messages, such as a lock. The remaining messages
//! are then one group again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::given::Given;

/// The first and the longest wait of a message that fails alone, when the caller gives no delays: the wait doubles each time.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_mins(1);

/// The wait of a returned message before it comes again, by the number of its failures. The last delay also holds for all later failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff(pub Vec<Duration>);

impl Backoff {
    /// The delay after this many failures, from 1 on; None when the caller gives no delays.
    #[must_use]
    pub fn delay(&self, failures: u64) -> Option<Duration> {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        self.0.get(index).or(self.0.last()).copied()
    }
}

/// The decision about messages that failed together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// Back to the server, which delivers them again.
    pub to_server: Vec<Given>,
    /// It failed alone, not for the first time: dead letters are made of it.
    pub culprit: Option<Given>,
    /// The sequences of those that the process keeps, to read them again by themselves.
    pub kept: Vec<u64>,
}

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Given>,
    /// The number that it shares with the other half of the group that failed.
    pair: Option<u64>,
    /// The other half is written.
    half_written: bool,
    /// The number of failures of this group, and of the groups that it comes from, in this process.
    failures: u64,
    /// It is one message that failed alone.
    alone: bool,
    /// The time before which it is not read.
    not_before: Option<Instant>,
}

/// The messages that a process keeps to find out which of them is at fault.
#[derive(Debug, Default)]
pub struct Isolation {
    groups: VecDeque<Group>,
    /// The group that a statement reads or has read; its messages are those that the statement was not given yet.
    current: Option<Group>,
    next_pair: u64,
}

impl Isolation {
    /// A statement starts to read.
    pub fn start(&mut self) {
        self.current = None;
    }

    /// The messages of the next group, at most `most` of them; none when the next read is one of the server.
    pub fn next(&mut self, most: usize, now: Instant) -> Vec<Given> {
        let ready = |group: &Group| group.not_before.is_none_or(|time| time <= now);
        let Some(position) = self.groups.iter().position(ready).filter(|_| most > 0) else { return Vec::new() };
        let Some(mut group) = self.groups.remove(position) else { return Vec::new() };
        if group.messages.len() > most {
            // The outcome of a part of a group is not the outcome of the group.
            let rest = group.messages.split_off(most);
            self.groups.push_front(Group { messages: rest, failures: group.failures, ..Group::default() });
            group.pair = None;
        }
        let messages = group.messages.clone();
        self.current = Some(group);
        messages
    }

    /// When the next group is to be read, if one waits.
    pub fn next_at(&self, now: Instant) -> Option<Instant> {
        self.groups.iter().map(|group| group.not_before.unwrap_or(now)).min()
    }

    /// The statement was given a message, from a group or by the server: it is not kept any more.
    pub fn given(&mut self, sequence: u64) {
        for group in self.groups.iter_mut().chain(&mut self.current) {
            group.messages.retain(|message| message.sequence != sequence);
        }
        self.groups.retain(|group| !group.messages.is_empty());
    }

    /// The statement is over: the messages of its group that it was not given are a group again.
    pub fn stop(&mut self) {
        if let Some(group) = &mut self.current
            && !group.messages.is_empty()
        {
            let messages = std::mem::take(&mut group.messages);
            group.pair = None;
            self.groups.push_front(Group { messages, failures: group.failures, ..Group::default() });
        }
    }

    /// All messages that the statement was given are written.
    pub fn succeeded(&mut self) {
        let Some(Group { pair, half_written, alone, .. }) = self.current.take() else { return };
        if alone || half_written {
            // The messages were not at fault. Those that failed alone still wait, unless this was one of them.
            let (all, left) = self.groups.drain(..).partition::<Vec<Group>, _>(|group| alone || !group.alone);
            self.groups = left.into();
            let messages: Vec<Given> = all.into_iter().flat_map(|group| group.messages).collect();
            self.keep(messages);
        } else if let Some(other) = self.groups.iter_mut().find(|group| pair.is_some() && group.pair == pair) {
            other.half_written = true;
        }
    }

    /// Messages that a statement was given failed together. With `bury`, a message that fails alone becomes a dead letter.
    pub fn failed(&mut self, mut messages: Vec<Given>, bury: bool, backoff: &Backoff, now: Instant) -> Failed {
        self.stop();
        let group = self.current.take();
        let again = group.is_some() || messages.iter().any(|message| message.delivered > 1 || message.last);
        if !again || messages.is_empty() {
            return Failed { to_server: messages, ..Failed::default() };
        }
        let alone = messages.len() == 1;
        if alone && bury {
            return Failed { culprit: messages.pop(), ..Failed::default() };
        }
        let delivered = messages.iter().map(|message| message.delivered).max().unwrap_or(1);
        let failures = group.map_or(delivered, |group| group.failures.max(delivered) + 1);
        let doubled = FIRST_DELAY.saturating_mul(1 << (failures - 1).min(16)).min(MAX_DELAY);
        let delay = backoff.delay(failures).or(alone.then_some(doubled));
        let not_before = delay.filter(|delay| !delay.is_zero()).map(|delay| now + delay);
        let kept = messages.iter().map(|message| message.sequence).collect();
        if alone {
            self.groups.push_back(Group { messages, failures, alone, not_before, ..Group::default() });
        } else {
            let second = messages.split_off(messages.len().div_ceil(2));
            let pair = Some(self.next_pair);
            self.next_pair += 1;
            for messages in [messages, second] {
                self.groups.push_back(Group { messages, pair, failures, not_before, ..Group::default() });
            }
        }
        Failed { kept, ..Failed::default() }
    }

    /// Keeps messages that did not fail: the server would not deliver them again.
    pub fn keep(&mut self, messages: Vec<Given>) {
        self.keep_until(messages, None);
    }

    /// Keeps such messages, which are not read before a time.
    pub fn keep_until(&mut self, messages: Vec<Given>, not_before: Option<Instant>) {
        if !messages.is_empty() {
            self.groups.push_back(Group { messages, not_before, ..Group::default() });
        }
    }

    /// The messages that are kept and that no statement was given.
    pub fn messages(&self) -> impl Iterator<Item = &Given> {
        self.groups.iter().chain(&self.current).flat_map(|group| &group.messages)
    }

    /// Forgets all messages, because the server has taken them back, or because the consumer is gone. Returns their number.
    pub fn clear(&mut self) -> u64 {
        let count = self.messages().count() as u64;
        *self = Self { next_pair: self.next_pair, ..Self::default() };
        count
    }
}

#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod tests;
