//! Events beside the answers: reconnects, retries, slow ways. Rooms report them, and a door that can write into DuckDB's
//! own log takes what was reported at its next call, because only a call has a context to write with.
//!
//! Texts hold no secrets: streams, and servers without userinfo.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many events wait at most; the oldest go first.
const CAPACITY: usize = 256;
/// The age from which an event's text tells when it happened: the log stamps it with the moment of writing.
const RECENT: Duration = Duration::from_secs(1);

/// The severity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The work goes on in a slower way.
    Info,
    /// Something failed, and was tried again or given up.
    Warning,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its severity.
    pub level: Level,
    /// What happened, on which stream and server.
    pub text: String,
}

/// Events that wait for a door.
struct Log {
    /// Whether a door takes events; without one, none are kept.
    taken: AtomicBool,
    /// Whether any event waits; read at every call.
    waiting: AtomicBool,
    events: Mutex<Waiting>,
}

struct Waiting {
    events: VecDeque<(Instant, Event)>,
    dropped: u64,
}

static LOG: Log = Log::new();

/// Notes that a door takes events from now on.
pub fn open() {
    LOG.open();
}

/// Reports that the work goes on in a slower way.
pub fn info(text: impl Into<String>) {
    LOG.report(Level::Info, text.into());
}

/// Reports that something failed, and was tried again or given up.
pub fn warning(text: impl Into<String>) {
    LOG.report(Level::Warning, text.into());
}

/// The events since this was last called, in the order in which they were reported.
pub fn take() -> Vec<Event> {
    LOG.take()
}

impl Log {
    const fn new() -> Self {
        let events = Mutex::new(Waiting { events: VecDeque::new(), dropped: 0 });
        Self { taken: AtomicBool::new(false), waiting: AtomicBool::new(false), events }
    }

    fn open(&self) {
        self.taken.store(true, Ordering::Relaxed);
    }

    fn report(&self, level: Level, text: String) {
        if !self.taken.load(Ordering::Relaxed) {
            return;
        }
        let mut waiting = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() == CAPACITY {
            waiting.events.pop_front();
            waiting.dropped += 1;
        }
        waiting.events.push_back((Instant::now(), Event { level, text }));
        self.waiting.store(true, Ordering::Release);
    }

    fn take(&self) -> Vec<Event> {
        if !self.waiting.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut waiting = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.store(false, Ordering::Release);
        let dropped = std::mem::take(&mut waiting.dropped);
        let lost = (dropped > 0).then(|| Event {
            level: Level::Warning,
            text: format!("{dropped} earlier events were not kept for the log"),
        });
        let aged = waiting.events.drain(..).map(|(at, event)| aged(event, at.elapsed()));
        lost.into_iter().chain(aged).collect()
    }
}

/// The event with its age in the text, if it is older than [`RECENT`].
fn aged(event: Event, age: Duration) -> Event {
    if age < RECENT {
        return event;
    }
    Event { text: format!("{} ({} s ago)", event.text, age.as_secs()), ..event }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_for_nobody() {
        let log = Log::new();
        log.report(Level::Info, "before".into());
        log.open();
        assert_eq!(log.take(), []);
        log.report(Level::Warning, "after".into());
        assert_eq!(log.take(), [Event { level: Level::Warning, text: "after".into() }]);
        assert_eq!(log.take(), []);
    }

    #[test]
    fn the_newest_are_kept_and_the_others_counted() {
        let log = Log::new();
        log.open();
        for number in 0..CAPACITY + 3 {
            log.report(Level::Info, number.to_string());
        }
        let texts: Vec<String> = log.take().into_iter().map(|event| event.text).collect();
        assert_eq!((texts.len(), texts[0].as_str()), (CAPACITY + 1, "3 earlier events were not kept for the log"));
        assert_eq!((texts[1].as_str(), texts[CAPACITY].as_str()), ("3", (CAPACITY + 2).to_string().as_str()));
        log.report(Level::Info, "next".into());
        assert_eq!(log.take().len(), 1);
    }

    #[test]
    fn what_waited_says_how_long() {
        let event = Event { level: Level::Info, text: "lost".into() };
        assert_eq!(aged(event.clone(), Duration::from_millis(999)).text, "lost");
        assert_eq!(aged(event, Duration::from_millis(61_900)).text, "lost (61 s ago)");
    }
}
