//! `nats_last(stream, subject [, as_of := | up_to_seq :=])`: the newest message of each subject.

use super::manage::subjects;
use super::messages::{self, Layout, MessageDecoder, Pager, RecordPage};
use super::{connection, range};
use crate::column::Chunk;
use crate::error::{Error, Result};
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, LastPages, LastRequest};
use crate::plan::{Region, check_stream};
use crate::predicate::Predicate;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

/// The columns of `nats_scan`, one row a subject.
pub struct NatsLast;

#[derive(Clone)]
pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    subjects: Vec<String>,
    up_to: UpTo,
    layout: Layout,
}

/// The moment as of which the newest messages are read.
#[derive(Clone, Copy)]
enum UpTo {
    Now,
    Sequence(u64),
    /// In microseconds since 1970 UTC, inclusive.
    Time(i64),
}

pub struct Reader {
    pages: LastPages,
    pager: Pager,
}

impl TableFunction for NatsLast {
    const NAME: &'static str = "nats_last";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = MessageDecoder;
    type Page = RecordPage;

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
        let connect = connection::read(arguments)?;
        let pages = |headers| start(&connect, &stream, &subjects, up_to, headers);
        let layout = Layout::read(arguments, &|size| sample(pages(true)?, size))?;
        let columns = layout.columns();
        Ok(Bound { columns, plan: Plan { connect, stream, subjects, up_to, layout }, estimated_rows: None })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        let headers = plan.layout.wants_headers(projection);
        let pages = start(&plan.connect, &plan.stream, &plan.subjects, plan.up_to, headers)?;
        Ok((Reader { pages, pager: plan.layout.pager() }, plan.layout.decoder(projection)))
    }

    const RESTRICTS: bool = true;

    /// Only conditions on the subject narrow the read: one on sequences or times does not make an older message the newest one.
    fn restrict(plan: &Plan, conditions: &[Predicate]) -> Option<Plan> {
        let region = Region::of(conditions, plan.layout.region_columns());
        let subjects = region.narrower_filters(&plan.subjects)?;
        Some(Plan { subjects, ..plan.clone() })
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        reader.pager.next(capacity, || reader.pages.next_page())
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode_page(page)
    }
}

fn start(connect: &ConnectOptions, stream: &str, subjects: &[String], up_to: UpTo, headers: bool) -> Result<LastPages> {
    let connection = connection::open(connect)?;
    let up_to = match up_to {
        UpTo::Now => None,
        UpTo::Sequence(sequence) => Some(sequence),
        UpTo::Time(micros) => Some(range::last_sequence_at(&connection, stream, micros)?),
    };
    let request = LastRequest { stream: stream.to_owned(), subjects: subjects.to_vec(), up_to, headers };
    Ok(LastPages::new(connection, request))
}

/// The first messages, at most `size`.
fn sample(mut pages: LastPages, size: u64) -> Result<Vec<Record>> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut records: Vec<Record> = Vec::new();
    while records.len() < size {
        let Some(page) = pages.next_page()? else { break };
        records.extend(page);
    }
    records.truncate(size);
    Ok(records)
}
