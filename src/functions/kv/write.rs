//! `nats_kv_put`, `nats_kv_create`, `nats_kv_update`, `nats_kv_delete`, `nats_kv_purge`: scalars that write one entry a row
//! and return its revision.

use bytes::Bytes;

use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::functions::by_connection::ByConnection;
use crate::functions::publish::payload;
use crate::jetstream::kv::{KeyWrite, Write, write_keys};
use crate::plan::kv::{check_bucket, check_key};
use crate::value::{ParameterType, unsigned};

use ParameterType::{Any, Text};

/// `nats_kv_put(bucket, key, value [, connection])`.
pub struct Put;

impl ScalarFunction for Put {
    const NAME: &'static str = "nats_kv_put";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[Text, Text, Any], &[Text, Text, Any, Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        write(input, 3, |row| Ok((value(input, row)?, Write::Put)))
    }
}

/// `nats_kv_create(bucket, key, value [, connection])`: fails where the key has a value.
pub struct Create;

impl ScalarFunction for Create {
    const NAME: &'static str = "nats_kv_create";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[Text, Text, Any], &[Text, Text, Any, Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        write(input, 3, |row| Ok((value(input, row)?, Write::Create)))
    }
}

/// `nats_kv_update(bucket, key, value, revision [, connection])`: fails where the key is at another revision.
pub struct Update;

impl ScalarFunction for Update {
    const NAME: &'static str = "nats_kv_update";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[Text, Text, Any, Any], &[Text, Text, Any, Any, Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        write(input, 4, |row| Ok((value(input, row)?, Write::Update(unsigned("revision", &input.value(3, row)?)?))))
    }
}

/// `nats_kv_delete(bucket, key [, connection])`: the revision of the deletion; older ones stay.
pub struct Delete;

impl ScalarFunction for Delete {
    const NAME: &'static str = "nats_kv_delete";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[Text, Text], &[Text, Text, Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        write(input, 2, |_| Ok((Bytes::new(), Write::Delete)))
    }
}

/// `nats_kv_purge(bucket, key [, connection])`: the revision of the marker; older ones are removed.
pub struct Purge;

impl ScalarFunction for Purge {
    const NAME: &'static str = "nats_kv_purge";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[&[Text, Text], &[Text, Text, Any]];

    fn returns() -> Type {
        Type::UBigInt
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        write(input, 2, |_| Ok((Bytes::new(), Write::Purge)))
    }
}

fn value(input: &dyn Input, row: usize) -> Result<Bytes> {
    payload(input, 2, row, "value")
}

/// Reads every row, writes all of them, and answers with their revisions. `connection_column` is the place of the
/// connection argument.
fn write(
    input: &dyn Input,
    connection_column: usize,
    what: impl Fn(usize) -> Result<(Bytes, Write)>,
) -> Result<Buffer> {
    let mut writes = ByConnection::new();
    for row in 0..input.len() {
        let write = key_write(input, row, &what).map_err(|error| error.within(&format!("row {}", row + 1)))?;
        writes.add(input, connection_column, row, write)?;
    }
    let revisions = writes.ask(input.len(), 0, |connection, writes| write_keys(connection, &writes))?;
    Ok(Buffer { valid: vec![true; revisions.len()], values: Values::U64(revisions) })
}

fn key_write(input: &dyn Input, row: usize, what: &impl Fn(usize) -> Result<(Bytes, Write)>) -> Result<KeyWrite> {
    let text = |column, name: &str| input.text(column, row, name)?.ok_or_else(|| Error::new(format!("{name} is NULL")));
    let (bucket, key) = (text(0, "bucket")?, text(1, "key")?);
    check_bucket(bucket)?;
    check_key(key)?;
    let (value, write) = what(row)?;
    Ok(KeyWrite { bucket: bucket.to_owned(), key: key.to_owned(), value, write })
}
