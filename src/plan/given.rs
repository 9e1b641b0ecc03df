//! A message that a durable gave to a process.

/// A message that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The stream sequence.
    pub sequence: u64,
    /// The reply subject to which an acknowledgement of this delivery is sent.
    pub ack_subject: String,
    /// The number of its deliveries, this one included.
    pub delivered: u64,
    /// Whether this was its last delivery by the consumer (`max_deliver`).
    pub last: bool,
    /// The time at which it was given, in microseconds since 1970-01-01 UTC.
    pub since_us: i64,
}
