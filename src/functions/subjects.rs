//! `nats_subjects([stream] [, subject :=])`: the subjects that have messages, and how many each.

use std::sync::Arc;

use super::connection;
use super::rows::{Cell, Row, RowDecoder, RowPages, columns};
use super::stream_names::{self, STREAM};
use crate::column::{Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::admin::SubjectPages;
use crate::jetstream::{ConnectOptions, Connection};
use crate::plan::{StreamNames, check_subject_filter};
use crate::value::{Arguments, Parameter, ParameterType};

/// Rows in the order of the subjects' bytes; read page by page, so that a stream may have any number of subjects.
pub struct NatsSubjects;

pub struct Plan {
    connect: ConnectOptions,
    streams: StreamNames,
    filter: String,
}

pub struct Reader {
    connection: Arc<Connection>,
    filter: String,
    /// The streams that are still to be read, last first.
    left: Vec<String>,
    /// The stream that is read, with its subjects.
    subjects: Option<(String, SubjectPages)>,
    page: RowPages,
}

impl TableFunction for NatsSubjects {
    const NAME: &'static str = "nats_subjects";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![STREAM]
    }

    const WITHOUT_PARAMETERS: bool = true;

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("subject", ParameterType::Text)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let streams = stream_names::read(arguments)?.unwrap_or_else(StreamNames::every);
        let filter = arguments.text("subject")?.unwrap_or(">").to_owned();
        check_subject_filter(&filter)?;
        Ok(Bound {
            columns: shown(),
            estimated_rows: None,
            plan: Plan { connect: connection::read(arguments)?, streams, filter },
        })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let mut left = stream_names::resolve(&connection, &plan.streams)?;
        left.reverse();
        let filter = plan.filter.clone();
        let reader = Reader { connection, filter, left, subjects: None, page: RowPages::default() };
        Ok((reader, RowDecoder::new(shown(), projection)))
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.page.next(capacity) {
                return Ok(Some(rows));
            }
            let Some((stream, subjects)) = &mut reader.subjects else {
                let Some(stream) = reader.left.pop() else { return Ok(None) };
                let subjects = SubjectPages::new(Arc::clone(&reader.connection), &stream, &reader.filter);
                reader.subjects = Some((stream, subjects));
                continue;
            };
            let Some(page) = subjects.next_page()? else {
                reader.subjects = None;
                continue;
            };
            let row = |(subject, messages): (String, u64)| {
                vec![Cell::from(&stream[..]), Cell::from(subject), Cell::from(messages)]
            };
            reader.page = RowPages::new(page.into_iter().map(row).collect());
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn shown() -> Vec<Column> {
    columns([("stream", Type::Varchar), ("subject", Type::Varchar), ("messages", Type::UBigInt)])
}
