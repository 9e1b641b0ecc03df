//! `nats_get(stream, seq)` and `nats_get(stream, [seq, ...])`: messages by their sequences.
//!
//! Rows come in the order of the list, one for each entry; a sequence that does not exist, and a NULL in the list, give
//! no row. The gets are pipelined; a few take one round trip, more take another for the stream's configuration.

use std::sync::Arc;

use super::messages::Layout;
use super::{connection, messages};
use crate::error::{Error, Result};
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::{ConnectOptions, Connection, get_messages};
use crate::plan::check_stream;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType, Value, unsigned};

pub struct NatsGet;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    sequences: Vec<u64>,
    layout: Layout,
}

pub struct Run {
    connection: Arc<Connection>,
    stream: String,
    layout: Layout,
    headers: bool,
    projection: Vec<usize>,
    /// The sequences that are still to be read, last first.
    left: Vec<u64>,
    done: bool,
}

impl TableFunction for NatsGet {
    const NAME: &'static str = "nats_get";
    type Plan = Plan;
    type Run = Run;

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
        Ok(Bound { columns, plan: Plan { connect, stream, sequences, layout } })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&plan.connect)?;
        Ok(Run {
            connection,
            stream: plan.stream.clone(),
            layout: plan.layout.clone(),
            headers: plan.layout.wants_headers(projection),
            projection: projection.to_vec(),
            left: plan.sequences.iter().rev().copied().collect(),
            done: false,
        })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        while !run.done {
            let from = run.left.len().saturating_sub(chunk.capacity());
            let batch: Vec<u64> = run.left.drain(from..).rev().collect();
            let found = get_messages(&run.connection, &run.stream, &batch, run.headers)?;
            run.done = run.left.is_empty();
            let records: Vec<Record> = found.into_iter().flatten().collect();
            let rows = run.layout.write(&records, &run.projection, chunk)?;
            if rows > 0 {
                return Ok(());
            }
        }
        chunk.set_len(0);
        Ok(())
    }
}
