//! `nats_object_list(bucket)` and `nats_object_get(bucket, name)`: object stores.

use std::sync::Arc;

use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::object::{ObjectInfo, get_object, list_objects};
use crate::plan::kv::check_bucket;
use crate::value::{Arguments, Parameter, ParameterType};

fn bucket(arguments: &Arguments) -> Result<String> {
    let bucket = arguments.required_text("bucket")?;
    check_bucket(bucket)?;
    Ok(bucket.to_owned())
}

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
        bucket(arguments)
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
        Ok((bucket(arguments)?, arguments.required_text("name")?.to_owned()))
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
