//! A message that a durable gave to a process, and the subject on which that delivery is acknowledged.

use std::fmt;
use std::sync::Arc;

/// A message that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The stream sequence.
    pub sequence: u64,
    /// The number of its deliveries, this one included.
    pub delivered: u64,
    /// The rest of the subject to which an acknowledgement of this delivery is sent.
    pub place: AckPlace,
    /// Whether this was its last delivery by the consumer (`max_deliver`).
    pub last: bool,
    /// The time at which it was given, in microseconds since 1970-01-01 UTC.
    pub since_us: i64,
}

/// What the subject of an acknowledgement (ADR-15) has beside the message's sequence and the number of its deliveries. It takes 32 bytes where the
/// text takes about 100, because the deliveries of a consumer share the names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AckPlace {
    /// The names.
    pub names: Arc<AckNames>,
    /// The consumer's own count of its deliveries, from 1.
    pub consumer_sequence: u64,
    /// When the message was stored, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// The number of matching messages that were left behind it.
    pub pending: u64,
}

/// The text of an acknowledgement's subject before its five numbers, and behind them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AckNames {
    /// `$JS.ACK.<stream>.<consumer>.`, perhaps with domain and account before the stream.
    pub before: String,
    /// Empty, or a dot and more tokens.
    pub behind: String,
}

impl Given {
    /// The subject to which an acknowledgement of this delivery is sent.
    #[must_use]
    pub fn ack_subject(&self) -> AckSubjectText<'_> {
        AckSubjectText(self)
    }
}

/// The subject of an acknowledgement as a text.
#[derive(Debug, Clone, Copy)]
pub struct AckSubjectText<'a>(&'a Given);

impl fmt::Display for AckSubjectText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Given { sequence, delivered, place: AckPlace { names, consumer_sequence, time_ns, pending }, .. } = self.0;
        let AckNames { before, behind } = &**names;
        write!(out, "{before}{delivered}.{sequence}.{consumer_sequence}.{time_ns}.{pending}{behind}")
    }
}
