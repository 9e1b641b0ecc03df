//! The leader's reply to `STREAM.INFO`: the stream's configuration and state.
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats_api_reference> (schema `stream_info_response`).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::connection::Connection;
use super::failure::Failure;
use super::look_up::look_up;
use super::time::parse_utc;
use crate::error::Result;
use crate::plan::{Absent, Removal, SequenceSet, StreamState};

/// The details that the leader is asked for beside the state.
#[derive(Debug, Clone, Copy)]
pub(super) enum Details<'a> {
    /// Nothing.
    None,
    /// The list of deleted sequences, some 8 bytes each.
    Deleted,
    /// The number of messages of each subject of a filter.
    Subjects(&'a str),
}

/// The reply, as far as it is used.
#[derive(Debug, Deserialize)]
pub(super) struct InfoReply {
    pub config: Config,
    pub state: State,
    /// The stream's cluster, leader and replicas; None on a single server.
    #[serde(default)]
    pub cluster: Option<Cluster>,
    #[serde(default)]
    created: String,
    /// The server's clock; since server 2.10.
    #[serde(default)]
    ts: Option<String>,
}

/// The stream's configuration.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    subjects: Option<Vec<String>>,
    #[serde(default)]
    mirror: Option<IgnoredAny>,
    #[serde(default)]
    sources: Option<IgnoredAny>,
    #[serde(default)]
    subject_transform: Option<IgnoredAny>,
    #[serde(default)]
    pub allow_direct: bool,
    #[serde(default)]
    num_replicas: u32,
    #[serde(default)]
    allow_msg_ttl: bool,
    #[serde(default)]
    retention: String,
    #[serde(default)]
    discard: String,
    #[serde(default)]
    max_msgs: i64,
    #[serde(default)]
    max_bytes: i64,
    #[serde(default)]
    max_msgs_per_subject: i64,
    /// In nanoseconds.
    #[serde(default)]
    max_age: i64,
}

/// The state of the stream.
#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub first_seq: u64,
    pub last_seq: u64,
    pub messages: u64,
    #[serde(default)]
    pub num_deleted: u64,
    /// The deleted sequences, when they were asked for.
    #[serde(default)]
    pub deleted: Option<Vec<u64>>,
    /// The messages that the leader found missing in its storage when it started.
    #[serde(default)]
    pub lost: Option<Lost>,
    #[serde(default)]
    last_ts: String,
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Lost {
    #[serde(default)]
    pub msgs: Option<Vec<u64>>,
    #[serde(default)]
    pub bytes: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    #[serde(default)]
    pub leader: Option<String>,
    #[serde(default)]
    pub replicas: Option<Vec<Replica>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Replica {
    pub name: String,
}

/// The call, for [`Connection::explain`].
pub(super) fn call(stream: &str) -> String {
    format!("STREAM.INFO.{stream}")
}

/// Asks the stream's leader. One round trip; more when the connection breaks, or while there is no leader.
pub(super) async fn ask(
    connection: &Arc<Connection>,
    stream: &str,
    details: Details<'_>,
) -> std::result::Result<InfoReply, Failure> {
    let request = match details {
        Details::None => Bytes::new(),
        Details::Deleted => Bytes::from_static(br#"{"deleted_details":true}"#),
        Details::Subjects(filter) => json!({"subjects_filter": filter}).to_string().into(),
    };
    look_up(connection, &call(stream), request).await
}

/// As [`ask`]; a failure becomes an error that names the stream and the server.
pub(super) async fn ask_or_explain(
    connection: &Arc<Connection>,
    stream: &str,
    details: Details<'_>,
) -> Result<InfoReply> {
    match ask(connection, stream, details).await {
        Ok(reply) => Ok(reply),
        Err(failure) => Err(connection.explain(failure, &call(stream), stream).await),
    }
}

impl InfoReply {
    /// The state from which a read is planned.
    pub fn stream_state(&self) -> StreamState {
        StreamState {
            first: self.state.first_seq,
            last: self.state.last_seq,
            messages: self.state.messages,
            direct: Some(self.config.allow_direct),
            exact: true,
            created_ns: parse_utc(self.created.as_bytes()),
            // The zero time, year 1, cannot be counted in nanoseconds.
            last_time_ns: parse_utc(self.state.last_ts.as_bytes()),
            replicas: self.config.num_replicas.max(1),
            consumers_remove: matches!(self.config.retention.as_str(), "workqueue" | "interest"),
        }
    }

    /// The subjects that the stream captures, as filters; None where messages come into it in other ways, too: a mirror and
    /// sources take them from other streams, and a transform stores them under other subjects.
    pub fn captures(&self) -> Option<Vec<String>> {
        let config = &self.config;
        let alone = config.mirror.is_none() && config.sources.is_none() && config.subject_transform.is_none();
        config.subjects.clone().filter(|subjects| alone && !subjects.is_empty())
    }

    /// How the configuration removes messages.
    pub fn removal(&self) -> Removal {
        let config = &self.config;
        let keeps_all = config.discard == "new" || (config.max_msgs <= 0 && config.max_bytes <= 0);
        let clock = self.ts.as_ref().and_then(|ts| parse_utc(ts.as_bytes()));
        let expires = config.max_age > 0;
        Removal {
            by_newer: config.max_msgs_per_subject > 0,
            by_limit: !keeps_all
                || config.allow_msg_ttl
                || !matches!(config.retention.as_str(), "" | "limits")
                || (expires && clock.is_none()),
            before_ns: clock.filter(|_| expires).map(|clock| clock.saturating_sub(config.max_age)),
        }
    }

    /// The sequences that do not exist; the deleted ones must have been asked for.
    pub fn absent(&self) -> Absent {
        let mut deleted = self.state.deleted.clone().unwrap_or_default();
        deleted.sort_unstable();
        let mut sequences = SequenceSet::default();
        sequences.extend(deleted);
        Absent::new(self.state.first_seq, sequences)
    }

    /// The number of messages of the subjects that were asked for.
    pub fn messages_of_subjects(&self) -> u64 {
        self.state.subjects.iter().flatten().map(|(_, count)| count).sum()
    }
}
