//! Finds the messages of a span of time in a stream with store times that may step back.
//!
//! The server stamps a message when it stores it. After a change of leader, or when a clock is set, a later message can have an earlier time. The
//! search is right as long as no message is stored more than [`MAX_STEP_BACK_NS`] before one that stands in front of it: messages that it leaves out
//! are certainly outside the span, and messages that it leaves in are checked one by one. Times that break the bound are an error where they are
//! seen.

use std::collections::BTreeMap;

use super::range::SequenceRange;
use crate::error::{Error, Kind, Result};

/// The largest step back of store times: one minute, in nanoseconds.
pub const MAX_STEP_BACK_NS: i64 = 60_000_000_000;

/// The number of messages that one round of a search looks at.
const PROBES: u64 = 7;

/// The bound to search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

/// The search for one bound of a span of time, by looking at some messages in rounds: about log8(messages) of them.
#[derive(Debug, Clone)]
pub struct TimeSearch {
    side: Side,
    /// Messages that were stored before this time are in front of the bound, in nanoseconds since 1970 UTC.
    threshold_ns: i64,
    low: u64,
    /// One past the last sequence that the bound can be.
    high: u64,
    seen: BTreeMap<u64, i64>,
}

impl TimeSearch {
    /// Looks for a sequence before which every message was stored before `micros` (microseconds since 1970 UTC).
    #[must_use]
    pub fn start(range: SequenceRange, micros: i64) -> Self {
        Self::new(Side::Start, range, micros.saturating_mul(1_000).saturating_sub(MAX_STEP_BACK_NS))
    }

    /// Looks for a sequence from which on every message was stored after `micros` (microseconds since 1970 UTC).
    #[must_use]
    pub fn end(range: SequenceRange, micros: i64) -> Self {
        let after = micros.saturating_add(1).saturating_mul(1_000);
        Self::new(Side::End, range, after.saturating_add(MAX_STEP_BACK_NS))
    }

    fn new(side: Side, range: SequenceRange, threshold_ns: i64) -> Self {
        let (low, high) = match threshold_ns {
            _ if range.is_empty() => (range.first, range.first),
            // No message is that old, or that young.
            i64::MIN => (range.first, range.first),
            i64::MAX => (range.last.saturating_add(1), range.last.saturating_add(1)),
            _ => (range.first, range.last.saturating_add(1)),
        };
        Self { side, threshold_ns, low, high, seen: BTreeMap::new() }
    }

    /// The sequences to look at next, ascending; none when the bound is found.
    #[must_use]
    pub fn probes(&self) -> Vec<u64> {
        let width = self.high - self.low;
        let count = PROBES.min(width);
        let at = |i: u64| u128::from(width) * u128::from(i) / u128::from(count.max(1));
        // The middle of each part.
        let half = width / (2 * count.max(1));
        (0..count).map(|i| self.low + u64::try_from(at(i)).unwrap_or(width) + half).collect()
    }

    /// Takes the results of the probes: for each probe, the sequence and time of the first message at or after it, if there is one.
    ///
    /// # Errors
    /// Those of [`StoreTimes::take`].
    pub fn take(&mut self, answers: &[(u64, Option<(u64, i64)>)]) -> Result<()> {
        for (_, found) in answers {
            self.seen.extend(*found);
        }
        let mut times = StoreTimes::default();
        self.seen.iter().try_for_each(|(sequence, time_ns)| times.take(*sequence, *time_ns))?;
        let in_front = |found: &Option<(u64, i64)>| found.is_some_and(|(_, time)| time < self.threshold_ns);
        let lows = answers.iter().filter(|(_, found)| in_front(found));
        let lows = lows.filter_map(|(probe, found)| found.map(|(sequence, _)| (*probe, sequence + 1)));
        let highs = answers.iter().filter(|(_, found)| !in_front(found)).map(|(probe, _)| *probe);
        // Where times step back, the two bounds may cross. Each side keeps its proven bound, and narrows the other.
        match self.side {
            Side::Start => {
                self.low = lows.map(|(_, low)| low).fold(self.low, u64::max).min(self.high);
                self.high = highs.filter(|high| *high >= self.low).fold(self.high, u64::min);
            }
            Side::End => {
                self.high = highs.fold(self.high, u64::min).max(self.low);
                let below = lows.filter(|(probe, _)| *probe < self.high).map(|(_, low)| low);
                self.low = below.fold(self.low, u64::max).min(self.high);
            }
        }
        Ok(())
    }

    /// The bound, once there is nothing more to look at.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.low
    }
}

/// The store times of messages in sequence order, watched for steps back that are too large.
#[derive(Debug, Clone, Default)]
pub struct StoreTimes {
    latest: Option<(u64, i64)>,
}

impl StoreTimes {
    /// Takes the next message; fails when it was stored too long before one in front of it.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when the message was stored too long before one in front of it.
    pub fn take(&mut self, sequence: u64, time_ns: i64) -> Result<()> {
        match self.latest {
            Some((before, latest)) if time_ns < latest.saturating_sub(MAX_STEP_BACK_NS) => {
                let seconds = (latest - time_ns) / 1_000_000_000;
                Err(Error::of(Kind::Unsupported, format!(
                    "it was stored {seconds} s before sequence {before}, which stands in front of it: bounds of time need \
                     store times that step back by at most {} s",
                    MAX_STEP_BACK_NS / 1_000_000_000
                ))
                .sequence(sequence)
                .advice("use sequences as bounds; nats_verify shows where times step back"))
            }
            Some((_, latest)) if time_ns <= latest => Ok(()),
            _ => {
                self.latest = Some((sequence, time_ns));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
