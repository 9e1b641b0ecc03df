//! The ways in which COPY publishes its rows.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::publish::{FastPublisher, MAX_BATCH, PublishRequest, Publisher, publish_atomic};
use crate::value::Value;

/// The choice of the options `mode` and `atomic`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// Each row has an acknowledgement of its own.
    #[default]
    Each,
    /// All rows are stored, or none.
    Atomic,
    /// The server acknowledges many rows at a time.
    Fast,
}

/// The words of `mode`.
const MODES: [(&str, Mode); 3] = [("each", Mode::Each), ("atomic", Mode::Atomic), ("fast", Mode::Fast)];

impl Mode {
    /// The value of `mode`.
    ///
    /// # Errors
    /// The value is none of the words.
    pub fn read(value: &Value) -> Result<Self> {
        let found = match value {
            Value::Text(text) => MODES.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)),
            _ => None,
        };
        found.map(|(_, mode)| *mode).ok_or_else(|| Error::new("mode must be 'each', 'atomic' or 'fast'"))
    }

    /// The value of `atomic`: `ATOMIC` alone, `ATOMIC true`, or its text where the host passes text. None for another.
    pub fn read_atomic(value: &Value) -> Option<Self> {
        let flag = match value {
            Value::Boolean(flag) => *flag,
            Value::Null => true,
            Value::Text(text) if text == "true" => true,
            Value::Text(text) if text == "false" => false,
            _ => return None,
        };
        Some(if flag { Mode::Atomic } else { Mode::Each })
    }
}

/// Rows that are being published to a stream.
pub(super) enum Way {
    /// As they come.
    Each(Box<Publisher>),
    /// At the end.
    Atomic(Arc<Connection>, Vec<PublishRequest>),
    /// As they come, in fast batches.
    Fast(Box<FastPublisher>),
}

impl Way {
    /// No rows yet, for a stream.
    ///
    /// # Errors
    /// The connection takes no subscription, or the stream takes no fast batches.
    pub fn open(mode: Mode, connection: &Arc<Connection>, stream: &str) -> Result<Self> {
        Ok(match mode {
            Mode::Each => Way::Each(Box::new(Publisher::start(connection, stream)?)),
            Mode::Atomic => Way::Atomic(Arc::clone(connection), Vec::new()),
            Mode::Fast => Way::Fast(Box::new(FastPublisher::start(connection, stream)?)),
        })
    }

    /// Whether each message is to name its stream; the other ways check the stream by themselves.
    pub fn names_stream(&self) -> bool {
        matches!(self, Way::Atomic(..))
    }

    /// Takes the rows of a chunk.
    ///
    /// # Errors
    /// A row cannot be published, or a message before it was not stored; the rows are too many for an atomic batch.
    pub fn send(&mut self, messages: Vec<Result<PublishRequest>>) -> Result<()> {
        match self {
            Way::Each(publisher) => publisher.send(messages),
            Way::Fast(publisher) => publisher.send(messages),
            Way::Atomic(_, batch) if batch.len() + messages.len() > MAX_BATCH => {
                Err(Error::new(format!("more than {MAX_BATCH} rows; an atomic batch has at most as many"))
                    .advice("copy fewer rows at a time, or leave atomic out"))
            }
            Way::Atomic(_, batch) => {
                for message in messages {
                    let row = batch.len() + 1;
                    batch.push(message.map_err(|error| error.within(&format!("row {row}")))?);
                }
                Ok(())
            }
        }
    }

    /// Waits until every row is stored.
    ///
    /// # Errors
    /// A message was not stored.
    pub fn finish(&mut self) -> Result<()> {
        match self {
            Way::Each(publisher) => publisher.finish(),
            Way::Fast(publisher) => publisher.finish(),
            Way::Atomic(_, batch) if batch.is_empty() => Ok(()),
            Way::Atomic(connection, batch) => publish_atomic(connection, std::mem::take(batch)).map(drop),
        }
    }
}
