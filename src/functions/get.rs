//! `nats_get(stream, seq)` and `nats_get(stream, [seq, ...])`: messages by their sequences.
//!
//! Rows come in the order of the list, one for each entry; a sequence that does not exist, and a NULL in the list, give
//! no row. The gets are pipelined; a few take one round trip, more take another for the stream's configuration.

use super::messages::{Layout, MessageDecoder, Pager, RecordPage};
use super::{connection, messages};
use crate::column::Chunk;
use crate::error::{Error, Result};
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, MessageReader, get_messages};
use crate::plan::{Region, check_stream};
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter, ParameterType, Value, unsigned};

pub struct NatsGet;

#[derive(Clone)]
pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    sequences: Vec<u64>,
    layout: Layout,
}

pub struct Reader {
    messages: MessageReader,
    headers: bool,
    /// The sequences that are still to be read, last first.
    left: Vec<u64>,
    /// Whether the server was asked at least once: it is asked also without a sequence, so that a missing stream is an error.
    asked: bool,
    pager: Pager,
}

impl TableFunction for NatsGet {
    const NAME: &'static str = "nats_get";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = MessageDecoder;
    type Page = RecordPage;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("seq", ParameterType::Any)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &messages::parameters()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let stream = arguments.required_text("stream")?.to_owned();
        check_stream(&stream)?;
        let sequences = match arguments.find("seq") {
            None | Some(Value::Null) => {
                return Err(Error::new("seq is NULL; it needs a sequence or a list of sequences"));
            }
            Some(Value::List(items)) => {
                let wanted = items.iter().filter(|item| **item != Value::Null);
                wanted.map(|item| unsigned("seq", item)).collect::<Result<Vec<_>>>()?
            }
            Some(value) => vec![unsigned("seq", value)?],
        };
        let connect = connection::read(arguments)?;
        let layout = Layout::read(arguments, &|size| {
            let first = &sequences[..sequences.len().min(usize::try_from(size).unwrap_or(usize::MAX))];
            let connection = connection::open(&connect)?;
            Ok(get_messages(&connection, &stream, first, true)?.into_iter().flatten().collect())
        })?;
        let columns = layout.columns();
        let estimated_rows = Some(sequences.len() as u64);
        Ok(Bound { columns, plan: Plan { connect, stream, sequences, layout }, estimated_rows })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        let reader = Reader {
            messages: MessageReader::new(connection::open(&plan.connect)?, &plan.stream),
            headers: plan.layout.wants_headers(projection),
            left: plan.sequences.iter().rev().copied().collect(),
            asked: false,
            pager: plan.layout.pager(),
        };
        Ok((reader, plan.layout.decoder(projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &Plan, conditions: &[Predicate]) -> Option<Plan> {
        let wanted = Region::of(conditions, plan.layout.region_columns()).sequences;
        let mut plan = plan.clone();
        let count = plan.sequences.len();
        plan.sequences.retain(|sequence| (wanted.first..=wanted.last).contains(sequence));
        (plan.sequences.len() < count).then_some(plan)
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        let Reader { messages, headers, left, asked, pager } = reader;
        pager.next(capacity, || {
            if std::mem::replace(asked, true) && left.is_empty() {
                return Ok(None);
            }
            let batch: Vec<u64> = left.drain(left.len().saturating_sub(capacity)..).rev().collect();
            let found = messages.messages(&batch, *headers)?;
            Ok(Some(found.into_iter().flatten().collect()))
        })
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode_page(page)
    }
}
