//! `nats_ack(stream, durable, seqs [, connection])`: acknowledges exactly these sequences of what this process was given by
//! a durable, waits for the server's word, and answers how many it confirmed.
//!
//! Beside the table function of that name, which trusts the caller, this is the form for evidence: the sequences come from
//! `nats_unsettled`, joined with the table that has the rows.

use std::collections::HashSet;
use std::sync::Arc;

use super::by_connection::ByConnection;
use super::connection;
use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::Connection;
use crate::jetstream::durable::{LedgerKey, acknowledge_these};
use crate::plan::{check_durable, check_stream};
use crate::value::{ParameterType, Value, unsigned};

/// UBIGINT. The rows of a chunk that name one durable are acknowledged together.
pub struct NatsAckSequences;

/// What one row asks for.
struct Request {
    key: LedgerKey,
    sequences: HashSet<u64>,
}

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
        let mut requests = ByConnection::new();
        for row in 0..input.len() {
            let sequences = sequences(&input.value(2, row)?)?;
            let (stream, durable) = (text(input, 0, row, "stream")?, text(input, 1, row, "durable")?);
            check_stream(stream)?;
            check_durable(durable)?;
            let key = LedgerKey::new(&connection::read_input(input, 3, row)?, stream, durable);
            // What asks for nothing needs no server.
            if !sequences.is_empty() {
                requests.add(input, 3, row, Request { key, sequences })?;
            }
        }
        let acked = requests.ask(input.len(), 0, acknowledge_all)?;
        Ok(Buffer { valid: vec![true; input.len()], values: Values::U64(acked) })
    }
}

/// Acknowledges what the rows of one connection ask for, each durable at once; how many were confirmed for each row. A
/// sequence that several rows name counts for the first.
fn acknowledge_all(connection: &Arc<Connection>, requests: Vec<Request>) -> Result<Vec<u64>> {
    let mut counts = vec![0; requests.len()];
    let mut left: Vec<(usize, Request)> = requests.into_iter().enumerate().collect();
    while let Some((_, Request { key, .. })) = left.first() {
        let key = key.clone();
        let same: Vec<(usize, Request)> = left.extract_if(.., |(_, request)| request.key == key).collect();
        let all = same.iter().flat_map(|(_, request)| &request.sequences).copied().collect();
        let mut confirmed = acknowledge_these(connection, &key, &all)?;
        for (row, request) in same {
            counts[row] = request.sequences.iter().filter(|sequence| confirmed.remove(sequence)).count() as u64;
        }
    }
    Ok(counts)
}

fn text<'a>(input: &'a dyn Input, column: usize, row: usize, name: &str) -> Result<&'a str> {
    let bytes = input.bytes(column, row).ok_or_else(|| Error::new(format!("{name} is NULL")))?;
    std::str::from_utf8(bytes).map_err(|_| Error::new(format!("{name} is not UTF-8")))
}

/// The sequences of the list; none for NULL, which is what `list(...)` makes of no row.
fn sequences(value: &Value) -> Result<HashSet<u64>> {
    match value {
        Value::Null => Ok(HashSet::new()),
        Value::List(items) => items.iter().map(|item| unsigned("a sequence", item)).collect(),
        other => Err(Error::new(format!("seqs must be a list of sequences, not {}", other.kind()))
            .advice("write list(seq), or [1, 2]")),
    }
}
