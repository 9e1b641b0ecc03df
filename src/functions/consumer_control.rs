//! `nats_consumer_pause(stream, durable, until := | duration := )`, `nats_consumer_resume(stream, durable)`,
//! `nats_consumer_reset(stream, durable, seq :=, confirm := true)`, `nats_consumer_unpin(stream, durable, group)`.

use std::sync::Arc;

use super::consumer_ensure::{place, place_parameters};
use super::manage::{CONFIRM, check_confirmed};
use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::{PauseUntil, pause_consumer, reset_consumer, unpin_consumer};
use crate::value::{Arguments, Parameter, ParameterType};

fn pause_columns() -> Vec<Column> {
    columns([
        ("stream", Type::Varchar),
        ("name", Type::Varchar),
        ("paused", Type::Boolean),
        ("pause_until", Type::Timestamp),
    ])
}

/// One row. Until the given time the consumer delivers nothing; delivered messages may still be acknowledged. Server 2.11.
pub struct NatsConsumerPause;

impl SmallTable for NatsConsumerPause {
    const NAME: &'static str = "nats_consumer_pause";
    type Call = (String, String, PauseUntil);

    fn parameters() -> Vec<Parameter> {
        place_parameters()
    }

    fn named() -> Vec<Parameter> {
        vec![Parameter::new("until", ParameterType::Moment), Parameter::new("duration", ParameterType::Interval)]
    }

    fn columns() -> Vec<Column> {
        pause_columns()
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        let (stream, durable) = place(arguments)?;
        let until = match (arguments.moment("until")?, arguments.duration("duration")?) {
            (Some(micros), None) => PauseUntil::Moment(micros),
            (None, Some(length)) => PauseUntil::After(length),
            _ => return Err(Error::new("until and duration each say how long").advice("give one of them")),
        };
        Ok((stream, durable, until))
    }

    fn rows(connection: &Arc<Connection>, (stream, durable, until): &Self::Call) -> Result<Vec<Row>> {
        pause_rows(connection, stream, durable, Some(*until))
    }
}

/// One row: the consumer delivers again.
pub struct NatsConsumerResume;

impl SmallTable for NatsConsumerResume {
    const NAME: &'static str = "nats_consumer_resume";
    type Call = (String, String);

    fn parameters() -> Vec<Parameter> {
        place_parameters()
    }

    fn columns() -> Vec<Column> {
        pause_columns()
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        place(arguments)
    }

    fn rows(connection: &Arc<Connection>, (stream, durable): &Self::Call) -> Result<Vec<Row>> {
        pause_rows(connection, stream, durable, None)
    }
}

fn pause_rows(
    connection: &Arc<Connection>,
    stream: &str,
    durable: &str,
    until: Option<PauseUntil>,
) -> Result<Vec<Row>> {
    let until = pause_consumer(connection, stream, durable, until)?;
    Ok(vec![vec![Cell::from(stream), Cell::from(durable), Cell::from(until.is_some()), Cell::time(until)]])
}

/// One row: the consumer starts again, where `seq` says or where everything was acknowledged. Server 2.14.
pub struct NatsConsumerReset;

impl SmallTable for NatsConsumerReset {
    const NAME: &'static str = "nats_consumer_reset";
    type Call = (String, String, Option<u64>);

    fn parameters() -> Vec<Parameter> {
        place_parameters()
    }

    fn named() -> Vec<Parameter> {
        vec![Parameter::new("seq", ParameterType::Unsigned), CONFIRM]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("name", Type::Varchar), ("seq", Type::UBigInt)])
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        let (stream, durable) = place(arguments)?;
        let loss =
            format!("the position of the consumer '{durable}' of the stream '{stream}', and what it has delivered");
        check_confirmed(arguments, &loss)?;
        let sequence = arguments.unsigned("seq")?;
        if sequence == Some(0) {
            return Err(Error::new("seq is 0; the first sequence of a stream is 1"));
        }
        Ok((stream, durable, sequence))
    }

    fn rows(connection: &Arc<Connection>, (stream, durable, sequence): &Self::Call) -> Result<Vec<Row>> {
        let next = reset_consumer(connection, stream, durable, *sequence)?;
        Ok(vec![vec![Cell::from(&stream[..]), Cell::from(&durable[..]), Cell::from(next)]])
    }
}

/// One row: the client to which a priority group is pinned is unpinned, and another takes its place. Server 2.11.
pub struct NatsConsumerUnpin;

impl SmallTable for NatsConsumerUnpin {
    const NAME: &'static str = "nats_consumer_unpin";
    type Call = (String, String, String);

    fn parameters() -> Vec<Parameter> {
        let mut parameters = place_parameters();
        parameters.push(Parameter::new("priority_group", ParameterType::Text));
        parameters
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("name", Type::Varchar), ("priority_group", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        let (stream, durable) = place(arguments)?;
        Ok((stream, durable, arguments.required_text("priority_group")?.to_owned()))
    }

    fn rows(connection: &Arc<Connection>, (stream, durable, group): &Self::Call) -> Result<Vec<Row>> {
        unpin_consumer(connection, stream, durable, group)?;
        Ok(vec![vec![Cell::from(&stream[..]), Cell::from(&durable[..]), Cell::from(&group[..])]])
    }
}
