//! `nats_object_stores()` and `nats_object_store_ensure(bucket, ...)`: the object stores of an account (ADR-20).

use std::sync::Arc;

use super::manage::{choice, count, ensured_row, limit, metadata, nanos};
use super::rows::{Cell, Row, SmallTable, columns, text_map};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, StreamInfo, ensure_stream, streams};
use crate::jetstream::object::{STREAM_PREFIX, store_stream};
use crate::plan::kv::check_bucket;
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
        let streams = streams(connection)?;
        Ok(streams.iter().filter_map(|info| Some(row(info.name.strip_prefix(STREAM_PREFIX)?, info))).collect())
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
        Cell::from(config.text("compression").is_some_and(|compression| compression != "none")),
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
        use ParameterType::{Any, Boolean, Interval, Text};
        vec![
            Parameter::new("description", Text),
            Parameter::new("ttl", Interval),
            Parameter::new("max_bytes", Any),
            Parameter::new("storage", Text),
            Parameter::new("replicas", Any),
            Parameter::new("compressed", Boolean),
            Parameter::new("metadata", Any),
        ]
    }

    fn columns() -> Vec<Column> {
        columns([("bucket", Type::Varchar), ("action", Type::Varchar), ("changed", Type::list(Type::Varchar))])
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let bucket = arguments.required_text("bucket")?;
        check_bucket(bucket)?;
        let compression = arguments.boolean("compressed")?.map(|compressed| if compressed { "s2" } else { "none" });
        let wanted = Config::default()
            .with_some("description", arguments.text("description")?)
            .with_some("max_age", nanos(arguments, "ttl")?)
            .with_some("max_bytes", limit(arguments, "max_bytes")?)
            .with_some("storage", choice(arguments, "storage", &["file", "memory"])?)
            .with_some("num_replicas", count(arguments, "replicas")?)
            .with_some("compression", compression)
            .with_some("metadata", metadata(arguments, "metadata")?);
        Ok(Call { bucket: bucket.to_owned(), wanted })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        // What makes a stream an object store (ADR-20).
        let subjects = [format!("$O.{}.C.>", call.bucket), format!("$O.{}.M.>", call.bucket)];
        let defaults = Config::default()
            .with("subjects", subjects.to_vec())
            .with("retention", "limits")
            .with("storage", "file")
            .with("discard", "new")
            .with("num_replicas", 1)
            .with("max_bytes", -1)
            .with("allow_rollup_hdrs", true)
            .with("allow_direct", true);
        let ensured = ensure_stream(connection, &store_stream(&call.bucket), &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.bucket], ensured)])
    }
}
