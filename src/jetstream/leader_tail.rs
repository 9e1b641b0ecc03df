//! Checks whether the replica that answered was behind.
//!
//! Any replica answers Direct Get, and so may a mirror of the stream; a replica that lags answers with the messages that it has. So the leader is
//! asked first for the newest message, and an answer counts when it holds that one: replicas store messages in order, so a replica that has it has
//! every message before it.

use std::sync::Arc;

use serde_json::json;

use super::access::Access;
use super::connection::Connection;
use super::failure::Failure;
use super::runtime::block_on_read;
use super::single::next_message;
use super::state::stream_state;
use crate::error::Result;
use crate::record::Record;

/// The newest message of a stream, from its leader.
#[derive(Debug, Clone)]
pub(super) struct LeaderTail {
    pub subject: String,
    pub sequence: u64,
}

impl LeaderTail {
    /// The newest message up to a sequence, or of all. None where there is none, and where the user may not ask the
    /// leader. One round trip, where that message was not deleted; else about 2 log2(size of the hole).
    pub fn find(connection: &Arc<Connection>, stream: &str, up_to: Option<u64>) -> Result<Option<Self>> {
        let Some(up_to) = up_to else {
            let newest = block_on_read(async {
                let request = json!({"last_by_subj": ">"}).to_string();
                told(connection, stream, Access::MsgGet.ask(connection, stream, &request, false).await).await
            })?;
            return match newest {
                None => Ok(None),
                Some(Some(record)) => Ok(Self::of(&record)),
                // There is no message, or the last one was deleted.
                Some(None) => match stream_state(connection, stream)? {
                    state if state.messages == 0 => Ok(None),
                    state => Self::find(connection, stream, Some(state.last)),
                },
            };
        };
        let newest = block_on_read(async {
            told(connection, stream, newest_up_to(connection, Access::MsgGet, stream, up_to).await).await
        })?;
        Ok(newest.flatten().and_then(|record| Self::of(&record)))
    }

    fn of(record: &Record) -> Option<Self> {
        let subject = std::str::from_utf8(&record.subject).ok()?.to_owned();
        Some(Self { subject, sequence: record.sequence })
    }

    /// Whether the message, or a newer one of its subject, is among these.
    pub fn is_in<'a>(&self, mut records: impl Iterator<Item = &'a Record>) -> bool {
        records.any(|record| record.sequence >= self.sequence && record.subject == self.subject.as_bytes())
    }
}

/// The leader's answer; None where the user may not ask it.
async fn told<T>(
    connection: &Arc<Connection>,
    stream: &str,
    answer: std::result::Result<T, Failure>,
) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Failure::Forbidden) => Ok(None),
        Err(failure) => Err(connection.explain(failure, &Access::MsgGet.call(stream), stream).await),
    }
}

/// The last message at or before a sequence: that with the sequence, or the one before the hole that it lies in.
pub(super) async fn newest_up_to(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    up_to: u64,
) -> std::result::Result<Option<Record>, Failure> {
    let from = async |sequence: u64| {
        let next = next_message(connection, access, stream, sequence).await?;
        Ok(next.filter(|record| record.sequence <= up_to))
    };
    // From `hole` to `up_to` there is nothing.
    let (mut hole, mut step) = (up_to.saturating_add(1), 0_u64);
    let mut found = loop {
        let probe = up_to.saturating_sub(step).max(1);
        match from(probe).await? {
            Some(record) => break record,
            None if probe == 1 => return Ok(None),
            None => hole = probe,
        }
        step = step.saturating_mul(2).saturating_add(1);
    };
    while hole - found.sequence > 1 {
        let middle = found.sequence + (hole - found.sequence) / 2;
        match from(middle).await? {
            Some(record) => found = record,
            None => hole = middle,
        }
    }
    Ok(Some(found))
}
