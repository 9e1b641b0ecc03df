//! The rows of a scalar function that settles sequences of durables: those that name one durable, and ask for the same, are
//! settled together.

use std::collections::HashSet;
use std::sync::Arc;

use super::by_connection::ByConnection;
use super::connection;
use crate::column::{Buffer, Values};
use crate::error::{Error, Result};
use crate::ffi::Input;
use crate::jetstream::Connection;
use crate::jetstream::durable::DurableKey;
use crate::plan::{check_durable, check_stream};
use crate::value::{Value, unsigned};

/// The request of one row: a stream, a durable, sequences, and the other argument of the function.
struct Request<A> {
    key: DurableKey,
    sequences: HashSet<u64>,
    argument: A,
}

/// UBIGINT: for each row, the number of its sequences that `settle` returns. The first three arguments are stream, durable and sequences; `argument`
/// reads the other argument of a row, and `connection` is the position of the connection's argument. A sequence that several rows name counts for the
/// first.
///
/// # Errors
/// An argument is malformed; those of `argument`, of `settle` and of connecting.
pub fn settle_rows<A: PartialEq + Clone>(
    input: &dyn Input,
    connection: usize,
    argument: impl Fn(usize) -> Result<A>,
    settle: impl Fn(&Arc<Connection>, &DurableKey, &HashSet<u64>, &A) -> Result<HashSet<u64>>,
) -> Result<Buffer> {
    let mut requests = ByConnection::new();
    for row in 0..input.len() {
        let sequences = sequences(&input.value(2, row)?)?;
        let stream = input.text(0, row, "stream")?.ok_or_else(|| Error::new("stream is NULL"))?;
        let durable = input.text(1, row, "durable")?.ok_or_else(|| Error::new("durable is NULL"))?;
        check_stream(stream)?;
        check_durable(durable)?;
        let key = DurableKey::new(&connection::read_input(input, connection, row)?, stream, durable);
        let argument = argument(row)?;
        // Rows without sequences need no server.
        if !sequences.is_empty() {
            requests.add(input, connection, row, Request { key, sequences, argument })?;
        }
    }
    let settled = requests.ask(input.len(), 0, |connection, requests| settle_all(connection, requests, &settle))?;
    Ok(Buffer { valid: vec![true; input.len()], values: Values::U64(settled) })
}

/// Settles the requests of the rows of one connection. Returns the number of settled sequences for each row.
fn settle_all<A: PartialEq + Clone>(
    connection: &Arc<Connection>,
    requests: Vec<Request<A>>,
    settle: impl Fn(&Arc<Connection>, &DurableKey, &HashSet<u64>, &A) -> Result<HashSet<u64>>,
) -> Result<Vec<u64>> {
    let mut counts = vec![0; requests.len()];
    let mut left: Vec<(usize, Request<A>)> = requests.into_iter().enumerate().collect();
    while let Some((_, Request { key, argument, .. })) = left.first() {
        let (key, argument) = (key.clone(), argument.clone());
        let together = |(_, request): &mut (usize, Request<A>)| request.key == key && request.argument == argument;
        let same: Vec<(usize, Request<A>)> = left.extract_if(.., together).collect();
        let all = same.iter().flat_map(|(_, request)| &request.sequences).copied().collect();
        let mut settled = settle(connection, &key, &all, &argument)?;
        for (row, request) in same {
            counts[row] = request.sequences.iter().filter(|sequence| settled.remove(sequence)).count() as u64;
        }
    }
    Ok(counts)
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
