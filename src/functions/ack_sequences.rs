//! `nats_ack(stream, durable, seqs [, connection])`: acknowledges exactly these sequences of the messages that a durable gave to this process, waits
//! for the server's answer, and returns the number that it confirmed.
//!
//! The table function of that name trusts the caller. This is the form for evidence: the sequences come from `nats_unsettled`, joined with the table
//! that has the rows.

use super::by_durable::settle_rows;
use crate::column::{Buffer, Type};
use crate::error::Result;
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::durable::acknowledge_these;
use crate::value::ParameterType;

/// UBIGINT. The rows of a chunk that name one durable are acknowledged together.
pub struct NatsAckSequences;

impl ScalarFunction for NatsAckSequences {
    const NAME: &'static str = "nats_ack";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        settle_rows(
            input,
            3,
            |_| Ok(()),
            |connection, key, sequences, ()| acknowledge_these(connection, key, sequences),
        )
    }
}
