//! The consumer behind a durable: made when it is absent, compared when it exists.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::info::{Config, Consumer, Info, info_call};
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{ErrorNumber, Failure};
use crate::jetstream::info_reply::{self, Details};
use crate::jetstream::look_up::look_up;
use crate::jetstream::runtime::block_on_read;
use crate::jetstream::time::{format_utc, parse_utc};
use crate::plan::Subjects;

/// The default of `ack_wait`: the time that the server waits for an acknowledgement before it delivers again.
const DEFAULT_ACK_WAIT: Duration = Duration::from_secs(30);
/// The default of `max_ack_pending`: the most messages that may be unacknowledged at once.
const DEFAULT_MAX_ACK_PENDING: i64 = 100_000;

/// The durable that a caller wants. A field that is None accepts any value of an existing consumer, and gives a new one the default: explicit acks,
/// all messages, `ack_wait` 30 s, `max_deliver` -1, `max_ack_pending` 100000.
#[derive(Debug, Clone)]
pub struct DurableOptions {
    /// The stream's name.
    pub stream: String,
    /// The consumer's name.
    pub durable: String,
    /// The subject filters; several need server 2.10. [`Subjects::ALL`] accepts the filters of an existing consumer, and makes a new consumer of the
    /// whole stream.
    pub subjects: Subjects,
    /// The place where a new consumer begins; None is the beginning of the stream, and accepts any start of an existing consumer.
    pub start: Option<DurableStart>,
    /// The time that the server waits for an acknowledgement.
    pub ack_wait: Option<Duration>,
    /// The most deliveries of a message; -1 for no limit.
    pub max_deliver: Option<i64>,
    /// The most messages that may be unacknowledged at once.
    pub max_ack_pending: Option<i64>,
    /// The number of messages that one call wants; the default of `max_ack_pending` is not below it.
    pub batch: Option<u64>,
}

impl DurableOptions {
    /// Whether a durable that is made with these options begins behind the stream's messages, or among the last of them.
    #[must_use]
    pub fn starts_at_the_end(&self) -> bool {
        matches!(&self.start, Some(DurableStart::Policy(policy)) if policy != "all")
    }
}

/// The place where a consumer begins: its deliver policy
/// (<https://docs.nats.io/nats-concepts/jetstream/consumers#deliverpolicy>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DurableStart {
    /// `all`, `new`, `last` or `last_per_subject`.
    Policy(String),
    /// With the first message of at least this sequence.
    Sequence(u64),
    /// With the first message stored at or after this time, in microseconds since 1970-01-01 UTC.
    Time(i64),
}

impl DurableStart {
    /// The policy as the server calls it, with its sequence and its time.
    fn policy(&self) -> (String, Option<u64>, Option<String>) {
        match self {
            Self::Policy(policy) => (policy.clone(), None, None),
            Self::Sequence(sequence) => ("by_start_sequence".into(), Some(*sequence), None),
            Self::Time(time) => ("by_start_time".into(), None, format_utc(*time)),
        }
    }
}

#[derive(Serialize)]
struct Create<'a> {
    stream_name: &'a str,
    config: Config,
    /// `create`: from server 2.10 on, an existing consumer is not changed.
    action: &'static str,
}

/// Makes sure that the durable exists as wanted. One or two round trips.
///
/// None when `known`, the time at which a consumer of that name was made, is not that of the existing one: the known consumer was deleted, and no
/// consumer was made in its place.
///
/// # Errors
/// The consumer exists with another configuration; the error names the differences.
pub(super) fn ensure(
    connection: &Arc<Connection>,
    options: &DurableOptions,
    known: Option<&str>,
) -> Result<Option<Consumer>> {
    block_on_read(async {
        let DurableOptions { stream, durable, .. } = options;
        let info_call = info_call(stream, durable);
        // The stream is looked at before a consumer is made: what a server does for that may change what it counts.
        let (mut info, began) = tokio::join!(
            look_up::<Info>(connection, &info_call, Bytes::new()),
            info_reply::ask(connection, stream, Details::None)
        );
        let mut call = info_call.clone();
        if info.as_ref().is_err_and(|failure| failure.is(ErrorNumber::CONSUMER_NOT_FOUND)) {
            if known.is_some() {
                return Ok(None);
            }
            call = format!("CONSUMER.CREATE.{stream}.{durable}");
            let request = Create { stream_name: stream, config: wanted(options), action: "create" };
            let body = serde_json::to_vec(&request)
                .map_err(|error| Error::foreign("consumer", &error).kind_or(Kind::Internal))?;
            info = look_up::<Info>(connection, &call, Bytes::from(body)).await;
            if matches!(info, Err(Failure::Api(_))) {
                // Another process may have made it between the two calls, with another configuration.
                let again = look_up::<Info>(connection, &info_call, Bytes::new()).await;
                info = again.or(info);
            }
        }
        let info = match info {
            Ok(info) => info,
            Err(failure) => return Err(connection.explain(failure, &call, stream).await),
        };
        let began = match began {
            Ok(reply) => Some(reply.stream_state()),
            Err(Failure::Forbidden) => None,
            Err(failure) => return Err(connection.explain(failure, &info_reply::call(stream), stream).await),
        };
        if known.is_some_and(|known| known != info.created) {
            return Ok(None);
        }
        let differences = differences(&info.config, options);
        if differences.is_empty() {
            return Ok(Some(info.consumer(began)));
        }
        Err(Error::of(
            Kind::Conflict,
            format!("the consumer '{durable}' exists with another configuration: {}", differences.join(", ")),
        )
        .stream(stream)
        .server(connection.label())
        .advice("use another durable name, the same parameters, or delete that consumer"))
    })
}

fn wanted(options: &DurableOptions) -> Config {
    let start = options.start.clone().unwrap_or(DurableStart::Policy("all".into()));
    let (deliver_policy, opt_start_seq, opt_start_time) = start.policy();
    let batch = options.batch.and_then(|batch| i64::try_from(batch).ok()).unwrap_or(0);
    Config {
        durable_name: Some(options.durable.clone()),
        deliver_subject: None,
        deliver_policy,
        opt_start_seq,
        opt_start_time,
        ack_policy: "explicit".into(),
        replay_policy: "instant".into(),
        ack_wait: options.ack_wait.unwrap_or(DEFAULT_ACK_WAIT).as_nanos() as u64,
        max_deliver: options.max_deliver.unwrap_or(-1),
        max_ack_pending: options.max_ack_pending.unwrap_or(DEFAULT_MAX_ACK_PENDING.max(batch)),
        filter_subject: options.subjects.single().map(str::to_owned),
        filter_subjects: match options.subjects.filters() {
            [_] => Vec::new(),
            several => several.to_vec(),
        },
        ..Config::default()
    }
}

/// The settings of an existing consumer that differ from the wanted ones, or that cannot be read soundly. Any deliver policy and
/// any number of filters can be read: the messages are given once and acknowledged one by one. Where the consumer begins is
/// compared when the caller names it.
fn differences(config: &Config, options: &DurableOptions) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |name: &str, is: String, wanted: String| {
        if is != wanted {
            differences.push(format!("{name} is {is}, not {wanted}"));
        }
    };
    let push = config.deliver_subject.as_ref().is_some_and(|subject| !subject.is_empty());
    differ("its kind", if push { "push" } else { "pull" }.into(), "pull".into());
    let ack_policy = match config.ack_policy.as_str() {
        // The server counts messages as acknowledged once it has delivered them: a statement that fails would lose them.
        "none" => "'none', which acknowledges what no table has".to_owned(),
        // One acknowledgement covers messages that other processes hold.
        "all" => "'all', which acknowledges what came before as well".to_owned(),
        other => other.to_owned(),
    };
    differ("ack_policy", ack_policy, "explicit".into());
    if let Some(start) = &options.start {
        let micros = |time: &String| parse_utc(time.as_bytes()).map(|nanos| nanos.div_euclid(1_000));
        let shown = |policy: &str, sequence: Option<u64>, time: Option<&String>| match (sequence, time) {
            (Some(sequence), _) if policy == "by_start_sequence" => format!("start_seq {sequence}"),
            (_, Some(time)) if policy == "by_start_time" => {
                format!("start_time {}", micros(time).and_then(format_utc).unwrap_or_else(|| time.clone()))
            }
            _ => policy.to_owned(),
        };
        let (policy, sequence, time) = start.policy();
        let is = shown(&config.deliver_policy, config.opt_start_seq, config.opt_start_time.as_ref());
        differ("where it begins", is, shown(&policy, sequence, time.as_ref()));
    }
    let priority = config.priority_policy.as_deref().filter(|policy| !policy.is_empty()).unwrap_or("none");
    differ("priority_policy", priority.into(), "none".into());
    differ("replay_policy", config.replay_policy.clone(), "instant".into());
    differ("headers_only", config.headers_only.to_string(), "false".into());
    if !options.subjects.is_all() {
        let shown = |subjects: &Subjects| {
            let mut filters: Vec<String> = subjects.filters().iter().map(|filter| format!("'{filter}'")).collect();
            filters.sort();
            if filters.is_empty() { "none".to_owned() } else { filters.join(", ") }
        };
        differ("the subject filter", shown(&config.subjects()), shown(&options.subjects));
    }
    if let Some(ack_wait) = options.ack_wait {
        let is = Duration::from_nanos(config.ack_wait);
        differ("ack_wait", format!("{is:?}"), format!("{ack_wait:?}"));
    }
    // The server writes -1 for a number that was left at 0.
    if let Some(max_deliver) = options.max_deliver {
        differ("max_deliver", config.max_deliver.to_string(), max_deliver.to_string());
    }
    if let Some(max_ack_pending) = options.max_ack_pending {
        differ("max_ack_pending", config.max_ack_pending.to_string(), max_ack_pending.to_string());
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> DurableOptions {
        DurableOptions {
            stream: "S".into(),
            durable: "d".into(),
            subjects: Subjects::ALL,
            start: None,
            ack_wait: None,
            max_deliver: None,
            max_ack_pending: None,
            batch: Some(7),
        }
    }

    #[test]
    fn what_was_made_is_what_was_wanted() {
        assert_eq!(differences(&wanted(&options()), &options()), Vec::<String>::new());
        let filtered = DurableOptions {
            subjects: "a.>".to_owned().into(),
            ack_wait: Some(Duration::from_secs(3)),
            max_deliver: Some(5),
            max_ack_pending: Some(10),
            ..options()
        };
        assert_eq!(differences(&wanted(&filtered), &filtered), Vec::<String>::new());
        let named = differences(&wanted(&options()), &filtered);
        assert_eq!(
            named,
            [
                "the subject filter is none, not 'a.>'",
                "ack_wait is 30s, not 3s",
                "max_deliver is -1, not 5",
                "max_ack_pending is 100000, not 10"
            ]
        );
    }
}
