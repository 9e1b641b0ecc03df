//! The newest reads of ranges that this process ran, for `nats_reads()`: which part of a stream a statement asked for.
//!
//! DuckDB lets no table function add to EXPLAIN, so a read is looked at here after it ran.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many reads are kept; the oldest go first.
const CAPACITY: usize = 100;

/// The part of a stream that a read asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The stream's name.
    pub stream: String,
    /// The server, without userinfo.
    pub server: String,
    /// The first sequence that may be read.
    pub first: u64,
    /// The last sequence that may be read.
    pub last: u64,
    /// The subject filters that the server applies; none for every subject.
    pub subjects: Vec<String>,
    /// The way that it is read, in the words of `via`.
    pub via: &'static str,
    /// Whether conditions of the query narrowed the range or the subjects.
    pub narrowed: bool,
}

/// How a read ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The range was read to its end, and proven to be whole.
    Complete,
    /// The reader wanted no more.
    Stopped,
    /// An error ended it.
    Failed,
}

impl Outcome {
    /// The word that SQL shows.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::Stopped => "stopped",
            Outcome::Failed => "failed",
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Outcome::Complete, Outcome::Stopped, Outcome::Failed].into_iter().find(|outcome| *outcome as u8 + 1 == code)
    }
}

/// A read as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it started, in microseconds since 1970-01-01 UTC.
    pub started_micros: i64,
    /// The part of a stream that it asks for.
    pub asked: Asked,
    /// How many messages it handed on.
    pub messages: u64,
    /// How it ended; None while it runs.
    pub outcome: Option<Outcome>,
}

struct Entry {
    started_micros: i64,
    asked: Asked,
    messages: AtomicU64,
    /// 0 while it runs, else the outcome's number plus one.
    outcome: AtomicU8,
}

static NEWEST: Mutex<VecDeque<Arc<Entry>>> = Mutex::new(VecDeque::new());

/// A read that runs. Dropping it before it ended notes that its reader wanted no more.
pub struct Running(Arc<Entry>);

/// Notes that a read starts.
pub fn start(asked: Asked) -> Running {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let entry = Arc::new(Entry {
        started_micros: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        asked,
        messages: AtomicU64::new(0),
        outcome: AtomicU8::new(0),
    });
    let mut newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
    if newest.len() == CAPACITY {
        newest.pop_front();
    }
    newest.push_back(Arc::clone(&entry));
    Running(entry)
}

impl Running {
    /// Adds messages that were handed on.
    pub fn add(&self, messages: usize) {
        self.0.messages.fetch_add(messages as u64, Ordering::Relaxed);
    }

    /// Notes how it ended; the first note counts.
    pub fn end(&self, outcome: Outcome) {
        let _ = self.0.outcome.compare_exchange(0, outcome as u8 + 1, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Outcome::Stopped);
    }
}

/// The newest reads, the oldest of them first.
pub fn newest() -> Vec<Seen> {
    let newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = |entry: &Arc<Entry>| Seen {
        started_micros: entry.started_micros,
        asked: entry.asked.clone(),
        messages: entry.messages.load(Ordering::Relaxed),
        outcome: Outcome::of(entry.outcome.load(Ordering::Relaxed)),
    };
    newest.iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(stream: &str) -> Asked {
        let (server, via) = ("nats://127.0.0.1:4222".into(), "direct");
        Asked { stream: stream.into(), server, first: 1, last: 9, subjects: Vec::new(), via, narrowed: false }
    }

    fn of(prefix: &str) -> Vec<Seen> {
        newest().into_iter().filter(|seen| seen.asked.stream.starts_with(prefix)).collect()
    }

    #[test]
    fn a_read_is_shown_as_it_is_and_as_it_ended() {
        let reads = ["ends-a", "ends-b", "ends-c"].map(|stream| start(asked(stream)));
        reads[0].add(4);
        reads[0].add(5);
        assert!(of("ends-").iter().all(|seen| seen.outcome.is_none()));
        reads[0].end(Outcome::Complete);
        reads[1].end(Outcome::Failed);
        drop(reads);
        let outcomes: Vec<_> = of("ends-").iter().map(|seen| (seen.messages, seen.outcome)).collect();
        let ends = [(9, Outcome::Complete), (0, Outcome::Failed), (0, Outcome::Stopped)];
        assert_eq!(outcomes, ends.map(|(messages, outcome)| (messages, Some(outcome))));
    }

    #[test]
    fn the_newest_are_kept() {
        let numbered = |number: usize| asked(&format!("many-{number}"));
        (0..3 * CAPACITY).for_each(|number| drop(start(numbered(number))));
        let newest = newest();
        assert!(newest.len() <= CAPACITY);
        assert_eq!(of("many-").last().map(|seen| seen.asked.clone()), Some(numbered(3 * CAPACITY - 1)));
        assert!(of("many-0").is_empty());
    }
}
