//! `nats_ack(stream, durable)`: acknowledges all messages that a durable gave to this process, and trusts that their rows are committed.
//!
//! One row: the number of messages that the server confirmed, the highest sequence among them, and the number of messages that this process was given
//! and that are still not settled. It acts once per statement, when its row is asked for.

use std::sync::Arc;

use super::connection;
use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::durable::{DurableKey, acknowledge};
use crate::plan::{check_durable, check_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// The form for after COMMIT: it acknowledges all, or only up to a sequence.
pub struct NatsAck;

pub struct Call {
    key: DurableKey,
    up_to: Option<u64>,
}

impl SmallTable for NatsAck {
    const NAME: &'static str = "nats_ack";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![Parameter::new("up_to_seq", ParameterType::Any)]
    }

    fn columns() -> Vec<Column> {
        columns(["acked", "last_seq", "still_pending"].map(|name| (name, Type::UBigInt)))
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
        check_stream(stream)?;
        check_durable(durable)?;
        let key = DurableKey::new(&connection::read(arguments)?, stream, durable);
        Ok(Call { key, up_to: arguments.unsigned("up_to_seq")? })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let settled = acknowledge(connection, &call.key, call.up_to)?;
        Ok(vec![vec![Cell::Number(settled.count), settled.last_sequence.into(), Cell::Number(settled.still_pending)]])
    }
}
