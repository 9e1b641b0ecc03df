//! Dead letters: messages that do not become rows are published to a subject of their own.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::jetstream::dead_letter::{self, DeadLetter};
use crate::jetstream::{Connection, get_messages};
use crate::plan::Subjects;
use crate::record::Record;
use crate::value::Arguments;

/// The subject of dead letters.
#[derive(Clone)]
pub struct DeadLetterOptions {
    subject: String,
}

impl DeadLetterOptions {
    /// Reads `dlq_subject`, which goes with `on_error := 'dlq'` and with nothing else.
    ///
    /// # Errors
    /// `dlq_subject` is missing, malformed, or given without `on_error := 'dlq'`.
    pub fn read(arguments: &Arguments, wanted: bool) -> Result<Option<Self>> {
        let subject = arguments.text("dlq_subject")?;
        match (wanted, subject) {
            (true, None) => Err(Error::new("on_error := 'dlq' needs dlq_subject")),
            (true, Some(subject)) => {
                check_dead_letter_subject(subject)?;
                Ok(Some(Self { subject: subject.to_owned() }))
            }
            (false, Some(_)) => Err(Error::new("dlq_subject needs on_error := 'dlq'")),
            (false, None) => Ok(None),
        }
    }

    /// The dead letters of a stream, of which these subjects are read.
    ///
    /// # Errors
    /// Those of [`DeadLetters::open`].
    pub fn open(&self, connection: &Arc<Connection>, stream: &str, subjects: &Subjects) -> Result<DeadLetters> {
        DeadLetters::open(connection, &self.subject, stream, subjects)
    }
}

/// Checks a subject to publish dead letters to: one, without wildcards.
///
/// # Errors
/// The subject is malformed, or has a wildcard.
pub fn check_dead_letter_subject(subject: &str) -> Result<()> {
    crate::plan::check_subject_filter(subject)?;
    if subject.split('.').any(|token| token == "*" || token == ">") {
        return Err(Error::new(format!("dlq_subject '{subject}' has a wildcard; it must be one subject")));
    }
    Ok(())
}

/// The destination of the dead letters of one stream.
pub struct DeadLetters {
    connection: Arc<Connection>,
    stream: String,
    subject: String,
}

impl DeadLetters {
    /// Finds the stream that captures the subject.
    ///
    /// # Errors
    /// No stream captures it, or the read subjects of `stream` would include its own dead letters.
    pub fn open(connection: &Arc<Connection>, subject: &str, stream: &str, subjects: &Subjects) -> Result<Self> {
        let captured_by = dead_letter::stream_of(connection, subject)?;
        let Some(captured_by) = captured_by else {
            return Err(Error::of(Kind::NotFound, format!("no stream captures dlq_subject '{subject}'"))
                .server(connection.label())
                .advice("create one first, so that dead letters are kept"));
        };
        if captured_by == stream && subjects.matches(subject.as_bytes()) {
            return Err(Error::new(format!("dlq_subject '{subject}' lies in the stream that is read"))
                .stream(stream)
                .advice("dead letters would be read as events; give them a stream of their own"));
        }
        Ok(Self { connection: Arc::clone(connection), stream: stream.to_owned(), subject: subject.to_owned() })
    }

    /// Publishes messages, each with its reason, and waits until all are stored. They are in flight together.
    ///
    /// # Errors
    /// A letter was not stored.
    pub fn send<'a>(&self, letters: impl IntoIterator<Item = (&'a Record, &'a str)>) -> Result<()> {
        let letter = |(record, reason)| DeadLetter { subject: &self.subject, stream: &self.stream, record, reason };
        let letters: Vec<DeadLetter<'_>> = letters.into_iter().map(letter).collect();
        dead_letter::publish(&self.connection, &letters)
    }

    /// Publishes messages by their sequences. One that is no longer in the stream cannot be kept.
    ///
    /// # Errors
    /// A message cannot be read, or a letter was not stored.
    pub fn send_sequences(&self, sequences: &[u64], reason: &str) -> Result<()> {
        if sequences.is_empty() {
            return Ok(());
        }
        let records = get_messages(&self.connection, &self.stream, sequences, true)?;
        self.send(records.iter().flatten().map(|record| (record, reason)))
    }
}
