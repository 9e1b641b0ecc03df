//! `nats_checkpoint(stream [, connection])`: the end of a stream as a text, for `after` and `upto`.

use std::sync::Arc;

use super::by_connection::ByConnection;
use crate::column::{Buffer, Type};
use crate::error::Result;
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::{Connection, take_checkpoint};
use crate::plan::check_stream;
use crate::value::ParameterType;

/// A checkpoint as VARCHAR; NULL for a NULL stream.
pub struct NatsCheckpoint;

impl ScalarFunction for NatsCheckpoint {
    const NAME: &'static str = "nats_checkpoint";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] =
        &[&[ParameterType::Text], &[ParameterType::Text, ParameterType::Any]];

    fn returns() -> Type {
        Type::Varchar
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut streams = ByConnection::new();
        for row in 0..input.len() {
            let Some(stream) = input.text(0, row, "stream")? else { continue };
            check_stream(stream)?;
            streams.add(input, 1, row, stream.to_owned())?;
        }
        let texts = streams.ask(input.len(), None, take_all)?;
        let mut buffer = Buffer::new(&Type::Varchar);
        for text in texts {
            match text {
                Some(text) => buffer.push_bytes(text.as_bytes()),
                None => buffer.push_null(),
            }
        }
        Ok(buffer)
    }
}

fn take_all(connection: &Arc<Connection>, streams: Vec<String>) -> Result<Vec<Option<String>>> {
    streams.iter().map(|stream| Ok(Some(take_checkpoint(connection, stream)?.to_text()))).collect()
}
