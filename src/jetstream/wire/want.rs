//! The parts of messages that a reader wants.

/// Which parts of a message are wanted; the others stay empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Want {
    /// The subject.
    pub subject: bool,
    /// The time stamp.
    pub time: bool,
    /// The headers of the stored message.
    pub headers: bool,
    /// The payload.
    pub payload: bool,
}
