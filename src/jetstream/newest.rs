//! The newest message of each of some known subjects, one request each, pipelined.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::json;

use super::connection::Connection;
use super::failure::Failure;
use super::get::{Access, count};
use super::runtime::block_on;
use crate::error::{Error, Result};
use crate::plan::Reply;
use crate::record::Record;

/// How many requests are in flight at once.
const IN_FLIGHT: usize = 256;

/// The newest message of each subject of a stream with its headers, in the order of the list; None where there is none.
pub(super) fn last_messages(connection: &Arc<Connection>, places: &[(String, String)]) -> Result<Vec<Option<Record>>> {
    let fetched = block_on(async {
        let gets = places.iter().map(|(stream, subject)| newest(connection, stream, subject));
        let mut gets = futures_util::stream::iter(gets).buffered(IN_FLIGHT);
        let mut records: Vec<Option<Record>> = Vec::with_capacity(places.len());
        while let Some(record) = gets.next().await {
            records.push(record?);
        }
        Ok(records)
    })
    .map_err(|error: Error| error.server(connection.label()))?;
    count(fetched.iter().flatten());
    Ok(fetched)
}

/// A replica that has no message may be behind, so the leader is asked before it is believed, where the user may ask it.
async fn newest(connection: &Arc<Connection>, stream: &str, subject: &str) -> Result<Option<Record>> {
    let request = json!({"last_by_subj": subject}).to_string();
    let absent = match Access::Direct.ask(connection, stream, &request, true).await {
        Ok(Reply::Message { record, .. }) => return Ok(Some(record)),
        Ok(_) => true,
        Err(Failure::NoResponders) => false,
        Err(failure) => return Err(connection.explain(failure, &Access::Direct.call(stream), stream).await),
    };
    match Access::MsgGet.ask(connection, stream, &request, true).await {
        Ok(Reply::Message { record, .. }) => Ok(Some(record)),
        Ok(_) => Ok(None),
        Err(Failure::Forbidden) if absent => Ok(None),
        Err(failure) => Err(connection.explain(failure, &Access::MsgGet.call(stream), stream).await),
    }
}
