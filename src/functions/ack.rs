//! `nats_ack(stream, durable)` and `nats_nak(stream, durable)`: settle what this process was given by a durable.
//!
//! One row: how many messages the server confirmed, the highest sequence among them, and how many that this process was
//! given are still not settled. They act once per statement, when its row is asked for.

use std::time::Duration;

use super::connection;
use super::ingest::check_durable;
use super::rows::{Cell, Row, RowDecoder};
use crate::column::{Chunk, Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
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
    type Reader = Option<(LedgerKey, Plan)>;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        positional()
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("up_to_seq", ParameterType::Any)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        bind(arguments, Act::Acknowledge { up_to: arguments.unsigned("up_to_seq")? })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Self::Reader, RowDecoder)> {
        Ok((Some(plan.start()), RowDecoder::new(columns(plan.act), projection)))
    }

    fn read(reader: &mut Self::Reader, _capacity: usize) -> Result<Option<Vec<Row>>> {
        settle(reader)
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

impl TableFunction for NatsNak {
    const NAME: &'static str = "nats_nak";
    type Plan = Plan;
    type Reader = Option<(LedgerKey, Plan)>;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        positional()
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("delay", ParameterType::Interval)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        bind(arguments, Act::Return { delay: arguments.duration("delay")? })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Self::Reader, RowDecoder)> {
        Ok((Some(plan.start()), RowDecoder::new(columns(plan.act), projection)))
    }

    fn read(reader: &mut Self::Reader, _capacity: usize) -> Result<Option<Vec<Row>>> {
        settle(reader)
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn positional() -> Vec<Parameter> {
    vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
}

fn bind(arguments: &Arguments, act: Act) -> Result<Bound<Plan>> {
    let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
    check_stream(stream)?;
    check_durable(durable)?;
    let connect = connection::read(arguments)?;
    let plan = Plan { connect, stream: stream.to_owned(), durable: durable.to_owned(), act };
    Ok(Bound { columns: columns(act), plan, estimated_rows: None })
}

fn columns(act: Act) -> Vec<Column> {
    let count = match act {
        Act::Acknowledge { .. } => "acked",
        Act::Return { .. } => "returned",
    };
    [count, "last_seq", "still_pending"].map(|name| Column::new(name, Type::UBigInt)).to_vec()
}

impl Plan {
    fn start(&self) -> (LedgerKey, Plan) {
        let Plan { connect, stream, durable, act } = self;
        let key = LedgerKey::new(connect, stream, durable);
        let plan = Plan { connect: connect.clone(), stream: stream.clone(), durable: durable.clone(), act: *act };
        (key, plan)
    }
}

fn settle(run: &mut Option<(LedgerKey, Plan)>) -> Result<Option<Vec<Row>>> {
    let Some((key, plan)) = run.take() else { return Ok(None) };
    let connection = connection::open(&plan.connect)?;
    let Settled { count, last_sequence, still_pending } = match plan.act {
        Act::Acknowledge { up_to } => acknowledge(&connection, &key, up_to)?,
        Act::Return { delay } => reject(&connection, &key, delay)?,
    };
    Ok(Some(vec![vec![Cell::from(count), Cell::from(last_sequence), Cell::from(still_pending)]]))
}
