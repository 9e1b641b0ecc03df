//! `nats_object_list(bucket)`, `nats_object_get(bucket, name)`, the scalar `nats_object_put(bucket, name, data [, connection])`,
//! `nats_object_delete(bucket, name, confirm := true)`: the objects of a store.

use std::sync::Arc;

use super::by_connection::ByConnection;
use super::manage::{CONFIRM, check_confirmed, deleted_row};
use super::publish::payload;
use super::rows::{Cell, Row, SmallTable, columns, push};
use super::store;
use crate::column::{Buffer, Column, Field, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::jetstream::Connection;
use crate::jetstream::object::{ObjectInfo, delete_object, get_object, list_objects, put_object};
use crate::plan::kv::check_bucket;
use crate::value::{Arguments, Parameter, ParameterType};

/// One row an object, by name; deleted ones are left out.
pub struct NatsObjectList;

impl SmallTable for NatsObjectList {
    const NAME: &'static str = "nats_object_list";
    type Call = String;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn columns() -> Vec<Column> {
        columns([
            ("bucket", Type::Varchar),
            ("name", Type::Varchar),
            ("description", Type::Varchar),
            ("size", Type::UBigInt),
            ("chunks", Type::UBigInt),
            ("modified", Type::Timestamp),
            ("digest", Type::Varchar),
            ("link_bucket", Type::Varchar),
            ("link_name", Type::Varchar),
        ])
    }

    fn read(arguments: &Arguments) -> Result<String> {
        store::bucket(arguments)
    }

    fn rows(connection: &Arc<Connection>, bucket: &String) -> Result<Vec<Row>> {
        Ok(list_objects(connection, bucket)?.into_iter().map(|object| row(bucket, object)).collect())
    }
}

fn row(bucket: &str, object: ObjectInfo) -> Row {
    let link = object.link().cloned();
    vec![
        Cell::from(bucket),
        Cell::from(object.name),
        Cell::from(object.description.filter(|text| !text.is_empty())),
        Cell::from(object.size),
        Cell::from(object.chunks),
        Cell::Time(object.modified),
        Cell::from(object.digest.filter(|digest| !digest.is_empty())),
        Cell::from(link.as_ref().map(|link| link.bucket.clone())),
        Cell::from(link.and_then(|link| link.name)),
    ]
}

/// One row: the object with its bytes, whose digest is verified; none when there is no such object. Links are followed.
pub struct NatsObjectGet;

impl SmallTable for NatsObjectGet {
    const NAME: &'static str = "nats_object_get";
    type Call = (String, String);

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text), Parameter::new("name", ParameterType::Text)]
    }

    fn columns() -> Vec<Column> {
        columns([
            ("bucket", Type::Varchar),
            ("name", Type::Varchar),
            ("size", Type::UBigInt),
            ("modified", Type::Timestamp),
            ("data", Type::Blob),
        ])
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        Ok((store::bucket(arguments)?, arguments.required_text("name")?.to_owned()))
    }

    fn rows(connection: &Arc<Connection>, (bucket, name): &Self::Call) -> Result<Vec<Row>> {
        let found = get_object(connection, bucket, name)?;
        let row = |(object, bytes): (ObjectInfo, Vec<u8>)| {
            vec![
                Cell::from(&bucket[..]),
                Cell::from(&name[..]),
                Cell::from(object.size),
                Cell::Time(object.modified),
                Cell::Bytes(bytes.into()),
            ]
        };
        Ok(found.map(row).into_iter().collect())
    }
}

/// A STRUCT(size, chunks, digest) for each object that was written; NULL for a NULL name.
pub struct NatsObjectPut;

impl ScalarFunction for NatsObjectPut {
    const NAME: &'static str = "nats_object_put";
    const VOLATILE: bool = true;
    const SIGNATURES: &'static [ScalarSignature] = &[
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any],
        &[ParameterType::Text, ParameterType::Text, ParameterType::Any, ParameterType::Any],
    ];

    fn returns() -> Type {
        let field = |name: &str, ty| Field { name: name.to_owned(), ty };
        Type::Struct(vec![field("size", Type::UBigInt), field("chunks", Type::UBigInt), field("digest", Type::Varchar)])
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut objects = ByConnection::new();
        for row in 0..input.len() {
            let (Some(bucket), Some(name)) = (input.bytes(0, row), input.bytes(1, row)) else { continue };
            let utf8 = |bytes| std::str::from_utf8(bytes).map_err(|_| Error::new("a name is not UTF-8"));
            let (bucket, name) = (utf8(bucket)?, utf8(name)?);
            check_bucket(bucket)?;
            if name.is_empty() {
                return Err(Error::new("the object's name is empty"));
            }
            let data = payload(input, 2, row, "data")?;
            objects.add(input, 3, row, (bucket.to_owned(), name.to_owned(), data))?;
        }
        // One after the other: each holds its bytes once, and its chunks are in flight together.
        let put = objects.ask(input.len(), None, |connection, objects| {
            let put = objects.into_iter().map(|(bucket, name, data)| put_object(connection, &bucket, &name, data));
            put.map(|put| put.map(Some)).collect()
        })?;
        let mut size = Buffer::new(&Type::UBigInt);
        let mut chunks = Buffer::new(&Type::UBigInt);
        let mut digest = Buffer::new(&Type::Varchar);
        for put in &put {
            push(&mut size, &Cell::from(put.as_ref().map(|put| put.size)));
            push(&mut chunks, &Cell::from(put.as_ref().map(|put| put.chunks)));
            push(&mut digest, &Cell::from(put.as_ref().map(|put| put.digest.clone())));
        }
        let valid = put.iter().map(Option::is_some).collect();
        Ok(Buffer { valid, values: Values::Struct(vec![size, chunks, digest]) })
    }
}

/// One row: `action` is 'deleted', or 'absent' when there was no such object.
pub struct NatsObjectDelete;

impl SmallTable for NatsObjectDelete {
    const NAME: &'static str = "nats_object_delete";
    type Call = (String, String);

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text), Parameter::new("name", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![CONFIRM]
    }

    fn columns() -> Vec<Column> {
        columns([("bucket", Type::Varchar), ("name", Type::Varchar), ("action", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        let (bucket, name) = (store::bucket(arguments)?, arguments.required_text("name")?.to_owned());
        check_confirmed(arguments, &format!("the object '{name}' of the store '{bucket}'"))?;
        Ok((bucket, name))
    }

    fn rows(connection: &Arc<Connection>, (bucket, name): &Self::Call) -> Result<Vec<Row>> {
        Ok(vec![deleted_row(&[bucket, name], delete_object(connection, bucket, name)?)])
    }
}
