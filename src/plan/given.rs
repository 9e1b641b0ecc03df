//! A message in the hands of a process.

/// A message that was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// The stream sequence.
    pub sequence: u64,
    /// Where a word on this delivery goes.
    pub ack_subject: String,
    /// How often it was delivered, this time included.
    pub delivered: u64,
    /// The consumer delivers it no more.
    pub last: bool,
    /// When it was given, in microseconds since 1970-01-01 UTC.
    pub since_us: i64,
}
