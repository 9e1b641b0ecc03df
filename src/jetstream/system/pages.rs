//! Lists that each server hands out in pages.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::super::admin::Config;
use super::super::connection::Connection;
use super::gather::{Answer, gather};
use crate::error::{Error, Kind, Result};

/// How many entries are asked for at once.
const PAGE: usize = 512;
/// How often a list that changes while it is read is read again.
const ATTEMPTS: usize = 5;

/// A list of `$SYS.REQ.SERVER.PING.*`.
pub(super) struct Listing {
    /// The last word of the subject.
    pub what: &'static str,
    /// The members of the request besides `offset` and `limit`.
    pub options: &'static str,
    /// The member of the answer that holds the entries.
    pub entries: &'static str,
    /// The member of an entry by which the list is sorted.
    pub key: &'static str,
}

impl Listing {
    fn body(&self, offset: usize) -> String {
        format!(r#"{{{},"offset":{offset},"limit":{PAGE}}}"#, self.options)
    }

    fn entries(&self, answer: &Answer) -> Vec<Config> {
        let entries = answer.data.0.get(self.entries).and_then(Value::as_array);
        entries.into_iter().flatten().map(|entry| Config::of(Some(entry))).collect()
    }
}

/// Every entry of every server; an answer for each, whose `data` is the entry. One round trip for the first page of all servers,
/// and one for each further page.
///
/// An entry that comes or goes meanwhile may or may not be in the list; every other is, once.
///
/// # Errors
/// The list changed each time it was read; those of any request.
pub(super) async fn every_page(connection: &Arc<Connection>, listing: &Listing, servers: usize) -> Result<Vec<Answer>> {
    let call = format!("SERVER.PING.{}", listing.what);
    let mut found = Vec::new();
    for first in gather(connection, &call, &listing.body(0), servers).await? {
        let entries = entries_of(connection, listing, &first).await?;
        found.extend(entries.into_iter().map(|data| Answer { server: first.server.clone(), data }));
    }
    Ok(found)
}

/// The entries of one server, of which `first` is the first page.
async fn entries_of(connection: &Arc<Connection>, listing: &Listing, first: &Answer) -> Result<Vec<Config>> {
    let mut page = listing.entries(first);
    let id = first.server.text("id").unwrap_or_default();
    for _ in 0..ATTEMPTS {
        if let Some(entries) = pages_after(connection, listing, &id, page).await? {
            return Ok(entries);
        }
        page = ask(connection, listing, &id, 0).await?;
    }
    let cause = format!(
        "what server '{}' lists changed while it was read, each time anew",
        first.server.text("name").unwrap_or(id)
    );
    Err(Error::of(Kind::Conflict, cause).server(connection.label()).advice("run the statement again"))
}

/// The first page with those behind it; None when the list moved. Each page begins with the last entry of the page before.
async fn pages_after(
    connection: &Arc<Connection>,
    listing: &Listing,
    id: &str,
    first: Vec<Config>,
) -> Result<Option<Vec<Config>>> {
    let mut found = first;
    let mut full = found.len() == PAGE;
    while full {
        let page = ask(connection, listing, id, found.len() - 1).await?;
        let key = |entry: Option<&Config>| entry.and_then(|entry| entry.0.get(listing.key).cloned());
        if key(page.first()).is_none() || key(page.first()) != key(found.last()) {
            return Ok(None);
        }
        full = page.len() == PAGE;
        found.extend(page.into_iter().skip(1));
    }
    Ok(Some(found))
}

/// One page of one server.
async fn ask(connection: &Arc<Connection>, listing: &Listing, id: &str, offset: usize) -> Result<Vec<Config>> {
    let call = format!("SERVER.{id}.{}", listing.what);
    let body = Bytes::from(listing.body(offset));
    let message = connection.request(&format!("$SYS.REQ.{call}"), body).await;
    let message = message.map_err(|failure| connection.failure(failure, &call))?;
    let answer = Answer::read(&message.payload).map_err(|error| error.within(&call).server(connection.label()))?;
    Ok(listing.entries(&answer))
}
