//! `nats_subjects(stream [, subject :=])`: the subjects that have messages, and how many each.

use std::sync::Arc;

use super::connection;
use super::rows::{Cell, Row, RowDecoder, RowPages, columns};
use crate::column::{Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::jetstream::admin::SubjectPages;
use crate::plan::{check_stream, check_subject_filter};
use crate::value::{Arguments, Parameter, ParameterType};

/// Rows in the order of the subjects' bytes; read page by page, so that a stream may have any number of subjects.
pub struct NatsSubjects;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    filter: String,
}

pub struct Reader {
    subjects: SubjectPages,
    page: RowPages,
}

impl TableFunction for NatsSubjects {
    const NAME: &'static str = "nats_subjects";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("subject", ParameterType::Text)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let stream = arguments.required_text("stream")?.to_owned();
        check_stream(&stream)?;
        let filter = arguments.text("subject")?.unwrap_or(">").to_owned();
        check_subject_filter(&filter)?;
        Ok(Bound {
            columns: shown(),
            estimated_rows: None,
            plan: Plan { connect: connection::read(arguments)?, stream, filter },
        })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let subjects = SubjectPages::new(Arc::clone(&connection), &plan.stream, &plan.filter);
        Ok((Reader { subjects, page: RowPages::default() }, RowDecoder::new(shown(), projection)))
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.page.next(capacity) {
                return Ok(Some(rows));
            }
            let Some(page) = reader.subjects.next_page()? else { return Ok(None) };
            let row = |(subject, messages): (String, u64)| vec![Cell::from(subject), Cell::from(messages)];
            reader.page = RowPages::new(page.into_iter().map(row).collect());
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn shown() -> Vec<Column> {
    columns([("subject", Type::Varchar), ("messages", Type::UBigInt)])
}
