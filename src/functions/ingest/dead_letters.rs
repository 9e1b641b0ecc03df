//! `on_error := 'dlq'`: a message that does not become a row is published to a subject of its own.

use std::sync::Arc;

use super::options::{OnBadRow, Options};
use crate::error::{Error, Result};
use crate::jetstream::dead_letter::{self, DeadLetter};
use crate::jetstream::{Connection, get_messages};
use crate::plan::subject_matches;
use crate::record::Record;
use crate::value::Arguments;

/// Where dead letters go.
#[derive(Clone)]
pub(super) struct DeadLetterOptions {
    subject: String,
}

impl DeadLetterOptions {
    /// Reads `dlq_subject`, which goes with `on_error := 'dlq'` and with nothing else.
    pub(super) fn read(arguments: &Arguments, on_error: OnBadRow) -> Result<Option<Self>> {
        let subject = arguments.text("dlq_subject")?;
        match (on_error, subject) {
            (OnBadRow::DeadLetter, None) => Err(Error::new("on_error := 'dlq' needs dlq_subject")),
            (OnBadRow::DeadLetter, Some(subject)) => {
                crate::plan::check_subject_filter(subject)?;
                if subject.split('.').any(|token| token == "*" || token == ">") {
                    return Err(Error::new(format!("dlq_subject '{subject}' has a wildcard; it must be one subject")));
                }
                Ok(Some(Self { subject: subject.to_owned() }))
            }
            (_, Some(_)) => Err(Error::new("dlq_subject needs on_error := 'dlq'")),
            (_, None) => Ok(None),
        }
    }

    /// Finds the stream that captures the subject.
    ///
    /// # Errors
    /// No stream does; or the call itself would read its own dead letters.
    pub(super) fn open(&self, options: &Options, connection: &Arc<Connection>) -> Result<DeadLetters> {
        let captured_by = dead_letter::stream_of(connection, &self.subject)?;
        let Some(captured_by) = captured_by else {
            return Err(Error::new(format!("no stream captures dlq_subject '{}'", self.subject))
                .server(connection.label())
                .advice("create one first, so that dead letters are kept"));
        };
        let filter = options.range.subject.as_deref().unwrap_or(">");
        if captured_by == options.stream() && subject_matches(self.subject.as_bytes(), filter) {
            return Err(Error::new(format!("dlq_subject '{}' lies in the stream that is read", self.subject))
                .stream(options.stream())
                .advice("dead letters would be read as events; give them a stream of their own"));
        }
        Ok(DeadLetters {
            connection: Arc::clone(connection),
            stream: options.stream().to_owned(),
            subject: self.subject.clone(),
        })
    }
}

pub(super) struct DeadLetters {
    connection: Arc<Connection>,
    stream: String,
    subject: String,
}

impl DeadLetters {
    /// Publishes one message and waits until it is stored.
    pub(super) fn send(&self, record: &Record, reason: &str) -> Result<()> {
        let letter = DeadLetter { subject: &self.subject, stream: &self.stream, record, reason };
        dead_letter::publish(&self.connection, &letter)
    }

    /// Publishes messages that the consumer does not deliver any more, read by their sequences. One that is no longer in
    /// the stream cannot be kept.
    pub(super) fn send_given_up(&self, sequences: &[u64]) -> Result<()> {
        if sequences.is_empty() {
            return Ok(());
        }
        let records = get_messages(&self.connection, &self.stream, sequences, true)?;
        let reason = "delivered max_deliver times without an acknowledgement";
        records.iter().flatten().try_for_each(|record| self.send(record, reason))
    }
}
