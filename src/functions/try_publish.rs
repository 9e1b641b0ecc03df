//! `nats_try_publish(subject, payload [, headers [, connection]])`: publishes each row, and answers for each whether it is stored.
//!
//! When a row of `nats_publish` fails its statement, the messages of earlier chunks are published, but the statement's marks of
//! them are undone. Here no row fails the statement, so that a table can hold for each row whether it is stored.

use super::by_connection::ByConnection;
use super::publish::{message, published_fields, push_members};
use crate::column::{Buffer, Field, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::publish::{PublishRequest, Published, try_publish};
use crate::value::{ParameterType, Value};

/// A STRUCT(stream, seq, duplicate, val, error) for each row.
pub struct NatsTryPublish;

/// The connections that could not be opened, by the argument that names them, so that each is tried once a chunk.
type Broken = Vec<(Value, Error)>;

impl ScalarFunction for NatsTryPublish {
    const NAME: &'static str = "nats_try_publish";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Any, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        let mut fields = published_fields();
        fields.push(Field { name: "error".to_owned(), ty: Type::Varchar });
        Type::Struct(fields)
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut messages = ByConnection::new();
        let mut broken = Broken::new();
        let mut faults = vec![None; input.len()];
        for (row, fault) in faults.iter_mut().enumerate() {
            *fault = add(&mut messages, &mut broken, input, row).err();
        }
        let unasked = Ok(Published::default());
        let answers =
            messages.ask(input.len(), unasked, |connection, messages| Ok(try_publish(connection, messages)))?;
        let mut buffer = Buffer::new(&Self::returns());
        for (answer, fault) in answers.into_iter().zip(faults) {
            push_outcome(&mut buffer, &fault.map_or(answer, Err));
        }
        Ok(buffer)
    }
}

/// The column of the connection.
const CONNECTION: usize = 3;

fn add(messages: &mut ByConnection<PublishRequest>, broken: &mut Broken, input: &dyn Input, row: usize) -> Result<()> {
    let message = message(input, row)?;
    let options = input.option(CONNECTION, row);
    if let Some((_, error)) = broken.iter().find(|(known, _)| *known == options) {
        return Err(error.clone());
    }
    messages.add(input, CONNECTION, row, message).inspect_err(|error| broken.push((options, error.clone())))
}

fn push_outcome(buffer: &mut Buffer, outcome: &Result<Published>) {
    if let Values::Struct(members) = &mut buffer.values {
        match outcome {
            Ok(published) => {
                push_members(members, published);
                members.iter_mut().skip(published_fields().len()).for_each(Buffer::push_null);
            }
            Err(error) => {
                let known = published_fields().len();
                members.iter_mut().take(known).for_each(Buffer::push_null);
                let text = format!("{error} [{}]", error.kind());
                members.iter_mut().skip(known).for_each(|member| member.push_bytes(text.as_bytes()));
            }
        }
    }
    buffer.valid.push(true);
}
