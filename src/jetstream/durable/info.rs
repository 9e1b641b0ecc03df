//! The server's description of a durable's consumer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{ErrorNumber, Failure};
use crate::jetstream::look_up;
use crate::jetstream::runtime::block_on_read;
use crate::plan::{Progress, StreamState, Subjects};

/// A consumer as it was found or made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consumer {
    /// When it was made, as the server writes it: another consumer of the same name has another time.
    pub(super) created: String,
    /// The time that the server waits for an acknowledgement.
    pub(super) ack_wait: Duration,
    /// The most deliveries of a message; None for no limit.
    pub(super) max_deliver: Option<u64>,
    /// Its subject filters.
    pub(super) subjects: Subjects,
    /// What its pulls depend on.
    pub(super) pulls: PullConditions,
    /// The state of its stream before any pull; None for a user who may not ask for it.
    pub(super) stream: Option<StreamState>,
}

/// What the pulls of a consumer depend on, when a statement begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullConditions {
    /// The limits of one pull.
    pub(super) limits: RequestLimits,
    /// How many deliveries it has made, by its own count.
    pub(super) delivered: u64,
    /// Whether other servers hold it too.
    pub(super) is_replicated: bool,
}

/// The limits of one pull of a consumer, by its configuration; None is no limit (ADR-13).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RequestLimits {
    /// Messages (`max_batch`).
    pub(super) messages: Option<u64>,
    /// Bytes (`max_bytes`).
    pub(super) bytes: Option<u64>,
    /// The longest wait (`max_expires`).
    pub(super) wait: Option<Duration>,
}

/// Where a durable stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Every message below this sequence is acknowledged, or does not match its filters.
    pub next: u64,
    /// Its subject filters.
    pub subjects: Subjects,
}

/// A place in the stream, and in the consumer's own count of its deliveries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Position {
    pub stream_seq: u64,
    pub consumer_seq: u64,
}

/// The reply to `CONSUMER.INFO` and `CONSUMER.CREATE`.
#[derive(Deserialize)]
pub(super) struct Info {
    #[serde(default)]
    pub created: String,
    #[serde(default)]
    pub num_ack_pending: i64,
    /// The number of messages that match and were not delivered, by the consumer's server.
    #[serde(default)]
    pub num_pending: u64,
    /// The number of open pulls.
    #[serde(default)]
    pub num_waiting: i64,
    #[serde(default)]
    pub delivered: Position,
    #[serde(default)]
    pub ack_floor: Position,
    #[serde(default)]
    pub cluster: Cluster,
    pub config: Config,
}

/// The servers that hold a consumer.
#[derive(Default, Deserialize)]
pub(super) struct Cluster {
    /// Those beside its leader.
    #[serde(default)]
    pub replicas: Vec<serde::de::IgnoredAny>,
}

impl Info {
    pub fn consumer(self, stream: Option<StreamState>) -> Consumer {
        Consumer {
            stream,
            created: self.created,
            ack_wait: Duration::from_nanos(self.config.ack_wait),
            max_deliver: positive(self.config.max_deliver),
            pulls: PullConditions {
                limits: RequestLimits {
                    messages: positive(self.config.max_batch),
                    bytes: positive(self.config.max_bytes),
                    wait: positive(self.config.max_expires).map(Duration::from_nanos),
                },
                delivered: self.delivered.consumer_seq,
                is_replicated: !self.cluster.replicas.is_empty(),
            },
            subjects: self.config.subjects(),
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            delivered: self.delivered.stream_seq,
            ack_floor: self.ack_floor.stream_seq,
            ack_pending: u64::try_from(self.num_ack_pending).unwrap_or(0),
        }
    }
}

/// A limit as the API writes it: 0 and -1 are none.
fn positive(limit: i64) -> Option<u64> {
    u64::try_from(limit).ok().filter(|limit| *limit > 0)
}

/// The configuration of a consumer, as the API writes it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Config {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durable_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_subject: Option<String>,
    pub deliver_policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_start_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_start_time: Option<String>,
    pub ack_policy: String,
    pub replay_policy: String,
    /// Nanoseconds.
    pub ack_wait: u64,
    pub max_deliver: i64,
    pub max_ack_pending: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_subject: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filter_subjects: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub headers_only: bool,
    #[serde(skip_serializing)]
    pub priority_policy: Option<String>,
    #[serde(skip_serializing)]
    pub max_batch: i64,
    #[serde(skip_serializing)]
    pub max_bytes: i64,
    /// Nanoseconds.
    #[serde(skip_serializing)]
    pub max_expires: i64,
}

impl Config {
    pub fn subjects(&self) -> Subjects {
        let one = self.filter_subject.iter().filter(|filter| !filter.is_empty());
        let all: Vec<&String> = one.chain(&self.filter_subjects).collect();
        Subjects::new(&all).unwrap_or_default()
    }

    /// Whether first deliveries are in the stream's order, so that nothing below the last one is still to come.
    pub fn delivers_in_order(&self) -> bool {
        self.deliver_policy != "last_per_subject"
    }
}

/// The request for it.
pub(super) fn info_call(stream: &str, durable: &str) -> String {
    format!("CONSUMER.INFO.{stream}.{durable}")
}

/// Asks the server for the consumer; None when there is no such consumer. One round trip.
///
/// # Errors
/// There is no such stream; those of any request.
pub(super) async fn look_up(connection: &Arc<Connection>, stream: &str, durable: &str) -> Result<Option<Info>> {
    let call = info_call(stream, durable);
    match look_up::look_up::<Info>(connection, &call, Bytes::new()).await {
        Ok(info) => Ok(Some(info)),
        Err(failure) if failure.is(ErrorNumber::CONSUMER_NOT_FOUND) => Ok(None),
        Err(failure) => Err(connection.explain(failure, &call, stream).await),
    }
}

/// The progress of the consumer that was made at the time `created`; None when it does not exist any more. One round trip.
pub(super) async fn progress(
    connection: &Arc<Connection>,
    stream: &str,
    durable: &str,
    created: &str,
) -> Result<Option<Progress>> {
    let call = info_call(stream, durable);
    match look_up::look_up::<Info>(connection, &call, Bytes::new()).await {
        Ok(info) => Ok((info.created == created).then(|| info.progress())),
        Err(failure) if not_found(&failure) => Ok(None),
        Err(failure) => Err(connection.explain(failure, &call, stream).await),
    }
}

/// The position of a durable; None when there is no such consumer. One round trip.
///
/// # Errors
/// There is no such stream; those of any request.
pub fn standing(connection: &Arc<Connection>, stream: &str, durable: &str) -> Result<Option<Standing>> {
    let info = block_on_read(look_up(connection, stream, durable))?;
    Ok(info.map(|info| Standing { next: info.ack_floor.stream_seq + 1, subjects: info.config.subjects() }))
}

/// What a consumer has sent, by its own count, and whether it sends more.
pub(super) struct Deliveries {
    /// The number of deliveries that it has made.
    pub made: u64,
    /// Whether `max_ack_pending` messages are unacknowledged: then the server sends no new one, and no status either.
    pub is_full: bool,
    /// Whether no pull is open, of any reader.
    pub is_idle: bool,
}

/// Asks the server for it. One round trip; None without an answer.
pub(super) async fn deliveries(connection: &Arc<Connection>, stream: &str, durable: &str) -> Option<Deliveries> {
    let info = connection.api::<Info>(&info_call(stream, durable), Bytes::new()).await.ok()?;
    Some(Deliveries {
        made: info.delivered.consumer_seq,
        is_full: info.config.max_ack_pending > 0 && info.num_ack_pending >= info.config.max_ack_pending,
        is_idle: info.num_waiting == 0,
    })
}

/// The consumer or its stream does not exist.
fn not_found(failure: &Failure) -> bool {
    failure.is(ErrorNumber::CONSUMER_NOT_FOUND) || failure.is(ErrorNumber::STREAM_NOT_FOUND)
}
