//! `nats_last_seq(stream)`: the last sequence of a stream, as a table and as a scalar.

use super::connection;
use super::rows::{Cell, Row, RowDecoder, RowPages};
use crate::column::{Buffer, Chunk, Column, Type, Values};
use crate::error::{Error, Kind, Result};
use crate::ffi::{Bound, Input, ScalarFunction, ScalarSignature, TableFunction};
use crate::jetstream::{ConnectOptions, stream_state};
use crate::plan::check_stream;
use crate::value::{Arguments, Parameter, ParameterType};

/// One row: `last_seq` (0 for a stream that never had a message), `first_seq`, `messages`.
pub struct NatsLastSeq;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
}

/// The position of the column `messages`.
const MESSAGES: usize = 2;

impl TableFunction for NatsLastSeq {
    const NAME: &'static str = "nats_last_seq";
    type Plan = Plan;
    type Reader = RowPages;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        connection::PARAMETERS.to_vec()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let stream = arguments.required_text("stream")?.to_owned();
        check_stream(&stream)?;
        let plan = Plan { connect: connection::read(arguments)?, stream };
        Ok(Bound { columns: columns(), plan, estimated_rows: None })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(RowPages, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let state = stream_state(&connection, &plan.stream)?;
        if projection.contains(&MESSAGES) && !state.exact {
            return Err(Error::of(
                Kind::Denied,
                format!("no permission to publish to {}", connection.state_subject(&plan.stream)),
            )
            .stream(&plan.stream)
            .server(connection.label())
            .advice("without it first_seq and last_seq are known, but not messages: select those alone"));
        }
        let row = [state.last, state.first, state.messages].map(Cell::from).to_vec();
        Ok((RowPages::new(vec![row]), RowDecoder::new(columns(), projection)))
    }

    fn read(reader: &mut RowPages, capacity: usize) -> Result<Option<Vec<Row>>> {
        Ok(reader.next(capacity))
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn columns() -> Vec<Column> {
    ["last_seq", "first_seq", "messages"].map(|name| Column::new(name, Type::UBigInt)).to_vec()
}

/// The last sequence alone: `nats_last_seq(stream [, connection])`. NULL for a NULL stream.
///
/// An argument of another function as well: `start_seq := nats_last_seq('S') - 999`. UBIGINT has no number below 0, so
/// DuckDB refuses that subtraction where the stream is shorter; `last_n := 1000` needs no subtraction.
pub struct NatsLastSeqScalar;

impl ScalarFunction for NatsLastSeqScalar {
    const NAME: &'static str = "nats_last_seq";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] =
        &[&[ParameterType::Text], &[ParameterType::Text, ParameterType::Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let (mut valid, mut values) = (Vec::new(), Vec::new());
        for row in 0..input.len() {
            let last = match input.text(0, row, "stream")? {
                None => None,
                Some(stream) => {
                    check_stream(stream)?;
                    let connection = connection::open(&connection::read_input(input, 1, row)?)?;
                    Some(stream_state(&connection, stream)?.last)
                }
            };
            valid.push(last.is_some());
            values.push(last.unwrap_or_default());
        }
        Ok(Buffer { valid, values: Values::U64(values) })
    }
}
