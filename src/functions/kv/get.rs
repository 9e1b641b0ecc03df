//! `nats_kv_get(bucket, key)`: as a table the entry, as a scalar its value.

use std::sync::Arc;

use super::entries::{entry_columns, entry_row};
use crate::column::{Buffer, Column, Type};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::functions::by_connection::ByConnection;
use crate::functions::rows::{Row, SmallTable};
use crate::jetstream::kv::get_keys;
use crate::jetstream::{Connection, get_messages};
use crate::plan::kv::{Operation, bucket_stream, check_bucket, check_key, key_subject};
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

/// One row: the entry of the key, or of one of its revisions; none when the key has no value.
pub struct Get;

pub struct Call {
    bucket: String,
    key: String,
    revision: Option<u64>,
}

impl SmallTable for Get {
    const NAME: &'static str = "nats_kv_get";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text), Parameter::new("key", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![Parameter::new("revision", ParameterType::Any)]
    }

    fn columns() -> Vec<Column> {
        entry_columns()
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let (bucket, key) = (arguments.required_text("bucket")?, arguments.required_text("key")?);
        check_bucket(bucket)?;
        check_key(key)?;
        let revision = arguments.unsigned("revision")?;
        Ok(Call { bucket: bucket.to_owned(), key: key.to_owned(), revision })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let found = match call.revision {
            None => get_keys(connection, &[(call.bucket.clone(), call.key.clone())])?,
            Some(revision) => {
                let stream = bucket_stream(&call.bucket);
                get_messages(connection, &stream, &[revision], true)?
            }
        };
        let subject = key_subject(&call.bucket, &call.key);
        // A sequence of the bucket may belong to another key.
        let entries = found.iter().flatten().filter(|record| record.subject == subject.as_bytes() && has_value(record));
        entries.map(|record| entry_row(&call.bucket, record)).collect()
    }
}

fn has_value(record: &Record) -> bool {
    Operation::of(&record.headers) == Operation::Put
}

/// The value alone, NULL when the key has none. The gets of a chunk are in flight together.
pub struct GetScalar;

impl ScalarFunction for GetScalar {
    const NAME: &'static str = "nats_kv_get";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] =
        &[&[ParameterType::Text, ParameterType::Text], &[ParameterType::Text, ParameterType::Text, ParameterType::Any]];

    fn returns() -> Type {
        Type::Blob
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut keys = ByConnection::new();
        for row in 0..input.len() {
            let (Some(bucket), Some(key)) = (input.bytes(0, row), input.bytes(1, row)) else { continue };
            let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Error::new("a name is not UTF-8"));
            let (bucket, key) = (utf8(bucket)?, utf8(key)?);
            check_bucket(bucket)?;
            check_key(key)?;
            keys.add(input, 2, row, (bucket.to_owned(), key.to_owned()))?;
        }
        let values = keys.ask(input.len(), None, |connection, keys| get_keys(connection, &keys))?;
        let mut buffer = Buffer::new(&Type::Blob);
        for value in values {
            match value.filter(has_value) {
                Some(record) => buffer.push_bytes(&record.payload),
                None => buffer.push_null(),
            }
        }
        Ok(buffer)
    }
}
