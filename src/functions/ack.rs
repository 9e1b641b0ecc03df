//! `nats_ack(stream, durable)` and `nats_nak(stream, durable)`: settle what this process was given by a durable.
//!
//! One row: how many messages the server confirmed, the highest sequence among them, and how many that this process was
//! given are still not settled. They act once per statement, when its row is asked for.

use std::time::Duration;

use super::connection;
use super::ingest::check_durable;
use crate::column::{Buffer, Column, Type, Values};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::jetstream::durable::{LedgerKey, Settled, acknowledge, reject};
use crate::plan::check_stream;
use crate::value::{Arguments, Parameter, ParameterType};

/// After COMMIT: acknowledges, optionally only up to a sequence.
pub struct NatsAck;

/// After ROLLBACK: returns to the server, which delivers again at once or after `delay`.
pub struct NatsNak;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    durable: String,
    act: Act,
}

#[derive(Clone, Copy)]
enum Act {
    Acknowledge { up_to: Option<u64> },
    Return { delay: Option<Duration> },
}

impl TableFunction for NatsAck {
    const NAME: &'static str = "nats_ack";
    type Plan = Plan;
    type Run = Option<(LedgerKey, Plan)>;

    fn parameters() -> Vec<Parameter> {
        positional()
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("up_to_seq", ParameterType::Any)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        bind(arguments, "acked", Act::Acknowledge { up_to: arguments.unsigned("up_to_seq")? })
    }

    fn open(plan: &Plan, _projection: &[usize]) -> Result<Self::Run> {
        Ok(Some(plan.start()))
    }

    fn next(run: &mut Self::Run, chunk: &mut Chunk<'_>) -> Result<()> {
        settle(run, chunk)
    }
}

impl TableFunction for NatsNak {
    const NAME: &'static str = "nats_nak";
    type Plan = Plan;
    type Run = Option<(LedgerKey, Plan)>;

    fn parameters() -> Vec<Parameter> {
        positional()
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("delay", ParameterType::Interval)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        bind(arguments, "returned", Act::Return { delay: arguments.duration("delay")? })
    }

    fn open(plan: &Plan, _projection: &[usize]) -> Result<Self::Run> {
        Ok(Some(plan.start()))
    }

    fn next(run: &mut Self::Run, chunk: &mut Chunk<'_>) -> Result<()> {
        settle(run, chunk)
    }
}

fn positional() -> Vec<Parameter> {
    vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
}

fn bind(arguments: &Arguments, count: &str, act: Act) -> Result<Bound<Plan>> {
    let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
    check_stream(stream)?;
    check_durable(durable)?;
    let columns = [count, "last_seq", "still_pending"].map(|name| Column::new(name, Type::UBigInt)).to_vec();
    let connect = connection::read(arguments)?;
    Ok(Bound { columns, plan: Plan { connect, stream: stream.to_owned(), durable: durable.to_owned(), act } })
}

impl Plan {
    fn start(&self) -> (LedgerKey, Plan) {
        let Plan { connect, stream, durable, act } = self;
        let key = LedgerKey::new(connect, stream, durable);
        let plan = Plan { connect: connect.clone(), stream: stream.clone(), durable: durable.clone(), act: *act };
        (key, plan)
    }
}

fn settle(run: &mut Option<(LedgerKey, Plan)>, chunk: &mut Chunk<'_>) -> Result<()> {
    let Some((key, plan)) = run.take() else {
        chunk.set_len(0);
        return Ok(());
    };
    let connection = connection::open(&plan.connect)?;
    let Settled { count, last_sequence, still_pending } = match plan.act {
        Act::Acknowledge { up_to } => acknowledge(&connection, &key, up_to)?,
        Act::Return { delay } => reject(&connection, &key, delay)?,
    };
    let row = [Some(count), last_sequence, Some(still_pending)];
    chunk.fill(|column, vector| {
        let value = row.get(column).copied().flatten();
        let buffer = Buffer { valid: vec![value.is_some()], values: Values::U64(vec![value.unwrap_or_default()]) };
        vector.write_buffer(&buffer, 0..1);
        Ok(())
    })?;
    chunk.set_len(1);
    Ok(())
}
