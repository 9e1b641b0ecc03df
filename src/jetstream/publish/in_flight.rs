//! How much a call may have in flight: messages without an acknowledgement.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::slots::MOST_SLOTS;

/// Messages in flight of all calls of the process together. A stream queues 10 000 (`max_buffered_msgs`) before it refuses.
const ALL: usize = 8_192;
/// The same of one call, however many there are. What refuses them says so, and they are sent again after a pause.
const LEAST: usize = 512;
/// The same of one call, however few there are.
pub(super) const MOST: usize = 4_096;
/// Bytes in flight of one call; one message is always sent.
const BYTES: usize = 16 * 1024 * 1024;

/// How many calls are publishing.
static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The share of one call.
fn share(calls: usize) -> usize {
    (ALL / calls.max(1)).clamp(LEAST, MOST)
}

/// With so many messages of all calls together in flight, and no more, reply subjects are used again ([`super::slots`]).
const FEW_ALL: usize = 384;
/// The same of one call, however many there are.
const FEW_LEAST: usize = 64;
/// After so many answers without a wait for the server, a call has fewer messages in flight.
const CALM: usize = MOST;
/// By so much the number grows at once.
const WIDENS: usize = 4;

/// The number with which a call begins that prefers few.
fn few(calls: usize) -> usize {
    (FEW_ALL / calls.max(1)).clamp(FEW_LEAST, MOST_SLOTS)
}

/// The messages that one call has in flight; it counts as a call while it lives.
///
/// Few are enough where the server is near: it is never without work. Where answers take longer, whoever sends notices that it
/// waits while nothing comes, and says so ([`InFlight::widen`]).
pub(super) struct InFlight {
    messages: usize,
    bytes: usize,
    /// The number that may be in flight; 0 for [`few`].
    window: usize,
    /// Whether the number becomes smaller again.
    prefers_few: bool,
    /// The answers since the last wait.
    calm: usize,
}

impl InFlight {
    /// `prefers_few`: it is faster with few messages in flight, as long as the server has work.
    pub fn begin(prefers_few: bool) -> Self {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Self { messages: 0, bytes: 0, window: if prefers_few { 0 } else { MOST }, prefers_few, calm: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The number that may be in flight.
    fn most(&self, calls: usize) -> usize {
        self.window.max(few(calls)).min(share(calls))
    }

    /// Whether a message of this size may be sent as well.
    pub fn has_room(&self, size: usize) -> bool {
        let most = self.most(CALLS.load(Ordering::Relaxed));
        self.is_empty() || (self.messages < most && self.bytes + size <= BYTES)
    }

    /// Whether more messages could be in flight than now.
    pub fn may_widen(&self) -> bool {
        let calls = CALLS.load(Ordering::Relaxed);
        self.most(calls) < share(calls)
    }

    /// All messages in flight wait, and no answer came for a while: there may be more of them.
    pub fn widen(&mut self) {
        self.window = (WIDENS * self.most(CALLS.load(Ordering::Relaxed))).min(MOST);
        self.calm = 0;
    }

    pub fn add(&mut self, size: usize) {
        self.messages += 1;
        self.bytes += size;
    }

    pub fn remove(&mut self, size: usize) {
        self.messages -= 1;
        self.bytes -= size;
        self.calm += 1;
        if self.prefers_few && self.calm >= CALM {
            self.window /= 2;
            self.calm = 0;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        CALLS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_share_what_a_stream_takes() {
        for (calls, expected) in [(0, 4_096), (1, 4_096), (2, 4_096), (4, 2_048), (8, 1_024), (16, 512), (1_000, 512)] {
            assert_eq!(share(calls), expected, "{calls}");
        }
    }

    #[test]
    fn few_are_in_flight_until_the_server_is_waited_for() {
        for (calls, expected) in [(0, 256), (1, 256), (2, 192), (3, 128), (6, 64), (1_000, 64)] {
            assert_eq!(few(calls), expected, "{calls}");
        }
        let mut flight = InFlight::begin(true);
        let begin = flight.most(1);
        for widened in [1_024, 4_096, 4_096] {
            // Other tests may be calls as well: the share is that of one.
            flight.window = WIDENS * flight.most(1);
            assert_eq!(flight.most(1), widened);
        }
        for _ in 0..6 * CALM {
            flight.add(1);
            flight.remove(1);
        }
        assert_eq!(flight.most(1), begin, "and fewer again when it is not");
        let flight = InFlight::begin(false);
        assert_eq!(flight.most(1), MOST);
    }
}
