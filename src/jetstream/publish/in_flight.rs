//! How much a call may have in flight: messages without an acknowledgement.

use std::sync::atomic::{AtomicUsize, Ordering};

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

/// The messages that one call has in flight; it counts as a call while it lives.
pub(super) struct InFlight {
    messages: usize,
    bytes: usize,
}

impl InFlight {
    pub fn begin() -> Self {
        CALLS.fetch_add(1, Ordering::Relaxed);
        Self { messages: 0, bytes: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Whether a message of this size may be sent as well.
    pub fn has_room(&self, size: usize) -> bool {
        self.is_empty() || (self.messages < share(CALLS.load(Ordering::Relaxed)) && self.bytes + size <= BYTES)
    }

    pub fn add(&mut self, size: usize) {
        self.messages += 1;
        self.bytes += size;
    }

    pub fn remove(&mut self, size: usize) {
        self.messages -= 1;
        self.bytes -= size;
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
}
