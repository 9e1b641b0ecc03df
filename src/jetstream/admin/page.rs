//! Lists that the server sends in pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::super::connection::Connection;
use super::super::failure::Failure;
use super::super::look_up::look_up;
use crate::error::{Error, Kind};

/// One page of `STREAM.LIST` or `CONSUMER.LIST`. The server holds at most 256 entries a page (`JSApiListLimit`).
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    total: u64,
    #[serde(default, alias = "streams", alias = "consumers")]
    entries: Option<Vec<Value>>,
    /// Names of streams or consumers that no server answered for in time.
    #[serde(default)]
    missing: Option<Vec<String>>,
}

/// The reasons why a list is not whole.
pub(super) enum ListFailure {
    /// A request failed.
    Request(Failure),
    /// The list has gaps.
    Partial(Error),
}

/// The number of times that a list is read again when it changes while it is read.
const ATTEMPTS: usize = 5;

/// Every entry of a list, by name. One round trip for each 256.
///
/// An entry that is made or removed meanwhile may or may not be in the list; every other entry is in it once. Each page begins with the last entry of
/// the page before; when it does not, the list is read again.
pub(super) async fn all(
    connection: &Arc<Connection>,
    call: &str,
) -> std::result::Result<Vec<(String, Value)>, ListFailure> {
    for _ in 0..ATTEMPTS {
        if let Some(entries) = attempt(connection, call).await? {
            return Ok(entries.into_iter().collect());
        }
    }
    Err(ListFailure::Partial(
        Error::of(Kind::Conflict, "the list changed while it was read, each time anew")
            .server(connection.label())
            .advice("run the statement again"),
    ))
}

/// The list, or None when it changed between pages.
async fn attempt(
    connection: &Arc<Connection>,
    call: &str,
) -> std::result::Result<Option<BTreeMap<String, Value>>, ListFailure> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let mut offset = 0;
    loop {
        let body = Bytes::from(format!(r#"{{"offset":{offset}}}"#));
        let page: Page = look_up(connection, call, body).await.map_err(ListFailure::Request)?;
        if let Some(names) = page.missing.filter(|names| !names.is_empty()) {
            return Err(ListFailure::Partial(
                Error::of(Kind::Unavailable, format!("the servers of {} did not answer", names.join(", ")))
                    .server(connection.label())
                    .advice("check the cluster, and run the statement again"),
            ));
        }
        let entries = page.entries.unwrap_or_default();
        let end = offset + entries.len() as u64;
        if entries.first().is_some_and(|first| offset > 0 && !found.contains_key(name(first))) {
            return Ok(None);
        }
        let finished = entries.len() < 2 || end >= page.total;
        found.extend(entries.into_iter().map(|entry| (name(&entry).to_owned(), entry)));
        if finished {
            return Ok(Some(found));
        }
        offset = end - 1;
    }
}

/// A consumer's own name stands beside its configuration, a stream's inside it; in a list of names an entry is the name.
fn name(entry: &Value) -> &str {
    let inside = || entry.get("name").or_else(|| entry.get("config")?.get("name"))?.as_str();
    entry.as_str().or_else(inside).unwrap_or_default()
}
