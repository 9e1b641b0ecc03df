//! `nats_last(stream, subject [, as_of := | up_to_seq :=])`: the newest message of each subject.

use super::manage::subjects;
use super::messages::{self, Layout};
use super::{connection, range};
use crate::error::{Error, Result};
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::{ConnectOptions, LastPages, LastRequest};
use crate::plan::check_stream;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

/// The columns of `nats_scan`, one row a subject.
pub struct NatsLast;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    subjects: Vec<String>,
    up_to: UpTo,
    layout: Layout,
}

/// The moment whose newest messages are read.
#[derive(Clone, Copy)]
enum UpTo {
    Now,
    Sequence(u64),
    /// In microseconds since 1970 UTC, inclusive.
    Time(i64),
}

pub struct Run {
    pages: LastPages,
    layout: Layout,
    projection: Vec<usize>,
    page: Vec<Record>,
    written: usize,
}

impl TableFunction for NatsLast {
    const NAME: &'static str = "nats_last";
    type Plan = Plan;
    type Run = Run;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("subject", ParameterType::Any)]
    }

    fn named() -> Vec<Parameter> {
        let own = [Parameter::new("as_of", ParameterType::Any), Parameter::new("up_to_seq", ParameterType::Any)];
        [connection::PARAMETERS, &messages::parameters(), &own].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let stream = arguments.required_text("stream")?.to_owned();
        check_stream(&stream)?;
        let subjects = subjects(arguments, "subject")?.ok_or_else(|| Error::new("subject is missing"))?;
        let up_to = match (arguments.moment("as_of")?, arguments.unsigned("up_to_seq")?) {
            (None, None) => UpTo::Now,
            (None, Some(sequence)) => UpTo::Sequence(sequence),
            (Some(micros), None) => UpTo::Time(micros),
            (Some(_), Some(_)) => {
                return Err(Error::new("as_of and up_to_seq cannot be used together").advice("give one of them"));
            }
        };
        let layout = Layout::read(arguments)?;
        let columns = layout.columns();
        Ok(Bound { columns, plan: Plan { connect: connection::read(arguments)?, stream, subjects, up_to, layout } })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&plan.connect)?;
        let up_to = match plan.up_to {
            UpTo::Now => None,
            UpTo::Sequence(sequence) => Some(sequence),
            UpTo::Time(micros) => Some(range::last_sequence_at(&connection, &plan.stream, micros)?),
        };
        let request = LastRequest {
            stream: plan.stream.clone(),
            subjects: plan.subjects.clone(),
            up_to,
            headers: plan.layout.wants_headers(projection),
        };
        Ok(Run {
            pages: LastPages::new(connection, request),
            layout: plan.layout.clone(),
            projection: projection.to_vec(),
            page: Vec::new(),
            written: 0,
        })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        loop {
            if run.written == run.page.len() {
                run.page = run.pages.next_page()?.unwrap_or_default();
                run.written = 0;
            }
            let end = run.page.len().min(run.written + chunk.capacity());
            let rows = run.layout.write(&run.page[run.written..end], &run.projection, chunk)?;
            run.written = end;
            if rows > 0 || run.page.is_empty() {
                return Ok(());
            }
        }
    }
}
