//! Reads one message, or a few, each by a request of its own.

use std::sync::Arc;

use serde_json::json;

use super::access::Access;
use super::connection::Connection;
use super::exchange::{Ask, Asked, exchange};
use super::failure::Failure;
use super::wire::Want;
use crate::error::Result;
use crate::plan::Subjects;

/// All of a message; its headers where they are wanted.
pub(super) fn whole(headers: bool) -> Want {
    Want { subject: true, time: true, headers, payload: true }
}

impl Access {
    /// Sends one request for one message.
    pub(super) async fn ask(
        self,
        connection: &Arc<Connection>,
        stream: &str,
        request: &str,
        with_headers: bool,
    ) -> Asked {
        let ask = Ask::new(self, request.to_owned());
        let answers = exchange(connection, stream, vec![ask], whole(with_headers)).await;
        answers.map_err(Failure::Other)?.into_iter().next().unwrap_or(Ok(None))
    }
}

/// The first message at or after a sequence.
pub(super) async fn next_message(connection: &Arc<Connection>, access: Access, stream: &str, sequence: u64) -> Asked {
    access.ask(connection, stream, &next_from(sequence), false).await
}

/// The first message at or after each of some sequences, in their order. One round trip.
pub(super) async fn next_messages(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    sequences: &[u64],
) -> Result<Vec<Asked>> {
    let asks = sequences.iter().map(|sequence| Ask::new(access, next_from(*sequence))).collect();
    exchange(connection, stream, asks, whole(false)).await
}

/// The first message of each subject filter at or after a sequence, in the order of the filters. One round trip.
pub(super) async fn next_of_each(
    connection: &Arc<Connection>,
    access: Access,
    stream: &str,
    subjects: &Subjects,
    sequence: u64,
) -> Result<Vec<Asked>> {
    let every = [">".to_owned()];
    let filters = if subjects.is_all() { &every } else { subjects.filters() };
    let ask = |filter: &String| Ask::new(access, json!({"seq": sequence, "next_by_subj": filter}).to_string());
    exchange(connection, stream, filters.iter().map(ask).collect(), Want::default()).await
}

fn next_from(sequence: u64) -> String {
    format!(r#"{{"seq":{sequence},"next_by_subj":">"}}"#)
}
