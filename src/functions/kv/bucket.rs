//! `nats_kv_buckets()`, `nats_kv_bucket_ensure(bucket, ...)`, `nats_kv_bucket_delete(bucket, confirm := true)`.

use std::sync::Arc;
use std::time::Duration;

use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::functions::manage::{CONFIRM, check_confirmed, deleted_row, ensured_row, limit, nanos};
use crate::functions::rows::{Cell, Row, SmallTable, columns, text_map};
use crate::functions::store;
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, StreamInfo, delete_stream, ensure_stream};
use crate::plan::kv::{MAX_HISTORY, STREAM_PREFIX, bucket_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// The longest duplicate window of a bucket whose values expire (ADR-8).
const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);

/// One row a bucket.
pub struct Buckets;

impl SmallTable for Buckets {
    const NAME: &'static str = "nats_kv_buckets";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("bucket", Type::Varchar),
            ("description", Type::Varchar),
            ("created", Type::Timestamp),
            ("keys", Type::UBigInt),
            ("entries", Type::UBigInt),
            ("bytes", Type::UBigInt),
            ("history", Type::UBigInt),
            ("ttl", Type::Interval),
            ("limit_marker_ttl", Type::Interval),
            ("max_bytes", Type::UBigInt),
            ("max_value_size", Type::UBigInt),
            ("storage", Type::Varchar),
            ("replicas", Type::UBigInt),
            ("compressed", Type::Boolean),
            ("last_revision", Type::UBigInt),
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
        Cell::from(state.count("num_subjects")),
        Cell::from(state.count("messages")),
        Cell::from(state.count("bytes")),
        Cell::from(config.limit("max_msgs_per_subject")),
        Cell::from(config.span("max_age")),
        Cell::from(config.span("subject_delete_marker_ttl")),
        Cell::from(config.limit("max_bytes")),
        Cell::from(config.limit("max_msg_size")),
        Cell::from(config.text("storage")),
        Cell::from(config.count("num_replicas")),
        Cell::from(store::is_compressed(config)),
        Cell::from(state.count("last_seq")),
        Cell::time(state.time("last_ts")),
        Cell::Pairs(config.pairs("metadata")),
    ]
}

/// One row: `action` is 'created', 'updated' or 'unchanged'.
pub struct BucketEnsure;

pub struct Call {
    bucket: String,
    wanted: Config,
}

impl SmallTable for BucketEnsure {
    const NAME: &'static str = "nats_kv_bucket_ensure";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        let mut parameters = store::parameters();
        parameters.extend([
            Parameter::new("history", ParameterType::Any),
            Parameter::new("limit_marker_ttl", ParameterType::Interval),
            Parameter::new("max_value_size", ParameterType::Any),
        ]);
        parameters
    }

    fn columns() -> Vec<Column> {
        store::ensured_columns()
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let bucket = store::bucket(arguments)?;
        let history = arguments.unsigned("history")?;
        if history.is_some_and(|history| !(1..=MAX_HISTORY).contains(&history)) {
            return Err(Error::new(format!("history must be from 1 to {MAX_HISTORY}")));
        }
        let ttl = nanos(arguments, "ttl")?;
        let window = DUPLICATE_WINDOW.as_nanos() as u64;
        let marker = nanos(arguments, "limit_marker_ttl")?;
        let wanted = store::wanted(arguments)?
            .with_some("max_msgs_per_subject", history)
            .with_some("duplicate_window", ttl.map(|ttl| if ttl == 0 { window } else { ttl.min(window) }))
            .with_some("allow_msg_ttl", marker.filter(|marker| *marker > 0).map(|_| true))
            .with_some("subject_delete_marker_ttl", marker)
            .with_some("max_msg_size", limit(arguments, "max_value_size")?);
        Ok(Call { bucket, wanted })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        // These fields make a stream a bucket (ADR-8).
        let defaults = store::defaults(vec![format!("$KV.{}.>", call.bucket)])
            .with("max_msgs_per_subject", 1)
            .with("max_msgs", -1)
            .with("max_msg_size", -1)
            .with("max_consumers", -1)
            .with("deny_delete", true);
        let ensured = ensure_stream(connection, &bucket_stream(&call.bucket), &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.bucket], ensured)])
    }
}

/// One row: `action` is 'deleted', or 'absent' when there was no such bucket.
pub struct BucketDelete;

impl SmallTable for BucketDelete {
    const NAME: &'static str = "nats_kv_bucket_delete";
    type Call = String;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![CONFIRM]
    }

    fn columns() -> Vec<Column> {
        columns([("bucket", Type::Varchar), ("action", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<String> {
        let bucket = store::bucket(arguments)?;
        check_confirmed(arguments, &format!("the bucket '{bucket}' with all its keys"))?;
        Ok(bucket)
    }

    fn rows(connection: &Arc<Connection>, bucket: &String) -> Result<Vec<Row>> {
        Ok(vec![deleted_row(&[bucket], delete_stream(connection, &bucket_stream(bucket))?)])
    }
}
