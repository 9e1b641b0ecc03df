//! `nats_object_stores()` and `nats_object_store_ensure(bucket, ...)`: the object stores of an account (ADR-20).

use std::sync::Arc;

use super::manage::ensured_row;
use super::rows::{Cell, Row, SmallTable, columns, text_map};
use super::store;
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, StreamInfo, ensure_stream};
use crate::jetstream::object::{STREAM_PREFIX, store_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// One row a store.
pub struct NatsObjectStores;

impl SmallTable for NatsObjectStores {
    const NAME: &'static str = "nats_object_stores";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("bucket", Type::Varchar),
            ("description", Type::Varchar),
            ("created", Type::Timestamp),
            ("bytes", Type::UBigInt),
            ("ttl", Type::Interval),
            ("max_bytes", Type::UBigInt),
            ("storage", Type::Varchar),
            ("replicas", Type::UBigInt),
            ("compressed", Type::Boolean),
            ("sealed", Type::Boolean),
            ("last_time", Type::Timestamp),
            ("metadata", text_map()),
        ])
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        store::list(connection, STREAM_PREFIX, row)
    }
}

fn row(bucket: &str, info: &StreamInfo) -> Row {
    let StreamInfo { config, state, .. } = info;
    vec![
        Cell::from(bucket),
        Cell::from(config.text("description")),
        Cell::time(info.created),
        Cell::from(state.count("bytes")),
        Cell::from(config.span("max_age")),
        Cell::from(config.limit("max_bytes")),
        Cell::from(config.text("storage")),
        Cell::from(config.count("num_replicas")),
        Cell::from(store::is_compressed(config)),
        Cell::from(config.flag("sealed")),
        Cell::time(state.time("last_ts")),
        Cell::Pairs(config.pairs("metadata")),
    ]
}

/// One row: `action` is 'created', 'updated' or 'unchanged'.
pub struct NatsObjectStoreEnsure;

pub struct Call {
    bucket: String,
    wanted: Config,
}

impl SmallTable for NatsObjectStoreEnsure {
    const NAME: &'static str = "nats_object_store_ensure";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        store::parameters()
    }

    fn columns() -> Vec<Column> {
        store::ensured_columns()
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        Ok(Call { bucket: store::bucket(arguments)?, wanted: store::wanted(arguments)? })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        // These fields make a stream an object store (ADR-20).
        let subjects = vec![format!("$O.{}.C.>", call.bucket), format!("$O.{}.M.>", call.bucket)];
        let defaults = store::defaults(subjects);
        let ensured = ensure_stream(connection, &store_stream(&call.bucket), &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.bucket], ensured)])
    }
}
