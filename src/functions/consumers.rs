//! `nats_consumers([stream])`: the consumers of a stream, or of all streams, each with its position and the number of messages that are left.

use std::sync::Arc;

use super::rows::{Cell, Row, SmallTable, columns, text_map};
use super::stream_names::{self, STREAM};
use crate::column::{Column, Type};
use crate::error::{Kind, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::{ConsumerInfo, consumers};
use crate::plan::StreamNames;
use crate::value::{Arguments, Parameter};

/// One row a consumer. A limit that is not set is NULL, and so is the time of an event that did not happen yet.
pub struct NatsConsumers;

impl SmallTable for NatsConsumers {
    const NAME: &'static str = "nats_consumers";
    type Call = StreamNames;

    fn parameters() -> Vec<Parameter> {
        vec![STREAM]
    }

    const WITHOUT_PARAMETERS: bool = true;

    fn columns() -> Vec<Column> {
        columns([
            ("stream", Type::Varchar),
            ("name", Type::Varchar),
            ("description", Type::Varchar),
            ("created", Type::Timestamp),
            ("durable", Type::Boolean),
            ("pull", Type::Boolean),
            ("num_pending", Type::UBigInt),
            ("num_ack_pending", Type::UBigInt),
            ("num_redelivered", Type::UBigInt),
            ("num_waiting", Type::UBigInt),
            ("delivered_seq", Type::UBigInt),
            ("delivered_count", Type::UBigInt),
            ("last_delivered", Type::Timestamp),
            ("ack_floor_seq", Type::UBigInt),
            ("ack_floor_count", Type::UBigInt),
            ("last_acked", Type::Timestamp),
            ("filter_subjects", Type::list(Type::Varchar)),
            ("deliver_policy", Type::Varchar),
            ("ack_policy", Type::Varchar),
            ("ack_wait", Type::Interval),
            ("max_deliver", Type::UBigInt),
            ("max_ack_pending", Type::UBigInt),
            ("inactive_threshold", Type::Interval),
            ("paused", Type::Boolean),
            ("metadata", text_map()),
            ("config", Type::Json),
        ])
    }

    fn read(arguments: &Arguments) -> Result<StreamNames> {
        Ok(stream_names::read(arguments)?.unwrap_or_else(StreamNames::every))
    }

    fn rows(connection: &Arc<Connection>, names: &StreamNames) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for stream in stream_names::resolve(connection, names)? {
            match consumers(connection, &stream) {
                Ok(found) => rows.extend(found.iter().map(|consumer| row(&stream, consumer))),
                // Deleted since the streams were listed.
                Err(error) if error.kind() == Kind::NotFound && names.has_patterns() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }
}

fn row(stream: &str, consumer: &ConsumerInfo) -> Row {
    let ConsumerInfo { config, state, delivered, ack_floor, .. } = consumer;
    let mut filters = config.texts("filter_subjects");
    filters.extend(config.text("filter_subject"));
    vec![
        Cell::from(stream),
        Cell::from(&consumer.name[..]),
        Cell::from(config.text("description")),
        Cell::time(state.time("created")),
        Cell::from(config.text("durable_name").is_some()),
        Cell::from(config.text("deliver_subject").is_none()),
        Cell::from(state.count("num_pending")),
        Cell::from(state.count("num_ack_pending")),
        Cell::from(state.count("num_redelivered")),
        Cell::from(state.count("num_waiting")),
        Cell::from(delivered.stream_seq),
        Cell::from(delivered.consumer_seq),
        Cell::time(delivered.last_active),
        Cell::from(ack_floor.stream_seq),
        Cell::from(ack_floor.consumer_seq),
        Cell::time(ack_floor.last_active),
        Cell::from(filters),
        Cell::from(config.text("deliver_policy")),
        Cell::from(config.text("ack_policy")),
        Cell::from(config.span("ack_wait")),
        Cell::from(config.limit("max_deliver")),
        Cell::from(config.limit("max_ack_pending")),
        Cell::from(config.span("inactive_threshold")),
        Cell::from(state.flag("paused")),
        Cell::Pairs(config.pairs("metadata")),
        Cell::from(config.json()),
    ]
}
