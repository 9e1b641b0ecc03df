//! `nats_streams()` and `nats_stream_info([stream])`: the streams, with their configuration and state.

use std::sync::Arc;

use super::rows::{Cell, Row, SmallTable, columns, text_map};
use super::stream_names::{self, STREAM};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::admin::{StreamInfo, stream_info, streams};
use crate::plan::StreamNames;
use crate::value::{Arguments, Parameter};

/// One row a stream. A limit that is not set is NULL, as are the times of an empty stream.
fn stream_columns() -> Vec<Column> {
    columns([
        ("stream", Type::Varchar),
        ("subjects", Type::list(Type::Varchar)),
        ("description", Type::Varchar),
        ("created", Type::Timestamp),
        ("messages", Type::UBigInt),
        ("bytes", Type::UBigInt),
        ("first_seq", Type::UBigInt),
        ("last_seq", Type::UBigInt),
        ("first_time", Type::Timestamp),
        ("last_time", Type::Timestamp),
        ("num_subjects", Type::UBigInt),
        ("num_deleted", Type::UBigInt),
        ("consumers", Type::UBigInt),
        ("retention", Type::Varchar),
        ("storage", Type::Varchar),
        ("discard", Type::Varchar),
        ("replicas", Type::UBigInt),
        ("max_age", Type::Interval),
        ("max_bytes", Type::UBigInt),
        ("max_msgs", Type::UBigInt),
        ("max_msgs_per_subject", Type::UBigInt),
        ("max_msg_size", Type::UBigInt),
        ("duplicate_window", Type::Interval),
        ("allow_direct", Type::Boolean),
        ("allow_rollup", Type::Boolean),
        ("sealed", Type::Boolean),
        ("mirror", Type::Varchar),
        ("sources", Type::list(Type::Varchar)),
        ("metadata", text_map()),
        ("cluster", Type::Varchar),
        ("leader", Type::Varchar),
        ("config", Type::Json),
    ])
}

fn stream_row(info: &StreamInfo) -> Row {
    let StreamInfo { config, state, cluster, .. } = info;
    let sources = config.0.get("sources").and_then(|sources| sources.as_array());
    let source_names = sources.into_iter().flatten().filter_map(|source| source.get("name")?.as_str());
    vec![
        Cell::from(&info.name[..]),
        Cell::from(config.texts("subjects")),
        Cell::from(config.text("description")),
        Cell::time(info.created),
        Cell::from(state.count("messages")),
        Cell::from(state.count("bytes")),
        Cell::from(state.count("first_seq")),
        Cell::from(state.count("last_seq")),
        Cell::time(state.time("first_ts")),
        Cell::time(state.time("last_ts")),
        Cell::from(state.count("num_subjects")),
        Cell::from(state.count("num_deleted")),
        Cell::from(state.count("consumer_count")),
        Cell::from(config.text("retention")),
        Cell::from(config.text("storage")),
        Cell::from(config.text("discard")),
        Cell::from(config.count("num_replicas")),
        Cell::from(config.span("max_age")),
        Cell::from(config.limit("max_bytes")),
        Cell::from(config.limit("max_msgs")),
        Cell::from(config.limit("max_msgs_per_subject")),
        Cell::from(config.limit("max_msg_size")),
        Cell::from(config.span("duplicate_window")),
        Cell::from(config.flag("allow_direct")),
        Cell::from(config.flag("allow_rollup_hdrs")),
        Cell::from(config.flag("sealed")),
        Cell::from(config.object("mirror").text("name")),
        Cell::from(source_names.map(str::to_owned).collect::<Vec<_>>()),
        Cell::Pairs(config.pairs("metadata")),
        Cell::from(cluster.text("name")),
        Cell::from(cluster.text("leader")),
        Cell::from(config.json()),
    ]
}

pub struct NatsStreams;

impl SmallTable for NatsStreams {
    const NAME: &'static str = "nats_streams";
    type Call = ();

    fn columns() -> Vec<Column> {
        stream_columns()
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        Ok(streams(connection)?.iter().map(stream_row).collect())
    }
}

pub struct NatsStreamInfo;

impl SmallTable for NatsStreamInfo {
    const NAME: &'static str = "nats_stream_info";
    type Call = StreamNames;

    fn parameters() -> Vec<Parameter> {
        vec![STREAM]
    }

    const WITHOUT_PARAMETERS: bool = true;

    fn columns() -> Vec<Column> {
        stream_columns()
    }

    fn read(arguments: &Arguments) -> Result<StreamNames> {
        Ok(stream_names::read(arguments)?.unwrap_or_else(StreamNames::every))
    }

    fn rows(connection: &Arc<Connection>, names: &StreamNames) -> Result<Vec<Row>> {
        if *names == StreamNames::every() {
            return Ok(streams(connection)?.iter().map(stream_row).collect());
        }
        let names = stream_names::resolve(connection, names)?;
        names.iter().map(|stream| Ok(stream_row(&stream_info(connection, stream)?))).collect()
    }
}
