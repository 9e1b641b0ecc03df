//! The values that cross rooms on the way from the wire to a table.

use bytes::Bytes;

/// One stored message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The subject that it was published to; UTF-8 by the rules of NATS, checked when it is written to a column.
    pub subject: Bytes,
    /// Its sequence in the stream, from 1.
    pub sequence: u64,
    /// When the server stored it, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Its headers; empty unless the reader asked for them.
    pub headers: Headers,
    /// Its payload, untouched; of a part of a message that part, inflated.
    pub payload: Bytes,
    /// The part of the payload that the record is, where a message becomes several rows; None for a whole message.
    pub part: Option<Box<Part>>,
}

/// A part of a message that is a row of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place among the parts of the message, from 1; None when the message could not be taken apart.
    pub index: Option<u64>,
    /// The payload that it is a part of, inflated.
    pub whole: Bytes,
    /// Why the message could not be taken apart: the path and the cause.
    pub fault: Option<(Option<String>, String)>,
}

impl Record {
    /// What is wrong with a row, with its place among those of its message where there are several.
    pub fn cause(&self, cause: impl std::fmt::Display) -> String {
        match self.part.as_ref().and_then(|part| part.index) {
            Some(index) => format!("unnest_index {index}: {cause}"),
            None => cause.to_string(),
        }
    }
}

/// The headers of one message: name and value pairs in the order in which they were stored; a name may repeat.
///
/// Does not hold the headers that the server adds to a Direct Get reply (ADR-31).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The header by which JetStream recognises a message that was published twice.
    pub const MESSAGE_ID: &'static str = "Nats-Msg-Id";

    /// The first value of a header, by exact name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every name in order of first appearance, with all its values.
    #[must_use]
    pub fn grouped(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, value) in &self.0 {
            match groups.iter_mut().find(|(n, _)| n == name) {
                Some((_, values)) => values.push(value),
                None => groups.push((name, vec![value])),
            }
        }
        groups
    }
}
