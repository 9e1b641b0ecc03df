//! `nats_stream_ensure(stream, ...)`: a stream as wanted, whether it is there or not.

use std::sync::Arc;

use super::manage::{self, choice, count, ensured_row, limit, metadata, nanos};
use super::rows::{Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, ensure_stream};
use crate::plan::check_stream;
use crate::value::{Arguments, Parameter, ParameterType};

/// One row: `action` is 'created', 'updated' or 'unchanged'; `changed` names the fields of an update. What the call does
/// not name stays as it is.
pub struct NatsStreamEnsure;

pub struct Call {
    stream: String,
    wanted: Config,
}

impl SmallTable for NatsStreamEnsure {
    const NAME: &'static str = "nats_stream_ensure";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        use ParameterType::{Any, Boolean, Interval, Text};
        vec![
            Parameter::new("subjects", Any),
            Parameter::new("description", Text),
            Parameter::new("retention", Text),
            Parameter::new("storage", Text),
            Parameter::new("discard", Text),
            Parameter::new("compression", Text),
            Parameter::new("replicas", Any),
            Parameter::new("max_age", Interval),
            Parameter::new("max_bytes", Any),
            Parameter::new("max_msgs", Any),
            Parameter::new("max_msgs_per_subject", Any),
            Parameter::new("max_msg_size", Any),
            Parameter::new("max_consumers", Any),
            Parameter::new("duplicate_window", Interval),
            Parameter::new("allow_direct", Boolean),
            Parameter::new("allow_rollup", Boolean),
            Parameter::new("allow_atomic", Boolean),
            Parameter::new("allow_msg_ttl", Boolean),
            Parameter::new("deny_delete", Boolean),
            Parameter::new("deny_purge", Boolean),
            Parameter::new("metadata", Any),
        ]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("action", Type::Varchar), ("changed", Type::list(Type::Varchar))])
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let stream = arguments.required_text("stream")?;
        check_stream(stream)?;
        let wanted = Config::default()
            .with_some("subjects", manage::subjects(arguments, "subjects")?)
            .with_some("description", arguments.text("description")?)
            .with_some("retention", choice(arguments, "retention", &["limits", "interest", "workqueue"])?)
            .with_some("storage", choice(arguments, "storage", &["file", "memory"])?)
            .with_some("discard", choice(arguments, "discard", &["old", "new"])?)
            .with_some("compression", choice(arguments, "compression", &["none", "s2"])?)
            .with_some("num_replicas", count(arguments, "replicas")?)
            .with_some("max_age", nanos(arguments, "max_age")?)
            .with_some("max_bytes", limit(arguments, "max_bytes")?)
            .with_some("max_msgs", limit(arguments, "max_msgs")?)
            .with_some("max_msgs_per_subject", limit(arguments, "max_msgs_per_subject")?)
            .with_some("max_msg_size", limit(arguments, "max_msg_size")?)
            .with_some("max_consumers", limit(arguments, "max_consumers")?)
            .with_some("duplicate_window", nanos(arguments, "duplicate_window")?)
            .with_some("allow_direct", arguments.boolean("allow_direct")?)
            .with_some("allow_rollup_hdrs", arguments.boolean("allow_rollup")?)
            .with_some("allow_atomic", arguments.boolean("allow_atomic")?)
            .with_some("allow_msg_ttl", arguments.boolean("allow_msg_ttl")?)
            .with_some("deny_delete", arguments.boolean("deny_delete")?)
            .with_some("deny_purge", arguments.boolean("deny_purge")?)
            .with_some("metadata", metadata(arguments, "metadata")?);
        Ok(Call { stream: stream.to_owned(), wanted })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        // What another client sets when it is told nothing; Direct Get is what makes reading fast.
        let defaults = Config::default()
            .with("retention", "limits")
            .with("storage", "file")
            .with("discard", "old")
            .with("num_replicas", 1)
            .with("allow_direct", true);
        let ensured = ensure_stream(connection, &call.stream, &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.stream], ensured)])
    }
}
