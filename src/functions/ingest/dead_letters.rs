//! `on_error := 'dlq'`: a message that does not become a row is published to a subject of its own.

use std::sync::Arc;

use super::options::{OnBadRow, Options};
use crate::error::{Error, Kind, Result};
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
                check_dead_letter_subject(subject)?;
                Ok(Some(Self { subject: subject.to_owned() }))
            }
            (_, Some(_)) => Err(Error::new("dlq_subject needs on_error := 'dlq'")),
            (_, None) => Ok(None),
        }
    }

    /// The dead letters of a call.
    ///
    /// # Errors
    /// Those of [`DeadLetters::open`].
    pub(super) fn open(&self, options: &Options, connection: &Arc<Connection>) -> Result<DeadLetters> {
        DeadLetters::open(connection, &self.subject, options.stream(), options.range.subject.as_deref())
    }
}

/// Checks a subject to publish dead letters to: one, without wildcards.
pub(in crate::functions) fn check_dead_letter_subject(subject: &str) -> Result<()> {
    crate::plan::check_subject_filter(subject)?;
    if subject.split('.').any(|token| token == "*" || token == ">") {
        return Err(Error::new(format!("dlq_subject '{subject}' has a wildcard; it must be one subject")));
    }
    Ok(())
}

/// Where the dead letters of one stream go.
pub(in crate::functions) struct DeadLetters {
    connection: Arc<Connection>,
    stream: String,
    subject: String,
}

impl DeadLetters {
    /// Finds the stream that captures the subject.
    ///
    /// # Errors
    /// No stream does; or `stream`, of which `filter` is read, would have its own dead letters among its events.
    pub(in crate::functions) fn open(
        connection: &Arc<Connection>,
        subject: &str,
        stream: &str,
        filter: Option<&str>,
    ) -> Result<Self> {
        let captured_by = dead_letter::stream_of(connection, subject)?;
        let Some(captured_by) = captured_by else {
            return Err(Error::of(Kind::NotFound, format!("no stream captures dlq_subject '{subject}'"))
                .server(connection.label())
                .advice("create one first, so that dead letters are kept"));
        };
        if captured_by == stream && subject_matches(subject.as_bytes(), filter.unwrap_or(">")) {
            return Err(Error::new(format!("dlq_subject '{subject}' lies in the stream that is read"))
                .stream(stream)
                .advice("dead letters would be read as events; give them a stream of their own"));
        }
        Ok(Self { connection: Arc::clone(connection), stream: stream.to_owned(), subject: subject.to_owned() })
    }

    /// Publishes one message and waits until it is stored.
    pub(super) fn send(&self, record: &Record, reason: &str) -> Result<()> {
        let letter = DeadLetter { subject: &self.subject, stream: &self.stream, record, reason };
        dead_letter::publish(&self.connection, &letter)
    }

    /// Publishes messages by their sequences. One that is no longer in the stream cannot be kept.
    pub(in crate::functions) fn send_sequences(&self, sequences: &[u64], reason: &str) -> Result<()> {
        if sequences.is_empty() {
            return Ok(());
        }
        let records = get_messages(&self.connection, &self.stream, sequences, true)?;
        records.iter().flatten().try_for_each(|record| self.send(record, reason))
    }
}
