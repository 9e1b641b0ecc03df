//! `nats_in_progress(stream, durable, seqs [, connection])`: reports to the server that these sequences, which a durable gave to this process, are in
//! progress, so that it waits for `ack_wait` once more. Returns the number that the server confirmed.

use super::by_durable::settle_rows;
use crate::column::{Buffer, Type};
use crate::error::Result;
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::durable::extend_these;
use crate::value::ParameterType;

/// UBIGINT. The rows of a chunk that name one durable go together.
pub struct NatsInProgress;

impl ScalarFunction for NatsInProgress {
    const NAME: &'static str = "nats_in_progress";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        settle_rows(input, 3, |_| Ok(()), |connection, key, sequences, ()| extend_these(connection, key, sequences))
    }
}
