//! Counters of this process, for `nats_stats()`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Kind;

/// One counter, with the name that SQL shows.
pub struct Counter {
    name: &'static str,
    value: AtomicU64,
}

impl Counter {
    const fn new(name: &'static str) -> Self {
        Self { name, value: AtomicU64::new(0) }
    }

    /// Adds to the counter.
    pub fn add(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal;)+) => {
        $($(#[doc = $doc])+ pub static $constant: Counter = Counter::new($name);)+
        static ALL: &[&Counter] = &[$(&$constant),+];
    };
}

counters! {
    /// Messages that reads handed on.
    MESSAGES_READ = "messages_read";
    /// Bytes of the payloads of those messages.
    BYTES_READ = "bytes_read";
    /// Batched Direct Get requests (server 2.11 and later).
    BATCH_REQUESTS = "direct_get_batch_requests";
    /// Direct Get requests for one message.
    SINGLE_REQUESTS = "direct_get_single_requests";
    /// Requests to `STREAM.MSG.GET`, for streams without Direct Get.
    MSG_GET_REQUESTS = "msg_get_requests";
    /// Consumers that reads made for themselves (`via := 'consumer'`).
    CONSUMERS = "read_consumers";
    /// Reads of streams without Direct Get: each message is a request of its own, some 15 times as dear.
    READS_WITHOUT_DIRECT = "reads_without_direct_get";
    /// Other requests to the JetStream API.
    API_REQUESTS = "api_requests";
    /// Requests sent again because replies were missing.
    RETRIES = "retries";
    /// Messages that were published, each once however often it was sent.
    PUBLISHED = "published";
    /// Published messages that a stream acknowledged.
    PUBLISHES_STORED = "published_acked";
    /// Acknowledged messages that the stream had already, by their `Nats-Msg-Id`.
    DUPLICATES = "duplicates";
    /// Published messages that were refused, or that may or may not be stored.
    REFUSED = "rejected";
    /// Connections opened.
    CONNECTS = "connects";
    /// Connections that came back after they were lost.
    RECONNECTS = "reconnects";
    /// Messages that durables gave to this process.
    GIVEN = "given";
    /// Messages among them that were delivered before.
    REDELIVERED = "redelivered";
    /// Messages that were acknowledged, confirmed by the server.
    ACKED = "acked";
    /// Messages that were returned, confirmed by the server.
    REJECTED = "returned";
    /// Messages that were published as dead letters.
    DEAD_LETTERS = "dead_letters";
    /// Messages that were given and never settled: the server took them back after `ack_wait`.
    UNSETTLED = "unsettled";
    /// Messages that a consumer delivered `max_deliver` times and does not deliver again.
    GIVEN_UP = "given_up";
}

/// Every counter's name and value, in a fixed order; those of the errors, one a kind, come last.
pub fn snapshot() -> Vec<(&'static str, u64)> {
    let counters = ALL.iter().map(|counter| (counter.name, counter.value.load(Ordering::Relaxed)));
    counters.chain(Kind::ALL.iter().map(|kind| (kind.counter(), kind.reported()))).collect()
}
