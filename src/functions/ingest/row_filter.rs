//! Records become rows: they are decoded and keyed, and duplicates and bad rows are taken out.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::merge::Merger;
use super::options::{Keep, OnBadRow, Options};
use super::row_builder::RowBuilder;
use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Kind, Result};
use crate::functions::dead_letters::DeadLetters;
use crate::plan::{KeptKeys, MergedRow, Newest, NewestKeys, Outcome, Repeats, RowKeys};
use crate::record::Record;

/// The rows of one page.
pub struct Rows {
    /// The messages that became rows.
    pub(super) records: Vec<Record>,
    /// Their correlation keys.
    pub(super) keys: Buffer,
    /// Their values, in the order of the codec's columns; behind them the column `rest`, if it is shown.
    pub(super) values: Vec<Buffer>,
    /// The columns behind those of the payload, which [`Options::last_columns`] names.
    pub(super) last: Vec<Buffer>,
}

/// The way in which duplicates are found, and its stage.
enum Duplicates {
    /// The rows that came first stay.
    First(KeptKeys),
    /// The newest rows are being found.
    FirstPass(NewestKeys),
    /// The rows that stay are known.
    Newest(Newest),
    /// The rows of each key become one.
    Merged(Box<Merger>),
}

/// The most bytes that the keys and the folded values of a call may take.
const MOST_MERGED: usize = 80 << 20;

pub(super) struct RowFilter {
    options: Arc<Options>,
    duplicates: Duplicates,
    dead_letters: Option<DeadLetters>,
    /// Messages of the page that become dead letters, with the reason.
    letters: Vec<(Record, String)>,
    /// The outcome of each message since the last call; None when outcomes are not wanted.
    outcomes: Option<Vec<(u64, Outcome, RowKeys)>>,
}

impl RowFilter {
    pub(super) fn new(options: Arc<Options>, dead_letters: Option<DeadLetters>) -> Self {
        let duplicates = match (&options.merge, options.keep) {
            (Some(merge), _) => Duplicates::Merged(Box::new(Merger::new(merge, options.payload.columns()))),
            (None, Keep::First | Keep::All) => Duplicates::First(KeptKeys::default()),
            (None, Keep::Last) => Duplicates::FirstPass(NewestKeys::default()),
        };
        let outcomes = options.durable.is_some().then(Vec::new);
        Self { options, duplicates, dead_letters, letters: Vec::new(), outcomes }
    }

    /// Notes the keys of records that will come again, and folds their values. A bad row is passed over here, and handled when it comes again, unless
    /// it fails the statement.
    pub(super) fn first_pass<'r>(&mut self, records: impl IntoIterator<Item = &'r Record>) -> Result<()> {
        let options = Arc::clone(&self.options);
        let mut rows = RowBuilder::new(&options);
        for record in records {
            match rows.add(record) {
                Ok(()) => {
                    match &mut self.duplicates {
                        Duplicates::FirstPass(newest) => newest.note(record.sequence, &rows.keys),
                        Duplicates::Merged(merger) => merger.note(record.sequence, &rows.keys, &rows.buffers, 0),
                        Duplicates::First(_) | Duplicates::Newest(_) => {}
                    }
                    rows.take_back();
                }
                Err(cause) => {
                    check_registry(&options)?;
                    if options.on_error == OnBadRow::Fail {
                        return Err(bad_row(&options, record, &cause));
                    }
                }
            }
        }
        self.check_size()
    }

    /// Fails when the keys and the folded values take more memory than a call may.
    fn check_size(&self) -> Result<()> {
        match &self.duplicates {
            Duplicates::Merged(merger) if merger.size() > MOST_MERGED => Err(Error::of(
                Kind::Unsupported,
                format!("the keys of this read, and what is merged for them, take more than {} MiB", MOST_MERGED >> 20),
            )
            .stream(self.options.stream())
            .advice(
                "read it in parts, upto checkpoints that lie closer together, with end_seq, or by a durable, which \
                 takes as much as fits: the table becomes the same",
            )),
            _ => Ok(()),
        }
    }

    /// Ends the first pass: every record was shown.
    pub(super) fn end_first_pass(&mut self) {
        if let Duplicates::FirstPass(newest) = &mut self.duplicates {
            self.duplicates = Duplicates::Newest(std::mem::take(newest).finish());
        }
    }

    /// Turns a page of records into rows.
    pub(super) fn apply(&mut self, mut records: Vec<Record>) -> Result<Rows> {
        let options = Arc::clone(&self.options);
        let mut builder = RowBuilder::new(&options);
        let mut kept = Vec::with_capacity(records.len());
        let mut keys_column = Buffer::new(&Type::Varchar);
        let mut last = options.last_columns().iter().map(|column| Buffer::new(&column.ty)).collect::<Vec<_>>();
        let mut numbers = Vec::new();
        for record in &records {
            if let Err(cause) = builder.add(record) {
                check_registry(&options)?;
                let outcome = self.refuse(record, &cause)?;
                kept.push(false);
                self.note(record.sequence, outcome, &RowKeys::default());
                continue;
            }
            let place = self.duplicates.place(record.sequence, &builder.keys);
            if let Place::Repeats(Repeats { sequence, .. }) = place
                && options.keep != Keep::All
            {
                self.note(record.sequence, Outcome::Repeats(sequence), &builder.keys);
                builder.take_back();
                kept.push(false);
                continue;
            }
            self.note(record.sequence, Outcome::Row, &builder.keys);
            push_text(&mut keys_column, builder.keys.iter().next().flatten());
            if let Place::Merged(number, row) = place {
                numbers.push(number);
                push_numbers(&mut last, [row.first, row.last]);
            } else if let [duplicate_of, duplicate_key] = last.as_mut_slice() {
                match place {
                    Place::Repeats(Repeats { sequence, template }) => {
                        push_number(duplicate_of, sequence);
                        push_text(duplicate_key, Some(options.key_text(template)));
                    }
                    Place::Stays | Place::Merged(..) => {
                        duplicate_of.push_null();
                        duplicate_key.push_null();
                    }
                }
            }
            kept.push(true);
        }
        if kept.contains(&false) {
            let mut kept = kept.into_iter();
            records.retain(|_| kept.next().unwrap_or(true));
        }
        let mut values = builder.values().map_err(|error| error.stream(options.stream()))?;
        if let Duplicates::Merged(merger) = &self.duplicates {
            merger.replace(&numbers, options.payload.columns(), &mut values);
        }
        self.send_letters()?;
        Ok(Rows { records, keys: keys_column, values, last })
    }

    /// Ends the second pass: every record came.
    ///
    /// # Errors
    /// A message was deleted between the two readings of a range, and it had replaced an older one.
    pub(super) fn end(&self) -> Result<()> {
        let missing = match &self.duplicates {
            Duplicates::Newest(newest) => newest.missing(),
            Duplicates::Merged(merger) => merger.missing(),
            Duplicates::First(_) | Duplicates::FirstPass(_) => None,
        };
        missing.map_or(Ok(()), |sequence| {
            Err(Error::of(Kind::Gap, "the newest message of its key was deleted while the stream was read")
                .stream(self.options.stream())
                .sequence(sequence)
                .advice("run it again"))
        })
    }

    /// Makes dead letters of messages on which the consumer gave up, or leaves them out. The caller does not call this when neither is
    /// asked for; then `nats_ack` reports them.
    pub(super) fn give_up(&mut self, sequences: &BTreeSet<u64>) -> Result<()> {
        match &self.dead_letters {
            Some(letters) => {
                let sequences: Vec<u64> = sequences.iter().copied().collect();
                letters.send_sequences(&sequences, "delivered max_deliver times without an acknowledgement")
            }
            None => Ok(()),
        }
    }

    /// The outcomes of the messages since this was last called, in the order in which they came.
    pub(super) fn take_outcomes(&mut self) -> Vec<(u64, Outcome, RowKeys)> {
        self.outcomes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn note(&mut self, sequence: u64, outcome: Outcome, keys: &RowKeys) {
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.push((sequence, outcome, keys.clone()));
        }
    }

    /// Publishes the dead letters of a page, and waits until they are stored.
    fn send_letters(&mut self) -> Result<()> {
        let letters = std::mem::take(&mut self.letters);
        let sent = letters.iter().map(|(record, cause)| (record, cause.as_str()));
        self.dead_letters.as_ref().map_or(Ok(()), |to| to.send(sent))
    }

    /// Decides on a bad row. If it becomes a dead letter, that is sent with those of its page.
    fn refuse(&mut self, record: &Record, cause: &str) -> Result<Outcome> {
        match (self.options.on_error, &self.dead_letters) {
            (OnBadRow::Skip, _) => Ok(Outcome::Skipped),
            (OnBadRow::DeadLetter, Some(_)) => {
                self.letters.push((record.clone(), cause.to_owned()));
                Ok(Outcome::DeadLetter)
            }
            _ => Err(bad_row(&self.options, record, cause)),
        }
    }
}

/// A row is not bad when the registry of the schemas could not be asked for its own.
fn check_registry(options: &Options) -> Result<()> {
    options.payload.check_registry().map_err(|error| error.stream(options.stream()))
}

/// The decision about a row among those that share its keys.
enum Place {
    Stays,
    Repeats(Repeats),
    /// It stays for all rows of its key, which has this number.
    Merged(usize, MergedRow),
}

impl Duplicates {
    fn place(&mut self, sequence: u64, keys: &RowKeys) -> Place {
        let repeats = |sequence| Place::Repeats(Repeats { sequence, template: 0 });
        match self {
            Duplicates::First(kept) => kept.keep(sequence, keys).map_or(Place::Stays, Place::Repeats),
            Duplicates::Newest(newest) => match newest.stays(sequence) {
                true => Place::Stays,
                false => repeats(newest.replaced_by(sequence).unwrap_or(sequence)),
            },
            Duplicates::Merged(merger) => match merger.comes(sequence, keys) {
                Some((number, row)) if row.newest == sequence => Place::Merged(number, row),
                Some((_, row)) => repeats(row.newest),
                None => repeats(sequence),
            },
            Duplicates::FirstPass(_) => Place::Stays,
        }
    }
}

fn bad_row(options: &Options, record: &Record, cause: &str) -> Error {
    Error::of(Kind::InvalidPayload, record.cause(cause))
        .stream(options.stream())
        .sequence(record.sequence)
        .advice("on_error := 'skip' leaves such rows out, on_error := 'dlq' keeps them in a stream of their own")
}

fn push_number(buffer: &mut Buffer, number: u64) {
    if let Values::U64(values) = &mut buffer.values {
        values.push(number);
        buffer.valid.push(true);
    }
}

fn push_numbers<const N: usize>(buffers: &mut [Buffer], numbers: [u64; N]) {
    buffers.iter_mut().zip(numbers).for_each(|(buffer, number)| push_number(buffer, number));
}

fn push_text(buffer: &mut Buffer, text: Option<&str>) {
    match text {
        Some(text) => buffer.push_bytes(text.as_bytes()),
        None => buffer.push_null(),
    }
}

impl Options {
    /// The template of a row's key, by its position.
    fn key_text(&self, template: usize) -> &str {
        let keys = self.correlation_key.as_ref();
        match template.checked_sub(1) {
            None => keys.map_or("{header:Nats-Msg-Id}", |key| key.template.text()),
            Some(unique) => self.unique_keys.get(unique).map_or("", |key| key.template.text()),
        }
    }
}
