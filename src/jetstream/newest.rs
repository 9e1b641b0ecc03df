//! The newest message of each of some known subjects, one request each, pipelined.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::access::Access;
use super::connection::Connection;
use super::exchange::{Ask, exchange};
use super::failure::Failure;
use super::get::count;
use super::info_reply::{self, Details};
use super::runtime::block_on_read;
use super::single::whole;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The newest message of each subject of a stream with its headers, in the order of the list; None where there is none. One
/// round trip for each stream, and one more where there is none.
///
/// A replica that has no message may be behind, so the leader is asked before it is believed, where the user may ask it. A
/// subject that has messages none of which can be given is an error.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream, [`Kind::Damaged`] for such a subject; those of any request.
pub fn last_messages(connection: &Arc<Connection>, places: &[(String, String)]) -> Result<Vec<Option<Record>>> {
    let mut by_stream: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, (stream, _)) in places.iter().enumerate() {
        by_stream.entry(stream).or_default().push(position);
    }
    let mut records: Vec<Option<Record>> = vec![None; places.len()];
    block_on_read(async {
        for (stream, positions) in by_stream {
            let subjects: Vec<&str> = positions.iter().map(|position| places[*position].1.as_str()).collect();
            for (position, record) in positions.iter().zip(newest(connection, stream, &subjects).await?) {
                records[*position] = record;
            }
        }
        Ok(())
    })
    .map_err(|error: Error| error.server(connection.label()))?;
    count(records.iter().flatten());
    Ok(records)
}

/// The newest message of each subject of one stream, as [`last_messages`] has them.
pub(super) async fn newest(
    connection: &Arc<Connection>,
    stream: &str,
    subjects: &[&str],
) -> Result<Vec<Option<Record>>> {
    let asks = subjects.iter().map(|subject| Ask::newest(Access::Direct, subject)).collect();
    let mut records: Vec<Option<Record>> = Vec::with_capacity(subjects.len());
    let (mut absent, mut refused) = (Vec::new(), false);
    for (position, answer) in exchange(connection, stream, asks, whole(true)).await?.into_iter().enumerate() {
        records.push(None);
        match answer {
            Ok(Some(record)) => records[position] = Some(record),
            Ok(None) => absent.push(position),
            Err(Failure::NoResponders) => {
                absent.push(position);
                refused = true;
            }
            Err(failure) => return Err(connection.explain(failure, &Access::Direct.call(stream), stream).await),
        }
    }
    let asks = absent.iter().map(|position| Ask::newest(Access::MsgGet, subjects[*position])).collect();
    let mut nowhere = Vec::new();
    for (position, answer) in absent.iter().zip(exchange(connection, stream, asks, whole(true)).await?) {
        match answer {
            Ok(Some(record)) => records[*position] = Some(record),
            Ok(None) => nowhere.push(*position),
            Err(Failure::Forbidden) if !refused => {}
            Err(failure) => return Err(connection.explain(failure, &Access::MsgGet.call(stream), stream).await),
        }
    }
    for position in nowhere {
        records[position] = look_again(connection, stream, subjects[position], true).await?;
    }
    Ok(records)
}

/// The newest message of a subject for which the leader had none at first; None when the leader counts none either. One round trip, and
/// two more where it counts some.
///
/// # Errors
/// [`Kind::Damaged`] when messages are counted and none can be given; those of any request.
pub(super) async fn look_again(
    connection: &Arc<Connection>,
    stream: &str,
    subject: &str,
    headers: bool,
) -> Result<Option<Record>> {
    if counted(connection, stream, subject).await? == 0 {
        return Ok(None);
    }
    // A message may have been stored since, or be found only now.
    let request = json!({"last_by_subj": subject}).to_string();
    match Access::MsgGet.ask(connection, stream, &request, headers).await {
        Ok(Some(record)) => return Ok(Some(record)),
        Ok(None) => {}
        Err(Failure::Forbidden) => return Ok(None),
        Err(failure) => return Err(connection.explain(failure, &Access::MsgGet.call(stream), stream).await),
    }
    if counted(connection, stream, subject).await? == 0 {
        return Ok(None);
    }
    Err(Error::of(
        Kind::Damaged,
        format!(
            "the server cannot give the newest message of subject '{subject}', which the stream counts: damaged where stored"
        ),
    )
    .stream(stream)
    .advice("restore the stream from a backup, or delete that message; FROM nats_scan(...) names its sequence"))
}

/// The number of messages of the subjects of a filter, from the leader; 0 where the user may not ask for it.
pub(super) async fn counted(connection: &Arc<Connection>, stream: &str, subject: &str) -> Result<u64> {
    match info_reply::ask(connection, stream, Details::Subjects(subject)).await {
        Ok(reply) => Ok(reply.messages_of_subjects()),
        Err(Failure::Forbidden) => Ok(0),
        Err(failure) => Err(connection.explain(failure, &info_reply::call(stream), stream).await),
    }
}
