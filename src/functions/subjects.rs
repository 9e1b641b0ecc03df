//! `nats_subjects(stream [, subject :=])`: the subjects that have messages, and how many each.

use std::sync::Arc;

use super::connection;
use super::rows::columns;
use crate::column::Type;
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
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

pub struct Run {
    pages: SubjectPages,
    page: Vec<(String, u64)>,
    written: usize,
}

impl TableFunction for NatsSubjects {
    const NAME: &'static str = "nats_subjects";
    type Plan = Plan;
    type Run = Run;

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
            columns: columns([("subject", Type::Varchar), ("messages", Type::UBigInt)]),
            plan: Plan { connect: connection::read(arguments)?, stream, filter },
        })
    }

    fn open(plan: &Plan, _projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&plan.connect)?;
        let pages = SubjectPages::new(Arc::clone(&connection), &plan.stream, &plan.filter);
        Ok(Run { pages, page: Vec::new(), written: 0 })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        if run.written == run.page.len() {
            run.page = run.pages.next_page()?.unwrap_or_default();
            run.written = 0;
        }
        let end = run.page.len().min(run.written + chunk.capacity());
        let rows = &run.page[run.written..end];
        chunk.fill(|column, vector| {
            match column {
                0 => vector.write_bytes(rows.iter().map(|(subject, _)| subject.as_bytes())),
                _ => vector.write_u64(rows.iter().map(|(_, messages)| *messages)),
            }
            Ok(())
        })?;
        chunk.set_len(rows.len());
        run.written = end;
        Ok(())
    }
}
