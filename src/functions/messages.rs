//! Messages as rows: the columns that every reading function shares, and how records become them.

use std::ops::Range;
use std::sync::Arc;

use super::payload::{self, Payload, Sample, ShowsPayload};
use crate::codec::Unnester;
use crate::codec::rows::{DecodeOptions, Kept, OnError, Projected, decode_rows};
use crate::column::{Buffer, Cells, Chunk, Column, ListValues, Type, Values};
use crate::error::{Error, Result};
use crate::jetstream::Want;
use crate::plan::RegionColumns;
use crate::record::{Headers, Record};
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The named parameters, beside those of [`payload`].
const OWN: &[Parameter] =
    &[Parameter::new("headers", ParameterType::Boolean), Parameter::new("decode_error", ParameterType::Boolean)];

/// The named parameters.
pub fn parameters() -> Vec<Parameter> {
    [OWN, payload::PARAMETERS].concat()
}

/// A part of a message that a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The stream's name.
    Stream,
    /// The subject.
    Subject,
    /// The stream sequence.
    Sequence,
    /// When the server stored it.
    Time,
    /// The payload, as bytes.
    Payload,
    /// The payload, as text; bytes that are not UTF-8 are replaced.
    PayloadText,
    /// All headers.
    Headers,
    /// The `Nats-Msg-Id` header.
    MessageId,
    /// The place of a row among those of its message, from 1.
    UnnestIndex,
}

impl Part {
    /// The column that shows the part.
    pub fn column(self) -> Column {
        match self {
            Part::Stream => Column::new("stream", Type::Varchar),
            Part::Subject => Column::new("subject", Type::Varchar),
            Part::Sequence => Column::new("seq", Type::UBigInt),
            Part::Time => Column::new("ts_nats", Type::Timestamp),
            Part::Payload => Column::new("payload", Type::Blob),
            Part::PayloadText => Column::new("payload", Type::Varchar),
            Part::Headers => Column::new("headers", Type::map(Type::Varchar, Type::list(Type::Varchar))),
            Part::MessageId => Column::new("msg_id", Type::Varchar),
            Part::UnnestIndex => Column::new("unnest_index", Type::BigInt),
        }
    }

    /// Whether the part is among the headers.
    pub fn needs_headers(self) -> bool {
        matches!(self, Part::Headers | Part::MessageId)
    }

    /// The part of some messages of a stream, one cell each.
    pub fn cells<'p>(self, stream: &'p str, records: &[&'p Record]) -> Cells<'p> {
        match self {
            Part::Stream => Cells::Constant(stream.as_bytes()),
            Part::Subject => Cells::text(records.iter().map(|record| &record.subject[..])),
            Part::Sequence => Cells::U64(records.iter().map(|record| record.sequence).collect()),
            Part::Time => Cells::I64(records.iter().map(|record| record.time_ns.div_euclid(1_000)).collect()),
            Part::Payload => Cells::Bytes(records.iter().map(|record| &record.payload[..]).collect()),
            Part::PayloadText => Cells::text(records.iter().map(|record| &record.payload[..])),
            Part::Headers => header_maps(records.iter().map(|record| &record.headers)).into(),
            Part::UnnestIndex => {
                let index = |record: &&Record| record.part.as_ref().and_then(|part| part.index);
                Buffer {
                    valid: records.iter().map(|record| index(record).is_some()).collect(),
                    values: Values::I64(
                        records.iter().map(|record| index(record).unwrap_or(0).cast_signed()).collect(),
                    ),
                }
                .into()
            }
            Part::MessageId => {
                let mut buffer = Buffer::new(&Type::Varchar);
                for record in records {
                    match record.headers.get(Headers::MESSAGE_ID) {
                        Some(id) => buffer.push_bytes(id.as_bytes()),
                        None => buffer.push_null(),
                    }
                }
                buffer.into()
            }
        }
    }
}

/// The content of a column of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A part of the message.
    Part(Part),
    /// A value of its payload: the codec's column at this position.
    Field(usize),
    /// The reason why values of the payload are NULL.
    DecodeError,
}

/// The columns of a statement that reads messages.
#[derive(Clone)]
pub struct Layout {
    stream: String,
    shown: Vec<Shown>,
    payload: Payload,
    on_error: OnError,
}

impl Layout {
    /// Reads the parameters that decide on columns.
    ///
    /// # Errors
    /// A parameter is of the wrong type, unknown, or contradicts another; the sample for `columns := 'auto'` cannot be read.
    pub fn read(arguments: &Arguments, sample: Sample<'_>) -> Result<Self> {
        let (headers, decode_error) = (arguments.flag("headers")?, arguments.flag("decode_error")?);
        let mut reserved = vec!["stream", "subject", "seq", "ts_nats", "payload"];
        reserved.extend(headers.then_some("headers"));
        reserved.extend(decode_error.then_some("decode_error"));
        reserved.extend(payload::names_a_part(arguments)?.then_some("unnest_index"));
        let payload = Payload::read(arguments, ShowsPayload::Yes, &reserved, &[], sample)?;
        let mut fields = (0..payload.columns().len()).map(Shown::Field);
        let whole = if payload.decodes_whole() { fields.next() } else { None };
        let stored = Shown::Part(if payload.is_text { Part::PayloadText } else { Part::Payload });
        let mut shown: Vec<Shown> = [Part::Stream, Part::Subject, Part::Sequence, Part::Time].map(Shown::Part).into();
        shown.push(whole.unwrap_or(stored));
        if headers {
            shown.push(Shown::Part(Part::Headers));
        }
        shown.extend(payload.unnests().then_some(Shown::Part(Part::UnnestIndex)));
        shown.extend(fields);
        shown.extend(decode_error.then_some(Shown::DecodeError));
        let layout = Self::of(arguments, shown, payload)?;
        if decode_error && layout.on_error != OnError::Null {
            return Err(Error::new("decode_error needs on_error := 'null'")
                .advice("'fail' tells the error itself, and 'skip' leaves its row out"));
        }
        Ok(layout)
    }

    /// A layout whose columns show this, in this order.
    ///
    /// # Errors
    /// A parameter is of the wrong type or unknown.
    pub fn of(arguments: &Arguments, shown: Vec<Shown>, payload: Payload) -> Result<Self> {
        let on_error = payload::choice(arguments, "on_error", OnError::CHOICES)?;
        let on_error = on_error.unwrap_or(payload.default_on_error);
        let stream = match arguments.find("stream") {
            // With several streams, each page has the name of its own.
            Some(Value::List(_)) => String::new(),
            _ => arguments.required_text("stream")?.to_owned(),
        };
        Ok(Self { stream, shown, payload, on_error })
    }

    /// The columns, in order: the parts of the message, then the values of its payload.
    pub fn columns(&self) -> Vec<Column> {
        let column = |shown: &Shown| match shown {
            Shown::Part(part) => Some(part.column()),
            Shown::Field(field) => self.payload.columns().get(*field).cloned(),
            Shown::DecodeError => Some(Column::new("decode_error", Type::Varchar)),
        };
        self.shown.iter().filter_map(column).collect()
    }

    /// The positions of the columns that conditions can narrow a read by.
    pub fn region_columns(&self) -> RegionColumns {
        let place = |part| self.shown.iter().position(|shown| *shown == Shown::Part(part));
        RegionColumns { sequence: place(Part::Sequence), time: place(Part::Time), subject: place(Part::Subject) }
    }

    /// The parts of a message that the projected columns need.
    pub fn want(&self, projection: &[usize]) -> Want {
        let shows = |part: Part| projection.iter().any(|column| self.shown.get(*column) == Some(&Shown::Part(part)));
        let decodes = !self.decoded(projection).is_empty();
        Want {
            subject: shows(Part::Subject),
            time: shows(Part::Time),
            headers: self.wants_headers(projection),
            payload: decodes || self.payload.unnests() || [Part::Payload, Part::PayloadText].into_iter().any(shows),
        }
    }

    /// Whether headers are needed for the projected columns.
    pub fn wants_headers(&self, projection: &[usize]) -> bool {
        let part = |column: &usize| matches!(self.shown.get(*column), Some(Shown::Part(part)) if part.needs_headers());
        let decodes = self.payload.unnests() || !self.decoded(projection).is_empty();
        projection.iter().any(part) || (self.payload.needs_headers() && decodes)
    }

    /// The codec's columns that must be decoded for a projection. The skipped rows and the reported faults may not depend on the projection, so a
    /// layout that skips or reports decodes all columns.
    fn decoded(&self, projection: &[usize]) -> Vec<usize> {
        let count = self.payload.columns().len();
        if self.on_error == OnError::Skip || self.tells_errors(projection) {
            return (0..count).collect();
        }
        let shows = |field| projection.iter().any(|column| self.shown.get(*column) == Some(&Shown::Field(field)));
        (0..count).filter(|field| shows(*field)).collect()
    }

    fn tells_errors(&self, projection: &[usize]) -> bool {
        projection.iter().any(|column| self.shown.get(*column) == Some(&Shown::DecodeError))
    }

    /// A new pager, which cuts the messages of a read into pages of rows.
    pub fn pager(&self) -> Pager {
        Pager { unnester: self.payload.unnester(), ..Pager::default() }
    }

    /// A decoder of records into the columns of a projection.
    pub fn decoder(&self, projection: &[usize]) -> MessageDecoder {
        MessageDecoder { layout: self.clone(), projection: projection.to_vec(), decoded: self.decoded(projection) }
    }
}

/// Makes rows of records: the columns of one statement.
pub struct MessageDecoder {
    layout: Layout,
    /// The positions of the columns that the statement uses.
    projection: Vec<usize>,
    /// The codec's columns that are decoded.
    decoded: Vec<usize>,
}

impl MessageDecoder {
    /// A page as rows, which can be fewer than its records where payloads are skipped.
    ///
    /// # Errors
    /// A payload does not decode, and `on_error` is 'fail'; the registry of the payloads' schemas could not be asked.
    pub fn decode_page<'p>(&'p self, page: &'p RecordPage) -> Result<Chunk<'p>> {
        self.decode_of(page.stream.as_deref().unwrap_or(&self.layout.stream), page.records())
    }

    fn decode_of<'p>(&'p self, stream: &'p str, records: &'p [Record]) -> Result<Chunk<'p>> {
        let layout = &self.layout;
        let mut buffers: Vec<Option<Buffer>> = Vec::new();
        let mut kept = Kept::All;
        let mut errors = layout.tells_errors(&self.projection).then(|| Buffer::new(&Type::Varchar));
        // A message that cannot be taken apart is reported whatever columns are read.
        let decodes = layout.payload.unnests() || !self.decoded.is_empty();
        if let Some(codec) = layout.payload.codec().filter(|_| decodes) {
            let mut values: Vec<Buffer> =
                self.decoded.iter().map(|column| Buffer::new(&codec.columns()[*column].ty)).collect();
            let options = DecodeOptions { stream, inflate: layout.payload.inflate, on_error: layout.on_error };
            let projected = Projected { codec, columns: &self.decoded };
            let decoded = decode_rows(records, options, projected, &mut values, errors.as_mut());
            layout.payload.check_registry().map_err(|error| error.stream(stream))?;
            kept = decoded?;
            buffers.extend(values.into_iter().map(Some));
        }
        let rows: Vec<&Record> = match &kept {
            Kept::All => records.iter().collect(),
            Kept::Only(positions) => positions.iter().map(|position| &records[*position]).collect(),
        };
        let mut chunk = Chunk::new(rows.len());
        for column in &self.projection {
            match layout.shown.get(*column) {
                None => {}
                Some(Shown::Part(part)) => chunk.push(*column, part.cells(stream, &rows)),
                Some(Shown::DecodeError) => {
                    if let Some(mut errors) = errors.take() {
                        // Nothing is decoded where there are no columns.
                        (errors.len()..rows.len()).for_each(|_| errors.push_null());
                        chunk.push(*column, errors.into());
                    }
                }
                Some(Shown::Field(field)) => {
                    let place = self.decoded.iter().position(|decoded| decoded == field);
                    if let Some(buffer) = place.and_then(|place| buffers.get_mut(place)).and_then(Option::take) {
                        chunk.push(*column, buffer.into());
                    }
                }
            }
        }
        Ok(chunk)
    }
}

/// Records that become the rows of one chunk.
pub struct RecordPage {
    /// The stream, where a statement reads several.
    stream: Option<Arc<str>>,
    records: Arc<Vec<Record>>,
    range: Range<usize>,
}

impl RecordPage {
    /// The page with the stream that it is of.
    pub fn of_stream(self, stream: Option<&Arc<str>>) -> Self {
        Self { stream: stream.cloned(), ..self }
    }

    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records[self.range.clone()]
    }
}

/// Cuts what is read into pages of a chunk's size, without moving a record. [`Layout::pager`] makes it.
#[derive(Default)]
pub struct Pager {
    records: Arc<Vec<Record>>,
    given: usize,
    /// Makes several rows of a message.
    unnester: Option<Unnester>,
}

impl Pager {
    /// The next page; None at the end. `more` brings records, or None when there are no more.
    ///
    /// # Errors
    /// Those of `more`.
    pub fn next(
        &mut self,
        capacity: usize,
        mut more: impl FnMut() -> Result<Option<Vec<Record>>>,
    ) -> Result<Option<RecordPage>> {
        if let Some(unnester) = &mut self.unnester {
            let mut rows = unnester.next(capacity);
            while rows.is_empty() {
                let Some(records) = more()? else { return Ok(None) };
                unnester.add(records);
                rows = unnester.next(capacity);
            }
            let range = 0..rows.len();
            return Ok(Some(RecordPage { stream: None, records: Arc::new(rows), range }));
        }
        while self.given == self.records.len() {
            let Some(records) = more()? else { return Ok(None) };
            self.records = Arc::new(records);
            self.given = 0;
        }
        let range = self.given..self.records.len().min(self.given + capacity);
        self.given = range.end;
        Ok(Some(RecordPage { stream: None, records: Arc::clone(&self.records), range }))
    }
}

/// Headers as a column of `MAP(VARCHAR, VARCHAR[])`; a message without headers has an empty map.
pub fn header_maps<'a>(rows: impl Iterator<Item = &'a Headers>) -> Buffer {
    let mut names = Buffer::new(&Type::Varchar);
    let mut texts = Buffer::new(&Type::Varchar);
    let (mut value_ends, mut row_ends) = (Vec::new(), Vec::new());
    for headers in rows {
        for (name, values) in headers.grouped() {
            names.push_bytes(name.as_bytes());
            values.iter().for_each(|value| texts.push_bytes(value.as_bytes()));
            value_ends.push(texts.len());
        }
        row_ends.push(names.len());
    }
    let values = list(value_ends, texts);
    let entries = Buffer { valid: vec![true; names.len()], values: Values::Struct(vec![names, values]) };
    list(row_ends, entries)
}

fn list(ends: Vec<usize>, child: Buffer) -> Buffer {
    Buffer { valid: vec![true; ends.len()], values: Values::List(ListValues { ends, child: Box::new(child) }) }
}
