//! `nats_term(stream, durable, seqs [, reason [, connection]])`: ends exactly these sequences of the messages that a durable gave to this process:
//! its consumer never delivers them again. Returns the number that the server confirmed.

use super::by_durable::settle_rows;
use crate::column::{Buffer, Type};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::durable::terminate_these;
use crate::value::ParameterType;

/// UBIGINT. The rows of a chunk that name one durable and one reason are ended together.
pub struct NatsTerm;

impl ScalarFunction for NatsTerm {
    const NAME: &'static str = "nats_term";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Text],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Text, ParameterType::Any],
    ];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let reason = |row| {
            let reason = input.text(3, row, "reason")?;
            match reason {
                Some(reason) if reason.chars().any(char::is_control) => {
                    Err(Error::new("reason has a line break or another control character").advice("say it in one line"))
                }
                reason => Ok(reason.filter(|reason| !reason.is_empty())),
            }
        };
        settle_rows(input, 4, reason, |connection, key, sequences, reason| {
            terminate_these(connection, key, sequences, *reason)
        })
    }
}
