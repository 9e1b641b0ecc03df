//! One row for each record: its decoded columns, and its keys.

use super::options::{KeyTemplate, Options};
use crate::codec::Decoder;
use crate::codec::key::{KeyError, PartValues, push_escaped};
use crate::codec::rows::decode_one;
use crate::column::{Buffer, Type};
use crate::error::{Error, Kind, Result};
use crate::plan::RowKeys;
use crate::record::{Headers, Record};

/// The values of the rows so far, and the state that is needed to add one.
pub(super) struct RowBuilder<'a> {
    options: &'a Options,
    decoder: Option<Box<dyn Decoder + 'a>>,
    /// The shown columns, then the texts of the keys.
    pub(super) buffers: Vec<Buffer>,
    rows: usize,
    /// The keys of the row that was added last.
    pub(super) keys: RowKeys,
}

impl<'a> RowBuilder<'a> {
    pub(super) fn new(options: &'a Options) -> Self {
        let codec = options.payload.codec();
        let all: Vec<usize> = (0..codec.map_or(0, |codec| codec.columns().len())).collect();
        let buffers = codec.map_or(&[][..], |codec| codec.columns()).iter().map(|column| Buffer::new(&column.ty));
        let (buffers, decoder) = (buffers.collect(), codec.map(|codec| codec.decoder(&all)));
        Self { options, decoder, buffers, rows: 0, keys: RowKeys::default() }
    }

    /// Decodes a record and makes its keys. After an error the record has no row.
    pub(super) fn add(&mut self, record: &Record) -> std::result::Result<(), String> {
        let outcome = self.try_add(record);
        if outcome.is_ok() {
            self.rows += 1;
        } else {
            self.truncate();
        }
        outcome
    }

    fn try_add(&mut self, record: &Record) -> std::result::Result<(), String> {
        let options = self.options;
        if let Some(decoder) = &mut self.decoder {
            let inflate = options.payload.inflate;
            decode_one(record, inflate, &mut **decoder, &mut self.buffers).map_err(|error| error.to_string())?;
        }
        if let Some(column) = options.merge.as_ref().and_then(|merge| merge.order_by)
            && self.buffers[column].valid.last() != Some(&true)
        {
            return Err(format!("order_by: the message has no {}", options.payload.columns()[column].name));
        }
        let Self { keys, buffers, rows, .. } = self;
        let render = |key: &KeyTemplate, out: &mut String| {
            let first = options.payload.columns().len() + key.first_text;
            let parts = RowPartValues { record, texts: &buffers[first.min(buffers.len())..], row: *rows };
            key.template.render(&parts, out).map(|()| true)
        };
        keys.clear();
        let first = keys.push(|out| match &options.correlation_key {
            Some(key) => render(key, out),
            None => {
                default_key(options.stream(), record, out);
                Ok(true)
            }
        });
        first.map_err(|error| error.to_string())?;
        for key in &options.unique_keys {
            let unique = keys.push(|out| match render(key, out) {
                Err(KeyError::Missing(_)) => Ok(false),
                rendered => rendered,
            });
            unique.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Removes the row that was added last.
    pub(super) fn take_back(&mut self) {
        self.rows -= 1;
        self.truncate();
    }

    fn truncate(&mut self) {
        self.buffers.iter_mut().for_each(|buffer| buffer.truncate(self.rows));
    }

    pub(super) fn values(self) -> Result<Vec<Buffer>> {
        let shown = self.options.payload.columns().len();
        let mut buffers = self.buffers;
        let documents = self.options.rest.as_ref().and_then(|rest| Some((rest.writer(), buffers.pop()?)));
        buffers.truncate(shown);
        if let Some((rest, documents)) = documents {
            let mut left = Buffer::new(&Type::Json);
            for row in 0..self.rows {
                let mut text = Vec::new();
                let document = documents.text(row);
                let written = document.map_or(Ok(false), |document| rest.write(document, &mut text));
                match written.map_err(|cause| Error::of(Kind::InvalidPayload, format!("rest: {cause}")))? {
                    true => left.push_bytes(&text),
                    false => left.push_null(),
                }
            }
            buffers.push(left);
        }
        Ok(buffers)
    }
}

/// The key of a message when no template is given: its `Nats-Msg-Id`, else `stream:seq:time`; behind it the place of
/// a row among several of its message. The time keeps apart the messages of a stream that is made anew, whose sequences
/// count from 1 again.
fn default_key(stream: &str, record: &Record, out: &mut String) {
    match record.headers.get(Headers::MESSAGE_ID).filter(|id| !id.is_empty()) {
        Some(id) => push_escaped(id, out),
        None => {
            let (sequence, time) = (record.sequence, record.time_ns);
            out.extend([stream, ":", &sequence.to_string(), ":", &time.to_string()]);
        }
    }
    if let Some(index) = record.part.as_ref().and_then(|part| part.index) {
        out.extend([":", &index.to_string()]);
    }
}

/// One row, as the source of the parts of its keys.
struct RowPartValues<'a> {
    record: &'a Record,
    texts: &'a [Buffer],
    row: usize,
}

impl PartValues for RowPartValues<'_> {
    fn field(&self, index: usize) -> Option<&str> {
        self.texts.get(index)?.text(self.row)
    }

    fn subject(&self) -> Option<&str> {
        std::str::from_utf8(&self.record.subject).ok()
    }

    fn sequence(&self) -> Option<u64> {
        Some(self.record.sequence)
    }

    fn index(&self) -> Option<u64> {
        self.record.part.as_ref()?.index
    }

    fn headers(&self) -> Option<&Headers> {
        Some(&self.record.headers)
    }
}
