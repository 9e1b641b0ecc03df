//! `nats_nak(stream, durable, seqs [, delay [, connection]])`: returns exactly these sequences of the messages that a durable gave to this process.
//! It returns the number of messages that come again.
//!
//! The table function of that name returns all that is left, and looks for the message at fault.

use std::time::Duration;

use super::by_durable::settle_rows;
use crate::column::{Buffer, Type};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::durable::return_these;
use crate::value::{ParameterType, Value, length_of_time};

/// UBIGINT. The rows of a chunk that name one durable and one delay are returned together.
pub struct NatsNakSequences;

impl ScalarFunction for NatsNakSequences {
    const NAME: &'static str = "nats_nak";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let delay = |row| delay(&input.value(3, row)?);
        settle_rows(input, 4, delay, |connection, key, sequences, delay| {
            return_these(connection, key, sequences, *delay)
        })
    }
}

/// The time that the messages wait before they come again; None is at once.
fn delay(value: &Value) -> Result<Option<Duration>> {
    match value {
        Value::Null => Ok(None),
        Value::Interval(_) => length_of_time("delay", value).map(|delay| Some(delay).filter(|delay| !delay.is_zero())),
        other => Err(Error::new(format!("delay must be an INTERVAL, not {}", other.kind()))
            .advice("write INTERVAL 5 SECONDS, or NULL before a connection")),
    }
}
