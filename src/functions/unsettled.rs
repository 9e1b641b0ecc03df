//! `nats_unsettled(stream, durable)`: the messages that a durable gave to this process and that it has not settled.
//!
//! Joined with the caller's table, it gives the messages to acknowledge: those that the table holds, whatever the outcome of the statement that read
//! them. No round trip.

use super::connection;
use super::rows::columns;
use crate::column::{Buffer, Cells, Chunk, Type, Values};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::durable::{DurableKey, pending, unsettled};
use crate::plan::{Outcome, Unsettled, check_durable, check_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// One row for each message.
pub struct NatsUnsettled;

/// The place of a read among the messages.
pub struct Cursor {
    key: DurableKey,
    /// The first place that it has not passed.
    next: u64,
}

impl TableFunction for NatsUnsettled {
    const NAME: &'static str = "nats_unsettled";
    type Plan = DurableKey;
    type Reader = Cursor;
    type Decoder = Vec<usize>;
    type Page = Vec<Unsettled>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        connection::PARAMETERS.to_vec()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<DurableKey>> {
        let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
        check_stream(stream)?;
        check_durable(durable)?;
        let columns = columns([
            ("seq", Type::UBigInt),
            ("correlation_key", Type::Varchar),
            ("keys", Type::list(Type::Varchar)),
            ("num_delivered", Type::UBigInt),
            ("since", Type::Timestamp),
            ("held", Type::Varchar),
            ("duplicate_of", Type::UBigInt),
        ]);
        let key = DurableKey::new(&connection::read(arguments)?, stream, durable);
        // The smaller side of a join with the table, commonly.
        let estimated_rows = Some(pending(&key));
        Ok(Bound { columns, plan: key, estimated_rows })
    }

    fn open(plan: &DurableKey, projection: &[usize]) -> Result<(Self::Reader, Self::Decoder)> {
        Ok((Cursor { key: plan.clone(), next: 0 }, projection.to_vec()))
    }

    fn read(reader: &mut Self::Reader, capacity: usize) -> Result<Option<Self::Page>> {
        let page = unsettled(&reader.key, reader.next, capacity);
        reader.next = page.last().map_or(reader.next, |message| message.place + 1);
        Ok((!page.is_empty()).then_some(page))
    }

    fn decode<'p>(projection: &'p Vec<usize>, page: &'p Vec<Unsettled>) -> Result<Chunk<'p>> {
        let mut chunk = Chunk::new(page.len());
        projection.iter().for_each(|position| chunk.push(*position, Cells::from(write(*position, page))));
        Ok(chunk)
    }
}

/// One column of a page, by its position.
fn write(column: usize, page: &[Unsettled]) -> Buffer {
    match column {
        0 => numbers(page, |message| Some(message.sequence)),
        1 => texts(page, |message| message.correlation_key.as_deref()),
        2 => {
            let mut buffer = Buffer::new(&Type::list(Type::Varchar));
            if let Values::List(list) = &mut buffer.values {
                for message in page {
                    message.keys.iter().for_each(|key| push_text(&mut list.child, key.as_deref()));
                    list.ends.push(list.child.len());
                }
            }
            buffer.valid = vec![true; page.len()];
            buffer
        }
        3 => numbers(page, |message| Some(message.delivered)),
        4 => Buffer {
            valid: vec![true; page.len()],
            values: Values::I64(page.iter().map(|message| message.since_us).collect()),
        },
        5 => texts(page, |message| match message.outcome {
            Some(Outcome::DeadLetter) => Some("dead letter"),
            Some(Outcome::Skipped) => Some("skipped"),
            Some(Outcome::Row | Outcome::Repeats(_)) | None => None,
        }),
        _ => numbers(page, |message| match message.outcome {
            Some(Outcome::Repeats(sequence)) => Some(sequence),
            _ => None,
        }),
    }
}

fn numbers(page: &[Unsettled], value: impl Fn(&Unsettled) -> Option<u64>) -> Buffer {
    let values: Vec<Option<u64>> = page.iter().map(value).collect();
    Buffer {
        valid: values.iter().map(Option::is_some).collect(),
        values: Values::U64(values.into_iter().map(Option::unwrap_or_default).collect()),
    }
}

fn texts(page: &[Unsettled], value: impl Fn(&Unsettled) -> Option<&str>) -> Buffer {
    let mut buffer = Buffer::new(&Type::Varchar);
    page.iter().for_each(|message| push_text(&mut buffer, value(message)));
    buffer
}

fn push_text(buffer: &mut Buffer, text: Option<&str>) {
    match text {
        Some(text) => buffer.push_bytes(text.as_bytes()),
        None => buffer.push_null(),
    }
}
