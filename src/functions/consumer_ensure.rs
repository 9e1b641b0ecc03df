//! `nats_consumer_ensure(stream, durable, ...)` and `nats_consumer_delete(stream, durable, confirm := true)`: durable pull
//! consumers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::manage::{
    CONFIG, CONFIRM, check_confirmed, choice, count, deleted_row, ensured_row, limit, metadata, nanos, subjects,
    with_config,
};
use super::rows::{Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::{Config, delete_consumer, ensure_consumer};
use crate::jetstream::utc_text;
use crate::plan::{check_consumer, check_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// The stream and the consumer that a call names.
///
/// # Errors
/// An argument is missing, or no name of a stream or a durable.
pub fn place(arguments: &Arguments) -> Result<(String, String)> {
    let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
    check_stream(stream)?;
    check_consumer(durable)?;
    Ok((stream.to_owned(), durable.to_owned()))
}

pub fn place_parameters() -> Vec<Parameter> {
    vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
}

/// One row: `action` is 'created', 'updated' or 'unchanged'; `changed` names the fields of an update.
pub struct NatsConsumerEnsure;

pub struct Call {
    stream: String,
    durable: String,
    wanted: Config,
}

impl SmallTable for NatsConsumerEnsure {
    const NAME: &'static str = "nats_consumer_ensure";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        place_parameters()
    }

    fn named() -> Vec<Parameter> {
        use ParameterType::{Any, Boolean, Interval, Text, TextList};
        vec![
            Parameter::new("subject", Any),
            Parameter::new("description", Text),
            Parameter::new("deliver_policy", Text),
            Parameter::new("start_seq", Any),
            Parameter::new("start_time", Any),
            Parameter::new("ack_policy", Text),
            Parameter::new("ack_wait", Interval),
            Parameter::new("max_deliver", Any),
            Parameter::new("max_ack_pending", Any),
            Parameter::new("max_waiting", Any),
            Parameter::new("inactive_threshold", Interval),
            Parameter::new("replicas", Any),
            Parameter::new("metadata", Any),
            Parameter::new("backoff", Any),
            Parameter::new("headers_only", Boolean),
            Parameter::new("memory_storage", Boolean),
            Parameter::new("replay_policy", Text),
            Parameter::new("pause_until", Any),
            Parameter::new("priority_policy", Text),
            Parameter::new("priority_groups", TextList),
            Parameter::new("priority_timeout", Interval),
            CONFIG,
        ]
    }

    fn columns() -> Vec<Column> {
        columns([
            ("stream", Type::Varchar),
            ("name", Type::Varchar),
            ("action", Type::Varchar),
            ("changed", Type::list(Type::Varchar)),
        ])
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let (stream, durable) = place(arguments)?;
        let mut wanted = Config::default()
            .with_some("description", arguments.text("description")?)
            .with_some("ack_policy", choice(arguments, "ack_policy", &["explicit", "all", "none"])?)
            .with_some("ack_wait", nanos(arguments, "ack_wait")?)
            .with_some("max_deliver", limit(arguments, "max_deliver")?)
            .with_some("max_ack_pending", limit(arguments, "max_ack_pending")?)
            .with_some("max_waiting", count(arguments, "max_waiting")?)
            .with_some("inactive_threshold", nanos(arguments, "inactive_threshold")?)
            .with_some("num_replicas", count(arguments, "replicas")?)
            .with_some("metadata", metadata(arguments, "metadata")?)
            .with_some("backoff", backoff(arguments)?)
            .with_some("headers_only", arguments.boolean("headers_only")?)
            .with_some("mem_storage", arguments.boolean("memory_storage")?)
            .with_some("replay_policy", choice(arguments, "replay_policy", &["instant", "original"])?)
            .with_some("pause_until", arguments.moment("pause_until")?.map(moment_text).transpose()?)
            .with_some("priority_policy", choice(arguments, "priority_policy", &PRIORITY_POLICIES)?)
            .with_some("priority_groups", arguments.texts("priority_groups")?)
            .with_some("priority_timeout", nanos(arguments, "priority_timeout")?);
        // One filter and several are two fields of the API; the other is emptied, so that a change of number works.
        wanted = match subjects(arguments, "subject")?.as_deref() {
            None => wanted,
            Some([one]) => wanted.with("filter_subject", &one[..]).with("filter_subjects", json!([])),
            Some(several) => wanted.with("filter_subjects", several).with("filter_subject", ""),
        };
        let wanted = with_config(arguments, start(arguments, wanted)?, &["name", "durable_name", "deliver_subject"])?;
        Ok(Call { stream, durable, wanted })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let defaults = Config::default()
            .with("ack_policy", "explicit")
            .with("deliver_policy", "all")
            .with("replay_policy", "instant")
            .with("max_deliver", -1);
        let ensured = ensure_consumer(connection, &call.stream, &call.durable, &call.wanted, &defaults)?;
        Ok(vec![ensured_row(&[&call.stream, &call.durable], ensured)])
    }
}

/// The rule by which a member of a priority group is chosen (ADR-42): all are equal, those with a large enough demand, one that is pinned, or by a
/// number.
const PRIORITY_POLICIES: [&str; 4] = ["none", "overflow", "pinned_client", "prioritized"];

/// The pauses before a message is delivered again, in nanoseconds.
fn backoff(arguments: &Arguments) -> Result<Option<Vec<u64>>> {
    let nanos = |pause: &Duration| u64::try_from(pause.as_nanos()).ok().filter(|nanos| i64::try_from(*nanos).is_ok());
    let Some(pauses) = arguments.durations("backoff")? else { return Ok(None) };
    let nanos: Option<Vec<u64>> = pauses.iter().map(nanos).collect();
    nanos.map(Some).ok_or_else(|| Error::new("backoff must be at most 292 years"))
}

fn moment_text(micros: i64) -> Result<String> {
    utc_text(micros).ok_or_else(|| Error::new("a time is outside the years 0 to 9999"))
}

/// The place where the consumer starts.
fn start(arguments: &Arguments, wanted: Config) -> Result<Config> {
    let policies = ["all", "new", "last", "last_per_subject"];
    let policy = choice(arguments, "deliver_policy", &policies)?;
    let (sequence, time) = (arguments.unsigned("start_seq")?, arguments.moment("start_time")?);
    if usize::from(policy.is_some()) + usize::from(sequence.is_some()) + usize::from(time.is_some()) > 1 {
        return Err(Error::new("deliver_policy, start_seq and start_time each say where to start").advice("give one"));
    }
    if let Some(sequence) = sequence {
        return Ok(wanted.with("deliver_policy", "by_start_sequence").with("opt_start_seq", sequence));
    }
    if let Some(time) = time {
        return Ok(wanted.with("deliver_policy", "by_start_time").with("opt_start_time", moment_text(time)?));
    }
    Ok(wanted.with_some("deliver_policy", policy))
}

/// One row: `action` is 'deleted', or 'absent' when there was no such consumer.
pub struct NatsConsumerDelete;

impl SmallTable for NatsConsumerDelete {
    const NAME: &'static str = "nats_consumer_delete";
    type Call = (String, String);

    fn parameters() -> Vec<Parameter> {
        place_parameters()
    }

    fn named() -> Vec<Parameter> {
        vec![CONFIRM]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("name", Type::Varchar), ("action", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<Self::Call> {
        let (stream, durable) = place(arguments)?;
        check_confirmed(arguments, &format!("the consumer '{durable}' of the stream '{stream}', with its position"))?;
        Ok((stream, durable))
    }

    fn rows(connection: &Arc<Connection>, (stream, durable): &Self::Call) -> Result<Vec<Row>> {
        Ok(vec![deleted_row(&[stream, durable], delete_consumer(connection, stream, durable)?)])
    }
}
