//! `nats_stream_ensure(stream, ...)`: a stream as wanted, whether it is there or not.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::json_value::{self, object};
use super::manage::{self, CONFIG, choice, count, ensured_row, limit, metadata, nanos, with_config};
use super::rows::{Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, ensure_stream};
use crate::plan::check_stream;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// One row: `action` is 'created', 'updated' or 'unchanged'; `changed` names the fields of an update. A field that the call
/// does not name stays as it is.
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
            Parameter::new("mirror", Any),
            Parameter::new("sources", Any),
            Parameter::new("placement", Any),
            Parameter::new("republish", Any),
            Parameter::new("subject_transform", Any),
            Parameter::new("consumer_limits", Any),
            Parameter::new("first_seq", Any),
            Parameter::new("discard_new_per_subject", Boolean),
            Parameter::new("mirror_direct", Boolean),
            Parameter::new("allow_counter", Boolean),
            Parameter::new("allow_batched", Boolean),
            Parameter::new("allow_schedules", Boolean),
            Parameter::new("delete_marker_ttl", Interval),
            Parameter::new("persist_mode", Text),
            CONFIG,
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
            .with_some("metadata", metadata(arguments, "metadata")?)
            .with_some("mirror", origin(arguments, "mirror")?)
            .with_some("sources", origins(arguments, "sources")?)
            .with_some("placement", object(arguments, "placement")?)
            .with_some("republish", object(arguments, "republish")?)
            .with_some("subject_transform", object(arguments, "subject_transform")?)
            .with_some("consumer_limits", object(arguments, "consumer_limits")?)
            .with_some("first_seq", arguments.unsigned("first_seq")?)
            .with_some("discard_new_per_subject", arguments.boolean("discard_new_per_subject")?)
            .with_some("mirror_direct", arguments.boolean("mirror_direct")?)
            .with_some("allow_msg_counter", arguments.boolean("allow_counter")?)
            .with_some("allow_batched", arguments.boolean("allow_batched")?)
            .with_some("allow_msg_schedules", arguments.boolean("allow_schedules")?)
            .with_some("subject_delete_marker_ttl", nanos(arguments, "delete_marker_ttl")?)
            .with_some("persist_mode", choice(arguments, "persist_mode", &["default", "async"])?);
        Ok(Call { stream: stream.to_owned(), wanted: with_config(arguments, wanted, &["name"])? })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        // The defaults of other clients, and Direct Get, which makes reading fast.
        let defaults = Config::default()
            .with("retention", "limits")
            .with("storage", "file")
            .with("discard", "old")
            .with("num_replicas", 1)
            .with("allow_direct", true)
            .with_some("mirror_direct", call.wanted.0.contains_key("mirror").then_some(true));
        let ensured = ensure_stream(connection, &call.stream, &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.stream], ensured)])
    }
}

/// A stream to take messages from: its name, or the object that the server has for it.
fn origin(arguments: &Arguments, name: &str) -> Result<Option<Json>> {
    match arguments.find(name) {
        Some(Value::Text(text)) if !text.trim_start().starts_with('{') => {
            origin_of(name, &Json::from(&text[..])).map(Some)
        }
        _ => Ok(object(arguments, name)?.map(Json::Object)),
    }
}

/// Streams to take messages from: each as [`origin`] has it.
fn origins(arguments: &Arguments, name: &str) -> Result<Option<Json>> {
    match json_value::any(arguments, name)? {
        None => Ok(None),
        Some(Json::Array(items)) => {
            Ok(Some(Json::Array(items.iter().map(|item| origin_of(name, item)).collect::<Result<_>>()?)))
        }
        Some(_) => Err(Error::new(format!("{name} must be a list of streams")).advice(format!(
            "write {name} := ['A', 'B'], or a list of STRUCTs such as {{'name': 'A', 'filter_subject': 'a.>'}}"
        ))),
    }
}

fn origin_of(name: &str, item: &Json) -> Result<Json> {
    match item {
        Json::String(stream) => check_stream(stream).map(|()| json!({"name": stream})),
        Json::Object(members) if members.get("name").is_some_and(Json::is_string) => {
            Ok(Json::Object(Map::clone(members)))
        }
        _ => {
            Err(Error::new(format!("{name} names no stream")).advice("write its name, or a STRUCT with a member name"))
        }
    }
}
